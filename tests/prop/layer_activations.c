/* prop/layer_activations.c - a convolution or dense layer with an activation is the one without, then the activation.
 *
 * The same bits, forward and backward, over engines, tables and a fused pooling: with y = act(z), the layer with act given dy
 * does what the layer without does given act'(y) dy. The layers without are held by ref/layer_conv2d.c and
 * ref/layer_dense.c, the activations by ref/kernel_activation.c. */
#include "check.h"

#include <stdlib.h>

#include "base/arena.h"
#include "layer_rows.h"
#include "reference/values.h"

enum { SAMPLES = 5, GRAIN = 2, LEAVES = 3 };
static const double SLOPE = 0.125;

typedef struct shape_case {
    const char *kind;
    int units, size, pool;
    shape in;
} shape_case;

static const shape_case cases[] = {
    {"conv2d", 6, 3, 0, {3, {6, 7, 2}}},    {"conv2d", 33, 2, 2, {3, {7, 5, 3}}},
    {"conv2d", 16, 5, 3, {3, {10, 11, 1}}}, {"dense", 10, 0, 0, {1, {19}}},
    {"dense", 70, 0, 0, {1, {33}}},
};

typedef struct side {
    layer l, pool;
    stage s;
    stage_io io;
    float *packed, *gradient, *results[TREE_MAX_NODES];
    size_t slab;
} side;

static void plan_layers(side *a, const shape_case *c, activation act)
{
    failure why;
    a->l = (layer){.cfg = {.type = kind_named(c->kind),
                           .units = c->units,
                           .size = c->size,
                           .stride = 1,
                           .act = act,
                           .slope = SLOPE},
                   .in = c->in};
    assert_int_equal(layer_plan(&a->l, &why), STATUS_OK);
    a->pool = (layer){.cfg = {.type = kind_named("maxpool"), .size = c->pool, .stride = c->pool},
                      .in = a->l.out};
    if (c->pool) assert_int_equal(layer_plan(&a->pool, &why), STATUS_OK);
    size_t kernel = shape_length(a->l.tensor[0].shape);
    a->l.tensor[0].at = (span){0, kernel};
    a->l.tensor[1].at = (span){slab_round_up(kernel), (size_t)c->units};
    a->slab = slab_round_up(kernel) + slab_round_up((size_t)c->units);
}

static void side_open(side *a, const shape_case *c, activation act, const kernels *k,
                      gemm_engine engine)
{
    plan_layers(a, c, act);
    const shape *out = c->pool ? &a->pool.out : &a->l.out;
    a->s = (stage){.type = stage_named(c->kind, c->kind),
                   .k = k,
                   .engine = engine,
                   .layer = &a->l,
                   .fused = c->pool ? &a->pool : NULL,
                   .want_input_gradient = 1,
                   .in_length = shape_length(c->in),
                   .out_length = shape_length(*out)};
    stage_plan(&a->s);
    float *slab = memory_take(a->slab * sizeof *slab),
          *x = memory_take(SAMPLES * a->s.in_length * sizeof *x);
    values_fill(slab, a->slab, 1), values_fill(x, SAMPLES * a->s.in_length, 2);
    a->packed = memory_take(a->s.packed_length * sizeof(float));
    a->gradient = memory_take(a->slab * sizeof(float));
    a->results[0] = a->gradient;
    a->io = (stage_io){.parameters = slab,
                       .packed = a->packed,
                       .x = x,
                       .y = memory_take(SAMPLES * a->s.out_length * sizeof(float)),
                       .dy = memory_take(SAMPLES * a->s.out_length * sizeof(float)),
                       .dx = memory_take(SAMPLES * a->s.in_length * sizeof(float)),
                       .saved = memory_take(SAMPLES * a->s.saved_bytes + 1),
                       .scratch = memory_take((a->s.scratch_length + 1) * sizeof(float)),
                       .shared = memory_take((SAMPLES * a->s.shared_length + 1) * sizeof(float))};
    a->s.type->prepare(&a->s, slab, a->packed, 0, 1);
    values_fill(a->io.dy, SAMPLES * a->s.out_length, 3);
}

static void side_close(side *a)
{
    float *all[] = {a->packed, a->gradient,   a->io.y,     a->io.dy,
                    a->io.dx,  a->io.scratch, a->io.shared};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) memory_free(all[i]);
    memory_free((void *)(uintptr_t)a->io.parameters), memory_free((void *)(uintptr_t)a->io.x);
    memory_free(a->io.saved);
}

static void side_backward(side *a)
{
    if (a->s.type->split == STAGE_BY_SAMPLE) {
        a->s.type->backward_leaf(&a->s, &a->io, SAMPLES, a->gradient);
        return;
    }
    tree_node leaf[LEAVES] = {{0, 1}, {1, 2}, {2, 3}};
    unsigned char merges[LEAVES];
    stage_tree tree = {GRAIN, tree_plan_merges(LEAVES, leaf, LEAVES, merges, NULL), merges,
                       a->results};
    a->s.type->backward_tile(&a->s, &a->io, SAMPLES, &tree, 0, 1);
}

static void compare(const shape_case *c, activation act, const kernels *k, gemm_engine engine)
{
    side with, without;
    side_open(&with, c, act, k, engine), side_open(&without, c, ACTIVATION_NONE, k, engine);
    size_t out = SAMPLES * with.s.out_length;
    with.s.type->forward(&with.s, &with.io, SAMPLES, 0, 1);
    without.s.type->forward(&without.s, &without.io, SAMPLES, 0, 1);
    k->activate(act, (float)SLOPE, out, without.io.y);
    SAME_BITS(with.io.y, without.io.y, out);
    k->activation_backward(act, (float)SLOPE, out, without.io.dy, without.io.y, without.io.dy);
    side_backward(&with), side_backward(&without);
    SAME_BITS(with.io.dx, without.io.dx, SAMPLES * with.s.in_length);
    SAME_BITS(with.gradient, without.gradient, with.slab);
    side_close(&with), side_close(&without);
}

static void the_layer_then_the_activation(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kind = 0; layer_kind(kind); kind++)
            for (int t = 0; t < count && layer_kind(kind)->act != ACTIVATION_NONE; t++)
                for (int engine = GEMM_OWN; engine <= GEMM_BLIS; engine++) {
                    activation act = layer_kind(kind)->act;
                    CASE("case %zu, act %d, %s, engine %d", i, act, tables[t]->name, engine);
                    compare(&cases[i], act, tables[t], (gemm_engine)engine);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_layer_then_the_activation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
