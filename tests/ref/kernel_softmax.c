/* ref/kernel_softmax.c - softmax cross-entropy against its twin, its exponential against libm, and its integer sums. */
#include "check.h"

#include <stdlib.h>

#include "kernel/kernels.h"
#include "reference/softmax.h"
#include "reference/values.h"

enum { ROWS = 7, CLASSES = 256 };

static fence fence_z, fence_d, fence_labels;
static const kernels *tables[3];
static int table_count;

static const double EPS = 0x1p-24, UNIT = 0x1p32;

static int set_up(void **state)
{
    (void)state;
    fence_z = fence_open(ROWS * CLASSES), fence_d = fence_open(ROWS * CLASSES);
    fence_labels = fence_open(64);
    table_count = kernels_available(tables);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fence_close(&fence_z), fence_close(&fence_d), fence_close(&fence_labels);
    return 0;
}

/* One row against the twin; returns its loss. Errors of a probability, in units of EPS relative to itself: its
 * exponential 4 (2 ulp) and the rounded difference of logits, the sum 4 and classes/16 + 5 additions, the quotient 1.
 * */
static double check_row(const softmax_args *s, int row)
{
    double z[CLASSES], p[CLASSES], dz[CLASSES], sum = 0;
    const float *logits = s->logits + row * s->classes;
    values_widen(logits, (size_t)s->classes, z);
    double loss = softmax_ref(s->classes, z, s->labels[row], p, dz), largest = z[0];
    for (int c = 1; c < s->classes; c++) largest = fmax(largest, z[c]);
    for (int c = 0; c < s->classes; c++) {
        double error = (16 + s->classes / 16 + 2 * fmin(largest - z[c], 88)) * EPS;
        double got = (double)s->dlogits[row * s->classes + c];
        NEAR(got, dz[c] * (double)s->scale,
             (double)s->scale * (error * p[c] + 2 * EPS * fabs(dz[c]) + 1e-37));
        sum += got / (double)s->scale;
        NEAR(s->probabilities[row * s->classes + c], p[c], error * p[c] + 1e-37);
    }
    NEAR(sum, 0, (20 + s->classes / 16) * EPS); /* probabilities sum to 1 */
    NEAR(z[s->predicted[row]], largest, 0);
    return loss;
}

static void check_rows(const kernels *k, int classes, float size, uint64_t seed)
{
    float *z = fence_floats(&fence_z, (size_t)(ROWS * classes));
    float *d = fence_floats(&fence_d, (size_t)(ROWS * classes));
    uint8_t *labels = fence_bytes(&fence_labels, ROWS), predicted[ROWS];
    float probabilities[ROWS * CLASSES];
    for (int i = 0; i < ROWS * classes; i++) z[i] = size * value_at(seed, (uint64_t)i);
    for (int i = 0; i < ROWS; i++) labels[i] = (uint8_t)value_int(seed + 1, (uint64_t)i, classes);
    softmax_args s = {classes, 0, ROWS, z, labels, 0.25f, d, predicted, probabilities, 0};
    loss_sums sums = {0};
    k->softmax_loss(&s, &sums);
    double loss = 0;
    int correct = 0;
    for (int row = 0; row < ROWS; row++) {
        loss += check_row(&s, row);
        correct += predicted[row] == labels[row];
    }
    NEAR((double)sums.loss / UNIT, loss, 1e-6 * loss + ROWS / UNIT);
    assert_int_equal(sums.correct, correct);
    assert_int_equal(sums.nonfinite, 0);
    assert_true(fence_intact(&fence_d, (size_t)(ROWS * classes)));
}

static void shapes_and_sizes(void **state)
{
    (void)state;
    const int class_sweep[] = {1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 33, 100, 255, 256};
    const float size_sweep[] = {1e-3f, 1, 10, 60, 1e4f};
    for (size_t c = 0; c < sizeof class_sweep / sizeof *class_sweep; c++)
        for (size_t m = 0; m < sizeof size_sweep / sizeof *size_sweep; m++)
            for (uint64_t seed = 0; seed < 5; seed++)
                for (int t = 0; t < table_count; t++) {
                    CASE("%s classes %d size %g seed %d", tables[t]->name, class_sweep[c],
                         (double)size_sweep[m], (int)seed);
                    check_rows(tables[t], class_sweep[c], size_sweep[m], seed);
                }
}

/* With logits 0 and x <= -18 the sum of both exponentials rounds to 1, so dlogits of class 1 is e^x itself. Every
 * remainder of the reduction by ln 2 occurs there. */
static void exponential(void **state)
{
    (void)state;
    const uint8_t label = 0;
    for (int t = 0; t < table_count; t++) {
        double worst = 0;
        for (int i = 0; i < 100000; i++) {
            float x = -18.0f - 69.0f * (float)i / 100000.0f, z[2] = {0, x}, d[2];
            softmax_args s = {2, 0, 1, z, &label, 1.0f, d, NULL, NULL, 0};
            loss_sums sums = {0};
            tables[t]->softmax_loss(&s, &sums);
            double truth = exp((double)x);
            /* in double: as a float it is denormal, and riscv64 flushes everywhere */
            double ulp = (double)nextafterf((float)truth, 1.0f) - (double)(float)truth;
            worst = fmax(worst, fabs((double)d[1] - truth) / ulp);
        }
        print_message("%s: exp within %.2f ulp\n", tables[t]->name, worst);
        CASE("%s: %g ulp", tables[t]->name, worst);
        assert_true(worst <= 2.0);
    }
}

static loss_sums one_row(const kernels *k, const float *z, int classes, int label)
{
    const uint8_t labels[1] = {(uint8_t)label};
    loss_sums sums = {0};
    k->softmax_loss(&(softmax_args){classes, 0, 1, z, labels, 1, NULL, NULL, NULL, 0}, &sums);
    return sums;
}

static void nonfinite(void **state)
{
    (void)state;
    for (int t = 0; t < table_count; t++) {
        const kernels *k = tables[t];
        CASE("%s", k->name);
        for (int at = 0; at < 20; at++) {
            float z[20] = {0};
            z[at] = NAN;
            assert_int_equal(one_row(k, z, 20, 3).nonfinite, 1);
            z[at] = INFINITY;
            assert_int_equal(one_row(k, z, 20, 3).nonfinite, 1);
            z[at] = -INFINITY; /* never chosen, no loss unless it is the label's */
            loss_sums sums = one_row(k, z, 20, 3);
            assert_int_equal(sums.nonfinite, at == 3);
            if (at != 3) NEAR((double)sums.loss / UNIT, log(19), 1e-6);
        }
        const float all[2] = {-INFINITY, -INFINITY}, far[2] = {0, 0x1p20f}, near[2] = {0, 0x1p19f};
        assert_int_equal(one_row(k, all, 2, 0).nonfinite, 1);
        assert_int_equal(one_row(k, far, 2, 0).nonfinite, 1);
        assert_int_equal(one_row(k, far, 2, 0).loss, (int64_t)1 << 52);
        assert_int_equal(one_row(k, near, 2, 0).nonfinite, 0);
        assert_int_equal(one_row(k, near, 2, 0).loss, (int64_t)1 << 51);
    }
}

/* Whatever NaN a logit is, or an overflow makes: the probabilities of the row are C's NAN, bit for bit. */
static void one_nan_leaves(void **state)
{
    (void)state;
    const uint32_t bad[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0x7fc12345, 0x7f800000};
    const uint8_t labels[2] = {3, 3};
    for (int t = 0; t < table_count; t++)
        for (int n = 0; n < 6; n++)
            for (int at = 0; at < 20; at++) {
                float z[40] = {0}, p[40], expected[40];
                memcpy(&z[at], &bad[n], sizeof z[at]);
                for (int c = 0; c < 40; c++) expected[c] = c < 20 ? NAN : 0.05f;
                softmax_args s = {20, 0, 2, z, labels, 1, NULL, NULL, p, 0};
                loss_sums sums = {0};
                CASE("%s, %08x at %d", tables[t]->name, bad[n], at);
                tables[t]->softmax_loss(&s, &sums);
                SAME_BITS(p, expected, 40);
                assert_int_equal(check_bits_of(p[0]), 0x7fc00000);
                assert_int_equal(sums.nonfinite, 1);
            }
}

static void first_of_equals_is_predicted(void **state)
{
    (void)state;
    const float z[5] = {1, 3, 2, 3, 3};
    for (int t = 0; t < table_count; t++) {
        assert_int_equal(one_row(tables[t], z, 5, 1).correct, 1);
        assert_int_equal(one_row(tables[t], z, 5, 3).correct, 0);
    }
}

/* Smoothed labels: loss and gradient against the twin; without smoothing nothing changes. */
static void check_smoothing(const kernels *k, int classes, float size, float smoothing)
{
    float z[CLASSES], d[CLASSES];
    double wide[CLASSES], p[CLASSES], dz[CLASSES], largest = -INFINITY;
    const uint8_t label = (uint8_t)(classes / 2);
    for (int c = 0; c < classes; c++) z[c] = size * value_at(17, (uint64_t)c);
    loss_sums sums = {0};
    k->softmax_loss(&(softmax_args){classes, 0, 1, z, &label, 0.5f, d, NULL, NULL, smoothing},
                    &sums);
    values_widen(z, (size_t)classes, wide);
    double loss = softmax_smooth_ref(classes, wide, label, (double)smoothing, p, dz);
    NEAR((double)sums.loss / UNIT, loss, 1e-6 * loss + 1 / UNIT);
    for (int c = 0; c < classes; c++) largest = fmax(largest, wide[c]);
    for (int c = 0; c < classes; c++) {
        double error = (16 + classes / 16 + 2 * fmin(largest - wide[c], 88)) * EPS;
        NEAR(d[c], dz[c] / 2, error * p[c] + 4 * EPS);
    }
}

static void smoothed_labels(void **state)
{
    (void)state;
    const int class_sweep[] = {1, 2, 10, 16, 17, 100, 256};
    const float size_sweep[] = {1e-3f, 1, 10, 60}, smoothing[] = {0, 0.01f, 0.1f, 0.5f, 0.99f};
    for (int t = 0; t < table_count; t++)
        for (size_t c = 0; c < sizeof class_sweep / sizeof *class_sweep; c++)
            for (size_t m = 0; m < sizeof size_sweep / sizeof *size_sweep; m++)
                for (size_t a = 0; a < sizeof smoothing / sizeof *smoothing; a++) {
                    CASE("%s classes %d size %g smoothing %g", tables[t]->name, class_sweep[c],
                         (double)size_sweep[m], (double)smoothing[a]);
                    check_smoothing(tables[t], class_sweep[c], size_sweep[m], smoothing[a]);
                }
}

/* By hand: two classes, logits 0: p = 1/2, loss log 2 whatever the target; with a = 1/2 the gradient is -+ 1/4. */
static void smoothing_by_hand(void **state)
{
    (void)state;
    const float z[2] = {0, 0};
    const uint8_t label = 0;
    for (int t = 0; t < table_count; t++) {
        float d[2];
        loss_sums sums = {0};
        tables[t]->softmax_loss(&(softmax_args){2, 0, 1, z, &label, 1, d, NULL, NULL, 0.5f}, &sums);
        NEAR((double)sums.loss / UNIT, 0.69314718056, 1e-9);
        assert_true(d[0] == -0.25f && d[1] == 0.25f);
    }
}

/* Rows [lo,hi) only, added to what the sums held; the others' gradients stay. */
static void row_ranges(void **state)
{
    (void)state;
    float z[ROWS * 10], d[ROWS * 10], whole[ROWS * 10];
    uint8_t labels[ROWS] = {0, 1, 2, 3, 4, 5, 6};
    values_fill(z, ROWS * 10, 5);
    for (int t = 0; t < table_count; t++) {
        softmax_args s = {10, 0, ROWS, z, labels, 1, whole, NULL, NULL, 0};
        loss_sums all = {0}, parts = {0};
        tables[t]->softmax_loss(&s, &all);
        canaries(d, ROWS * 10);
        s.dlogits = d, s.lo = 2, s.hi = 5;
        tables[t]->softmax_loss(&s, &parts);
        SAME_BITS(d + 20, whole + 20, 30);
        for (int i = 0; i < ROWS * 10; i++) assert_true(is_canary(d[i]) == (i < 20 || i >= 50));
        s.lo = 0, s.hi = 2;
        tables[t]->softmax_loss(&s, &parts);
        s.lo = 5, s.hi = ROWS;
        tables[t]->softmax_loss(&s, &parts);
        assert_memory_equal(&parts, &all, sizeof all);
    }
}

/* Losses just below 2^20, 2048 a call: the second call would wrap. The sum stays at the largest number instead, from there
 * on and whatever is added. */
static void sum_stays_at_the_largest(void **state)
{
    (void)state;
    enum { MANY = 2048 };
    static float z[MANY * 2];
    static uint8_t labels[MANY];
    const float below = nextafterf(0x1p20f, 0);
    const int64_t each = (int64_t)((double)below * UNIT);
    for (int i = 0; i < MANY; i++) z[2 * i + 1] = below;
    for (int t = 0; t < table_count; t++) {
        CASE("%s", tables[t]->name);
        loss_sums sums = {0};
        softmax_args s = {2, 0, MANY, z, labels, 1, NULL, NULL, NULL, 0};
        tables[t]->softmax_loss(&s, &sums);
        assert_true(sums.loss == MANY * each);
        for (int i = 0; i < 100; i++) {
            tables[t]->softmax_loss(&s, &sums);
            assert_true(sums.loss == INT64_MAX);
        }
        s.smoothing = 0.5f; /* loss: a half and a quarter of the distance */
        sums = (loss_sums){.loss = INT64_MAX - 1 - MANY * (each / 4 * 3)};
        tables[t]->softmax_loss(&s, &sums);
        assert_true(sums.loss == INT64_MAX - 1);
        tables[t]->softmax_loss(&s, &sums);
        assert_true(sums.loss == INT64_MAX);
        assert_int_equal(sums.nonfinite, 0); /* a large loss is finite */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_sizes),
        cmocka_unit_test(exponential),
        cmocka_unit_test(nonfinite),
        cmocka_unit_test(one_nan_leaves),
        cmocka_unit_test(first_of_equals_is_predicted),
        cmocka_unit_test(row_ranges),
        cmocka_unit_test(smoothed_labels),
        cmocka_unit_test(smoothing_by_hand),
        cmocka_unit_test(sum_stays_at_the_largest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
