/* prop/kernel_blis_rows.c - through BLIS, too, a row's bits do not depend on how many rows are in the call. */
#include "check.h"

#include <stdlib.h>

#include <blis.h>

#include "kernel/gemm_blis.h"
#include "kernel/kernels.h"
#include "reference/gemm.h"
#include "reference/values.h"

enum { MAX_ROWS = 128, MAX_COLS = 1600 };

typedef struct shape {
    int n, k;
} shape;

static const shape shapes[] = {{128, 1600}, {128, 512}, {64, 288}, {10, 128}, {512, 156}};
enum { SHAPES = sizeof shapes / sizeof *shapes };
static const int more_rows[] = {64, 100, 128};

static float *a, *b, *whole, *part;

static int set_up(void **state)
{
    (void)state;
    a = values_take(MAX_ROWS * MAX_COLS * sizeof *a);
    b = values_take(512 * MAX_COLS * sizeof *b);
    whole = values_take(MAX_ROWS * 512 * sizeof *whole);
    part = values_take(MAX_ROWS * 512 * sizeof *part);
    values_fill(a, MAX_ROWS * MAX_COLS, 1);
    values_fill(b, 512 * MAX_COLS, 2);
    print_message("BLIS for %s\n", gemm_blis_architecture());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(a), free(b), free(whole), free(part);
    return 0;
}

static void ours(int m, shape s, float *c)
{
    gemm_blis_args g = {.rows = {a, 1, m, 1, s.k, 0, (size_t)s.k, 0},
                        .b = b,
                        .cols = s.n,
                        .c = c,
                        .c_row_stride = (size_t)s.n};
    gemm_blis_nn(&g);
}

/* BLIS called in the usual way, with its path for small matrices. */
static void plain(int m, shape s, float *c)
{
    float one = 1, zero = 0;
    rntm_t runtime = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads(1, &runtime);
    bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, m, s.n, s.k, &one, a, s.k, 1, b, s.n, 1,
                 &zero, c, s.n, 1, NULL, &runtime);
}

/* The first number of rows at which a row differs from the same row among MAX_ROWS, or 0. */
static int first_difference(void (*multiply)(int, shape, float *), shape s)
{
    multiply(MAX_ROWS, s, whole);
    for (int i = 1; i <= 43; i++) {
        int m = i <= 40 ? i : more_rows[i - 41];
        multiply(m, s, part);
        if (memcmp(part, whole, (size_t)(m * s.n) * sizeof *part) != 0) return m;
    }
    return 0;
}

static void rows_keep_their_bits(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        CASE("n %d k %d", shapes[i].n, shapes[i].k);
        NEAR(first_difference(ours, shapes[i]), 0, 0);
    }
}

/* What the test above guards against does happen, and first_difference sees it. */
static void the_small_path_does_not(void **state)
{
    (void)state;
    int shown = 0;
    for (int i = 0; i < SHAPES; i++) {
        int m = first_difference(plain, shapes[i]);
        if (m) print_message("n %d k %d: other bits with %d rows\n", shapes[i].n, shapes[i].k, m);
        shown += m != 0;
    }
    if (!shown) print_message("this processor's BLIS has no such small-matrix path\n");
}

/* first_difference can fail: one bit off in one row of one call. */
static void spoiled(int m, shape s, float *c)
{
    ours(m, s, c);
    if (m == 17) c[16 * s.n + 3] = nextafterf(c[16 * s.n + 3], INFINITY);
}

static void a_wrong_bit_is_seen(void **state)
{
    (void)state;
    assert_int_equal(first_difference(spoiled, shapes[3]), 17);
}

/* Values: a convolution by patches, bias, ReLU, gaps between rows of C. */
static void against_the_twin(void **state)
{
    (void)state;
    for (int cols = 1; cols <= 65; cols += 8)
        for (int act = ACTIVATION_NONE; act <= ACTIVATION_RELU; act++) {
            gemm_rows rows = {a, 5, 6, 3, 15, 50, 5, 50};
            gemm_ref ref = {.rows = rows, .b = b, .cols = cols, .bias = act ? a : NULL, .act = act};
            double want[30 * 65], bound[30 * 65];
            size_t stride = (size_t)cols + 3;
            gemm_nn_ref(&ref, want, bound);
            canaries(part, 30 * stride);
            gemm_blis_args g = {rows, b, cols, ref.bias, act, part, 6 * stride, stride, whole};
            assert_true(gemm_blis_scratch(&rows) == 30 * 45);
            gemm_blis_nn(&g);
            CASE("cols %d act %d", cols, act);
            for (int r = 0; r < 30; r++) {
                ALLCLOSE(part + (size_t)r * stride, want + r * cols, bound + r * cols, cols);
                for (int j = 0; j < 3; j++)
                    assert_true(is_canary(part[(size_t)r * stride + (size_t)(cols + j)]));
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_keep_their_bits),
        cmocka_unit_test(the_small_path_does_not),
        cmocka_unit_test(a_wrong_bit_is_seen),
        cmocka_unit_test(against_the_twin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
