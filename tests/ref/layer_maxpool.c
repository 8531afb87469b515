/* ref/layer_maxpool.c - the stage of a pooling that is not fused, against the double reference: no sums but in
 * overlapping windows' gradients, which are exact here (small multiples of a quarter), so the tolerance is 0. Ties
 * are frequent. */
#include "check.h"

#include <stdlib.h>

#include "base/arena.h"
#include "layer_rows.h"
#include "reference/layer_ref.h"
#include "reference/pool.h"
#include "reference/values.h"

enum { SAMPLES = 3 };

static float *quarters(size_t count, uint64_t seed)
{
    float *values = values_take(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = (float)(value_int(seed, i, 33) - 16) / 4.0f;
    return values;
}

/* One sample's y and argmax, then dx, on both sides. */
static void compare(const stage *s, const stage_io *io, int n)
{
    size_t in = s->in_length, out = s->out_length;
    pool_args p = layer_ref_pool(s->layer);
    double *x = values_take(in * sizeof *x), *dx = values_take(in * sizeof *dx);
    double *zero = values_take((in + out) * sizeof *zero);
    double *y = values_take(out * sizeof *y), *dy = values_take(out * sizeof *dy);
    int *argmax = values_take(out * sizeof *argmax);
    values_widen(io->x + (size_t)n * in, in, x);
    values_widen(io->dy + (size_t)n * out, out, dy);
    pool_ref_forward(&p, NULL, x, y, argmax);
    ALLCLOSE(io->y + (size_t)n * out, y, zero, out);
    for (size_t i = 0; i < out; i++) assert_int_equal(io->saved[(size_t)n * out + i], argmax[i]);
    pool_ref_backward(&p, dy, y, argmax, dx, NULL);
    ALLCLOSE(io->dx + (size_t)n * in, dx, zero, in);
    free(x), free(dx), free(zero), free(y), free(dy), free(argmax);
}

static void check_layer(const layer *l, const kernels *k, uint64_t seed)
{
    stage s = {.type = stage_named("maxpool", "maxpool"),
               .k = k,
               .layer = l,
               .want_input_gradient = 1,
               .in_length = shape_length(l->in),
               .out_length = shape_length(l->out)};
    stage_plan(&s);
    assert_true(s.leaf_length == 0 && s.packed_length == 0);
    float *x = quarters(SAMPLES * s.in_length, seed),
          *dy = quarters(SAMPLES * s.out_length, seed + 1);
    stage_io io = {.x = x,
                   .dy = dy,
                   .y = values_take(SAMPLES * s.out_length * sizeof(float)),
                   .dx = values_take(SAMPLES * s.in_length * sizeof(float)),
                   .saved = values_take(SAMPLES * s.saved_bytes)};
    canaries(io.y, SAMPLES * s.out_length), canaries(io.dx, SAMPLES * s.in_length);
    s.type->forward(&s, &io, SAMPLES, 0, 1);
    s.type->backward_leaf(&s, &io, SAMPLES, NULL);
    for (int n = 0; n < SAMPLES; n++) compare(&s, &io, n);
    free(x), free(dy), free(io.y), free(io.saved), free(io.dx);
}

static void sweep(void **state)
{
    (void)state;
    static const int channels[] = {1, 3, 17, 32};
    const kernels *tables[3];
    int count = kernels_available(tables), seed = 0;
    failure why;
    for (int size = 1; size <= 5; size++)
        for (int stride = 1; stride <= 4; stride++)
            for (int pad = PADDING_VALID; pad <= PADDING_SAME; pad++)
                for (int c = 0; c < 4; c++, seed++) {
                    layer l = {.cfg = {.type = kind_named("maxpool"),
                                       .size = size,
                                       .stride = stride,
                                       .pad = (padding)pad}};
                    l.in = shape_image(size + value_int(7, (uint64_t)seed, 6),
                                       size + value_int(8, (uint64_t)seed, 6), channels[c]);
                    assert_int_equal(layer_plan(&l, &why), STATUS_OK);
                    for (int k = 0; k < count; k++) {
                        CASE("%s: %s, window %d, stride %d, pad %d", tables[k]->name,
                             shape_text(l.in).text, size, stride, pad);
                        check_layer(&l, tables[k], (uint64_t)seed);
                    }
                }
}

/* `same` windows that hang over every edge of an image smaller than they are; the largest window. */
static void corners(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    failure why;
    layer wide = {
        .cfg = {.type = kind_named("maxpool"), .size = 5, .stride = 1, .pad = PADDING_SAME},
        .in = shape_image(2, 3, 3)};
    layer largest = {.cfg = {.type = kind_named("maxpool"), .size = 16, .stride = 16},
                     .in = shape_image(32, 17, 2)};
    assert_int_equal(layer_plan(&wide, &why), STATUS_OK);
    assert_int_equal(layer_plan(&largest, &why), STATUS_OK);
    for (int k = 0; k < count; k++) {
        CASE("%s, corners", tables[k]->name);
        check_layer(&wide, tables[k], 1);
        check_layer(&largest, tables[k], 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep),
        cmocka_unit_test(corners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
