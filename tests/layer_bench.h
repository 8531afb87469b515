/* layer_bench.h - one layer's stage alone on drawn numbers, for the tests that loop over the rows of layer_rows.h.
 *
 * What the stage is given ends at fences; what it should write are NaNs before. Forward and backward run on the samples
 * [first, first + count); dx is wanted. */
#ifndef MNIST_DIST_TESTS_LAYER_BENCH_H
#define MNIST_DIST_TESTS_LAYER_BENCH_H

#include "base/arena.h"
#include "layer_rows.h"
#include "model/spec.h"
#include "reference/values.h"

enum { BENCH_PARTS = 3, BENCH_LEAVES = 4, BENCH_CASES = 16 };

/* EXACT: quarters from -1 to 1, so that short sums do not round; DRAWN: uniform in [-1,1). */
typedef enum bench_numbers { BENCH_EXACT, BENCH_DRAWN } bench_numbers;

typedef struct layer_bench {
    arena memory;
    layer l;
    stage s;
    size_t in, out, slab_length; /* floats; the first two per sample */
    int samples;
    float *slab, *x, *dy_given;
    float *packed, *gradient; /* gradient: a slab */
    fence scratch, saved, shared, y, dy, dx;
    stage_io io;
} layer_bench;

/* The layers of a row's cases; returns their number. */
static inline int bench_cases(const layer_row *row, layer_cfg cfgs[BENCH_CASES])
{
    failure why;
    int count = 0;
    if (!*row->cases) return 0;
    status s = spec_parse(row->cases, cfgs, BENCH_CASES, &count, &why);
    if (s) print_error("%s: %s\n", row->word, why.text);
    assert_int_equal(s, STATUS_OK);
    for (int i = 0; i < count; i++) assert_string_equal(cfgs[i].type->word, row->word);
    return count;
}

/* An input that the layer takes, by a seed; its last dimension is one of `lengths`. */
static inline shape bench_input(const layer_cfg *cfg, uint64_t seed, const int *lengths, int count)
{
    int last = lengths[seed % (uint64_t)count], size = cfg->size > 0 ? cfg->size : 1;
    int rows = size + value_int(seed, 0, 5), cols = size + value_int(seed, 1, 5);
    layer_input input = cfg->type->input;
    if (input == INPUT_VECTOR || (input == INPUT_ANY && seed % 3 == 0)) return shape_vector(last);
    if (input == INPUT_SEQUENCE || (input == INPUT_ANY && seed % 3 == 1))
        return (shape){.rank = 2, .dim = {1 + value_int(seed, 2, 6), last}};
    return shape_image(rows, cols, last);
}

static inline void bench_fill(float *values, size_t count, bench_numbers numbers, uint64_t seed)
{
    values_fill(values, count, seed);
    for (size_t i = 0; numbers == BENCH_EXACT && i < count; i++)
        values[i] = (float)(value_int(seed, i, 9) - 4) / 4.0f;
}

static inline void bench_plan(layer_bench *b, const layer_cfg *cfg, shape in)
{
    failure why;
    b->l = (layer){.cfg = *cfg, .in = in, .name = "bench", .number = 1};
    assert_int_equal(layer_plan(&b->l, &why), STATUS_OK);
    b->slab_length = SLAB_ALIGN; /* not at 0, so that offsets show */
    for (int t = 0; t < b->l.tensors; t++) {
        b->l.tensor[t].at = (span){b->slab_length, shape_length(b->l.tensor[t].shape)};
        b->slab_length += slab_round_up(b->l.tensor[t].at.length);
    }
    b->in = shape_length(b->l.in), b->out = shape_length(b->l.out);
}

/* 0, and nothing is open, where no stage runs. */
static inline int bench_open(layer_bench *b, const layer_cfg *cfg, shape in, int samples,
                             const kernels *k, bench_numbers numbers, uint64_t seed)
{
    size_t n = (size_t)samples;
    *b = (layer_bench){.samples = samples};
    bench_plan(b, cfg, in);
    b->s = (stage){.k = k, .layer = &b->l, .want_input_gradient = 1};
    if (!stage_choose(&b->s, NULL)) return 0;
    stage_plan(&b->s);
    b->slab = arena_take(&b->memory, b->slab_length * sizeof(float));
    b->gradient = arena_take(&b->memory, b->slab_length * sizeof(float));
    b->x = arena_take(&b->memory, n * b->in * sizeof(float));
    b->dy_given = arena_take(&b->memory, n * b->out * sizeof(float));
    b->packed = arena_take(&b->memory, b->s.packed_length * sizeof(float));
    bench_fill(b->slab, b->slab_length, numbers, seed);
    bench_fill(b->x, n * b->in, numbers, seed + 1);
    bench_fill(b->dy_given, n * b->out, numbers, seed + 2);
    canaries(b->packed, b->s.packed_length);
    for (int part = 0; b->s.type->prepare && part < BENCH_PARTS; part++)
        b->s.type->prepare(&b->s, b->slab, b->packed, part, BENCH_PARTS);
    b->scratch = fence_open(b->s.scratch_length), b->shared = fence_open(n * b->s.shared_length);
    b->saved = fence_open(n * (b->s.saved_bytes / sizeof(float) + 1));
    b->y = fence_open(n * b->out), b->dy = fence_open(n * b->out), b->dx = fence_open(n * b->in);
    return 1;
}

/* Backward: one leaf, or the tree over leaves of two samples. */
static inline void bench_backward(layer_bench *b, int count)
{
    const stage_type *type = b->s.type;
    if (type->split == STAGE_BY_SAMPLE) {
        size_t first = b->l.tensors ? b->l.tensor[0].at.offset : 0;
        type->backward_leaf(&b->s, &b->io, count, b->gradient + first);
        return;
    }
    tree_node nodes[BENCH_LEAVES];
    unsigned char merges[BENCH_LEAVES];
    int leaves = tree_leaves(count, 2);
    assert_true(leaves <= BENCH_LEAVES);
    for (int i = 0; i < leaves; i++) nodes[i] = (tree_node){i, i + 1};
    stage_tree tree = {2, tree_plan_merges(leaves, nodes, leaves, merges, NULL), merges,
                       (float *const[]){b->gradient}};
    type->backward_tile(&b->s, &b->io, count, &tree, 0, 1);
}

static inline void bench_run(layer_bench *b, int first, int count)
{
    size_t n = (size_t)count, at = (size_t)first;
    b->io = (stage_io){
        .parameters = b->slab,
        .packed = b->packed,
        .x = b->x + at * b->in,
        .y = fence_floats(&b->y, n * b->out),
        .dy = fence_floats(&b->dy, n * b->out),
        .dx = fence_floats(&b->dx, n * b->in),
        .saved = fence_bytes(&b->saved, n * b->s.saved_bytes),
        .scratch = fence_floats(&b->scratch, b->s.scratch_length),
        .shared = fence_floats(&b->shared, n * b->s.shared_length),
        .draw = {.trains = 1, .seed = 5, .epoch = 2, .first = first},
    };
    memset(b->io.scratch, 0, b->s.scratch_length * sizeof(float));
    memcpy(b->io.dy, b->dy_given + at * b->out, n * b->out * sizeof(float));
    canaries(b->gradient, b->slab_length);
    b->s.type->forward(&b->s, &b->io, count, 0, 1);
    bench_backward(b, count);
    assert_true(fence_intact(&b->y, n * b->out) && fence_intact(&b->dx, n * b->in));
    assert_true(fence_intact(&b->dy, n * b->out));
    assert_true(fence_intact(&b->scratch, b->s.scratch_length));
    assert_true(fence_intact(&b->shared, n * b->s.shared_length));
}

static inline void bench_close(layer_bench *b)
{
    fence *all[] = {&b->scratch, &b->saved, &b->shared, &b->y, &b->dy, &b->dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) fence_close(all[i]);
    arena_free(&b->memory);
}

#endif
