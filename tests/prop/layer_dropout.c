/* prop/layer_dropout.c - the mask is a function of seed, epoch, sample, layer and element; its statistics; that evaluation
 * is the identity. */
#include "check.h"

#include <stdlib.h>

#include "base/arena.h"
#include "layer_rows.h"
#include "reference/values.h"

enum { LENGTH = 37, SAMPLES = 64 };

static const kernels *best(void)
{
    const kernels *tables[3];
    kernels_available(tables);
    return tables[0];
}

static layer dropout_layer(double rate, int number, int length)
{
    failure why;
    layer l = {.cfg = {.type = kind_named("dropout"), .rate = rate},
               .number = number,
               .in = shape_vector(length)};
    assert_int_equal(layer_plan(&l, &why), STATUS_OK);
    assert_true(shape_equal(l.in, l.out) && l.tensors == 0);
    return l;
}

static stage stage_of(const layer *l)
{
    size_t length = shape_length(l->in);
    stage s = {.type = stage_named("dropout", "dropout"),
               .k = best(),
               .layer = l,
               .want_input_gradient = 1,
               .in_length = length,
               .out_length = length};
    stage_plan(&s);
    return s;
}

/* y of ones: 0 or 1 / (1 - rate). */
static void masks(const layer *l, stage_draw draw, int samples, float *y)
{
    stage s = stage_of(l);
    size_t count = (size_t)samples * s.out_length;
    float *ones = values_take(count * sizeof *ones);
    for (size_t i = 0; i < count; i++) ones[i] = 1;
    uint8_t *saved = values_take(count);
    stage_io io = {.x = ones, .y = y, .saved = saved, .draw = draw};
    s.type->forward(&s, &io, samples, 0, 1);
    free(ones), free(saved);
}

static int differing(const float *a, const float *b, int count)
{
    int differ = 0;
    for (int i = 0; i < count; i++) differ += check_bits_of(a[i]) != check_bits_of(b[i]);
    return differ;
}

/* One call for all samples, one for each alone, in any order: the same mask. */
static void independent_of_the_call(void **state)
{
    (void)state;
    layer l = dropout_layer(0.4, 3, LENGTH);
    static float together[SAMPLES * LENGTH], alone[LENGTH];
    int indices[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) indices[i] = (i * 11 + 5) % SAMPLES;
    stage_draw draw = {.trains = 1, .seed = 9, .epoch = 2, .samples = indices};
    masks(&l, draw, SAMPLES, together);
    for (int i = 0; i < SAMPLES; i++) {
        draw.samples = NULL, draw.first = indices[i];
        masks(&l, draw, 1, alone);
        CASE("sample %d", indices[i]);
        SAME_BITS(together + i * LENGTH, alone, LENGTH);
    }
}

/* A longer vector begins with the shorter one's mask: elements do not depend on their number. */
static void independent_of_the_length(void **state)
{
    (void)state;
    static float few[5], many[LENGTH];
    layer small = dropout_layer(0.5, 1, 5), large = dropout_layer(0.5, 1, LENGTH);
    stage_draw draw = {.trains = 1, .seed = 1};
    masks(&small, draw, 1, few), masks(&large, draw, 1, many);
    SAME_BITS(few, many, 5);
}

static void depends_on_every_coordinate(void **state)
{
    (void)state;
    enum { LONG = 1000 };
    static float base[LONG], other[LONG];
    layer l = dropout_layer(0.5, 3, LONG), next = dropout_layer(0.5, 4, LONG);
    stage_draw draw = {.trains = 1, .seed = 9, .epoch = 2, .first = 100},
               changed[3] = {draw, draw, draw};
    masks(&l, draw, 1, base);
    changed[0].seed = 10, changed[1].epoch = 3, changed[2].first = 101;
    for (int i = 0; i < 4; i++) {
        masks(i < 3 ? &l : &next, i < 3 ? changed[i] : draw, 1, other);
        int differ = differing(base, other, LONG);
        CASE("coordinate %d: %d differ", i, differ);
        assert_true(differ > 400 && differ < 600); /* 6 standard deviations around half */
    }
}

/* Shares, means, and neighbours that know nothing of each other, within 5 standard deviations. */
static void statistics(void **state)
{
    (void)state;
    enum { WIDE = 1003, ROUNDS = 100 };
    static float y[ROUNDS * WIDE];
    const double rates[] = {0.1, 0.25, 0.5, 0.8, 0.99}, n = ROUNDS * WIDE;
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        layer l = dropout_layer(rates[r], 0, WIDE);
        stage_draw draw = {.trains = 1, .seed = r};
        double dropped = 0, sum = 0, pairs = 0, p = rates[r];
        masks(&l, draw, ROUNDS, y);
        for (int i = 0; i < ROUNDS * WIDE; i++) {
            dropped += y[i] == 0;
            sum += (double)y[i];
            pairs += i > 0 && y[i] == 0 && y[i - 1] == 0;
            assert_true(y[i] == 0 || fabs((double)y[i] * (1 - p) - 1) < 1.0 / 65536 / (1 - p));
        }
        CASE("rate %g", p);
        NEAR(dropped / n, p, 5 * sqrt(p * (1 - p) / n) + 1.0 / 131072);
        NEAR(sum / n, 1, 5 * sqrt(p / (1 - p) / n));
        NEAR(pairs / n, p * p, 8 * sqrt(p * p * (1 - p * p) / n) + 1e-4);
    }
}

static void nothing_is_dropped(void **state)
{
    (void)state;
    static float x[SAMPLES * LENGTH], y[SAMPLES * LENGTH];
    uint8_t saved[SAMPLES * LENGTH];
    values_fill(x, SAMPLES * LENGTH, 3);
    for (int trains = 0; trains <= 1; trains++) { /* evaluation, and training with rate 0 */
        layer l = dropout_layer(trains ? 0 : 0.5, 0, LENGTH);
        stage s = stage_of(&l);
        stage_io io = {.x = x, .y = y, .saved = saved, .draw = {.trains = trains}};
        canaries(y, SAMPLES * LENGTH);
        s.type->forward(&s, &io, SAMPLES, 0, 1);
        SAME_BITS(y, x, SAMPLES * LENGTH);
    }
}

/* y is linear in x for a given mask, and dx is its transpose: dx of dy is what forward makes of dy. */
static void gradient_through_the_mask(void **state)
{
    (void)state;
    static float x[SAMPLES * LENGTH], y[SAMPLES * LENGTH], dx[SAMPLES * LENGTH];
    uint8_t saved[SAMPLES * LENGTH];
    layer l = dropout_layer(0.3, 2, LENGTH);
    stage s = stage_of(&l);
    values_fill(x, SAMPLES * LENGTH, 3);
    stage_io io = {
        .x = x, .y = y, .dy = x, .dx = dx, .saved = saved, .draw = {.trains = 1, .seed = 4}};
    s.type->forward(&s, &io, SAMPLES, 0, 1);
    s.type->backward_leaf(&s, &io, SAMPLES, NULL);
    SAME_BITS(dx, y, SAMPLES * LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(independent_of_the_call),     cmocka_unit_test(independent_of_the_length),
        cmocka_unit_test(depends_on_every_coordinate), cmocka_unit_test(statistics),
        cmocka_unit_test(nothing_is_dropped),          cmocka_unit_test(gradient_through_the_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
