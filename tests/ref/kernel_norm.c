/* ref/kernel_norm.c - layer normalisation and average pooling worked out by hand, and what normalisation leaves unchanged;
 * over shapes they are held by ref/model_kinds.c. */
#include "check.h"

#include "kernel/kernels.h"
#include "reference/values.h"

static const double EPS = 0x1p-24;

/* Worked out by hand: rows (1,3) and (-1,1) have mean 2 and 0, variance 1; windows of 4, 2, 2 and 1 pixels. */
static void by_hand(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    const float rows[] = {1, 3, -1, 1}, gamma[] = {2, 4}, beta[] = {1, 0},
                image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const float averages[] = {3, 4.5f, 7.5f, 9}, normal[] = {-1, 4, -1, 4};
    for (int t = 0; t < count; t++) {
        float y[4], stats[4];
        layer_norm_args n = {2, 2, gamma, beta, 0};
        tables[t]->layer_norm_forward(&n, rows, y, stats);
        SAME_BITS(y, normal, 4);
        assert_true(stats[0] == 2 && stats[1] == 1 && stats[2] == 0 && stats[3] == 1);
        pool_args p = {.height = 3,
                       .width = 3,
                       .channels = 1,
                       .out_height = 2,
                       .out_width = 2,
                       .size = 2,
                       .stride = 2};
        tables[t]->average_forward(&p, image, y);
        SAME_BITS(y, averages, 4);
    }
}

/* A constant row has variance 0: finite, and no gradient goes through. A shift of the row changes nothing (to rounding). */
static void norm_properties(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    enum { LENGTH = 24 };
    for (int t = 0; t < count; t++) {
        float x[LENGTH], shifted[LENGTH], y[LENGTH], other[LENGTH], ones[LENGTH],
            zeros[LENGTH] = {0}, stats[2];
        float dy[LENGTH], dx[LENGTH], dgamma[LENGTH] = {0}, dbeta[LENGTH] = {0}, sum = 0;
        for (int i = 0; i < LENGTH; i++) {
            x[i] = value_at(1, (uint64_t)i), dy[i] = value_at(2, (uint64_t)i);
            shifted[i] = x[i] + 2, ones[i] = 1, other[i] = 0.75f;
        }
        layer_norm_args n = {1, LENGTH, ones, zeros, 1e-3f};
        tables[t]->layer_norm_forward(&n, other, y, stats);
        SAME_BITS(y, zeros, LENGTH);
        tables[t]->layer_norm_forward(&n, shifted, other, stats);
        tables[t]->layer_norm_forward(&n, x, y, stats);
        for (int i = 0; i < LENGTH; i++) NEAR(other[i], y[i], 64 * EPS);
        tables[t]->layer_norm_backward(&n, x, stats, dy, dx, dgamma, dbeta);
        for (int i = 0; i < LENGTH; i++) sum += dx[i]; /* the gradient of a shift */
        NEAR(sum, 0, 64 * EPS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(norm_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
