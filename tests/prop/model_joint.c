/* prop/model_joint.c - a large dense kernel's gradient, formed by owners of its rows out of what all ranks left of a batch,
 * has the bits of the gradient that one rank alone forms (which prop/model_layouts.c holds against the definition).
 *
 * Ranks are played by several runs that share memory and take turns. */
#include "check.h"
#include "model_fixture.h"

#include <stdlib.h>

enum { MOST_SAMPLES = 40, MOST_RANKS = 5, GRAIN = 3 };

static const struct {
    const char *spec;
    shape input;
} models[] = {
    {"flatten; dense 64 relu; dense 3", {3, {32, 32, 1}}},
    {"conv2d 16 3 relu; maxpool 2; flatten; dense 128 tanh; dense 64; dense 3", {3, {14, 14, 1}}},
    {"flatten; dense 16; dense 3", {3, {64, 64, 1}}},
    {"flatten; dense 16; dense 1024 relu; dense 512 relu; dropout 0.5; dense 3", {3, {9, 8, 1}}},
};
enum { MODELS = sizeof models / sizeof *models };

typedef struct world {
    fixture f;
    float *want, *kernel; /* a slab: the whole gradient; the joint kernel's */
    float *slabs;         /* of a rank: its nodes' */
    arena memory;
    float *shared;
} world;

static world world_open(int which, const kernels *k)
{
    fixture_cfg cfg = {models[which].spec, models[which].input, 3, MOST_SAMPLES, GEMM_OWN, 5};
    world w = {.f = fixture_open(&cfg, k)};
    size_t slab = w.f.m->slab_length;
    w.want = arena_floats(&w.memory, slab);
    w.kernel = arena_floats(&w.memory, slab);
    w.slabs = arena_floats(&w.memory, slab * TREE_MAX_NODES);
    w.shared = arena_floats(&w.memory, executor_joint_floats(w.f.m, MOST_SAMPLES, GRAIN, 2));
    return w;
}

static void world_close(world *w)
{
    arena_free(&w->memory);
    fixture_close(&w->f);
}

static pass_args pass_of(const world *w, int count, tree_node leaves, float *const *partials)
{
    int first = leaves.lo * GRAIN, last = leaves.hi * GRAIN < count ? leaves.hi * GRAIN : count;
    return (pass_args){.pixels = w->f.pixels,
                       .labels = w->f.labels,
                       .first = first,
                       .count = last - first,
                       .leaves = tree_leaves(count, GRAIN),
                       .range = leaves,
                       .scale = 1.0f / (float)count,
                       .partials = partials,
                       .seed = 11,
                       .epoch = 3};
}

static executor *open_run(const world *w, int threads, arena *a)
{
    return executor_new(w->f.m, MOST_SAMPLES, GRAIN, threads, w->f.parameters, w->f.packed, a);
}

static void whole_gradient(world *w, int count)
{
    arena memory = {0};
    pass_args pass = pass_of(w, count, (tree_node){0, tree_leaves(count, GRAIN)}, &w->want);
    fixture_run(open_run(w, 1, &memory), &pass, 1);
    arena_free(&memory);
}

/* All that is not the joint kernel still comes as partial sums; the kernel's place in them is left alone. */
static void check_partials(const world *w, int count, tree_node leaves)
{
    span kernel = w->f.m->bucket[w->f.m->joint_bucket];
    arena memory = {0};
    tree_node nodes[TREE_MAX_NODES];
    float *want[TREE_MAX_NODES];
    int held = tree_maximal(tree_leaves(count, GRAIN), leaves, nodes);
    for (int n = 0; n < held; n++) want[n] = arena_floats(&memory, w->f.m->slab_length);
    pass_args pass = pass_of(w, count, leaves, want);
    fixture_run(open_run(w, 1, &memory), &pass, 1);
    for (int n = 0; n < held; n++) {
        const float *got = w->slabs + (size_t)n * w->f.m->slab_length;
        SAME_BITS(got, want[n], kernel.offset);
        for (size_t i = 0; i < kernel.length; i++) assert_true(got[kernel.offset + i] == 7.0f);
        size_t end = kernel.offset + kernel.length;
        SAME_BITS(got + end, want[n] + end, w->f.m->slab_length - end);
    }
    arena_free(&memory);
}

static void rank_pass(world *w, executor *r, int count, tree_node leaves, int threads)
{
    float *partials[TREE_MAX_NODES];
    span kernel = w->f.m->bucket[w->f.m->joint_bucket];
    for (int n = 0; n < TREE_MAX_NODES; n++) {
        partials[n] = w->slabs + (size_t)n * w->f.m->slab_length;
        for (size_t i = 0; i < kernel.length; i++) partials[n][kernel.offset + i] = 7.0f;
    }
    executor_begin_batch(r, count);
    if (leaves.lo == leaves.hi) return;
    pass_args train = pass_of(w, count, leaves, partials), evaluate = train;
    evaluate.leaves = 0;
    loss_sums a = fixture_run(r, &train, threads);
    check_partials(w, count, leaves);
    loss_sums b = fixture_run(r, &evaluate, threads); /* may not touch what the ranks share */
    assert_true(a.loss > 0 && (a.loss == b.loss || strstr(w->f.m->spec, "dropout")));
}

typedef struct sums_job {
    executor *r;
    span slice;
    float *out;
    size_t written[FIXTURE_THREADS];
} sums_job;

static void sums_work(void *context, int thread)
{
    sums_job *job = context;
    job->written[thread] = executor_joint_sum(job->r, job->slice, thread, job->out).length;
}

/* The slices of the ranks, as the exchange cuts them: by blocks. */
static void own_sums(world *w, executor *r, int rank, int ranks, int threads)
{
    span kernel = w->f.m->bucket[w->f.m->joint_bucket];
    int blocks = (int)((kernel.length + MODEL_BLOCK - 1) / MODEL_BLOCK);
    tree_node own = range_share(blocks, rank, ranks);
    size_t lo = (size_t)own.lo * MODEL_BLOCK, hi = (size_t)own.hi * MODEL_BLOCK, written = 0;
    if (hi > kernel.length) hi = kernel.length;
    sums_job job = {
        .r = r, .slice = {kernel.offset + lo, hi - lo}, .out = w->kernel + kernel.offset + lo};
    team_set_threads(threads);
    team_run(sums_work, &job);
    for (int t = 0; t < threads; t++) written += job.written[t];
    assert_int_equal(written, hi - lo);
}

static void check_batch(world *w, int count, int ranks, int threads)
{
    arena memory = {0};
    executor *r[MOST_RANKS];
    int leaves = tree_leaves(count, GRAIN);
    span kernel = w->f.m->bucket[w->f.m->joint_bucket];
    CASE("%.90s, %s: batch %d, %d ranks, threads %d", w->f.m->spec, w->f.m->k->name, count, ranks,
         threads);
    for (int i = 0; i < ranks; i++) {
        r[i] = open_run(w, threads, &memory);
        executor_join(r[i], w->shared, MOST_SAMPLES, &memory);
    }
    for (int i = 0; i < ranks; i++)
        rank_pass(w, r[i], count, range_share(leaves, i, ranks), threads);
    for (size_t i = 0; i < kernel.length; i++) w->kernel[kernel.offset + i] = NAN;
    for (int i = 0; i < ranks; i++) own_sums(w, r[i], i, ranks, threads);
    SAME_BITS(w->kernel + kernel.offset, w->want + kernel.offset, kernel.length);
    arena_free(&memory);
}

static void owners_sums(void **state)
{
    (void)state;
    static const int counts[] = {1, 2, 7, 24, 31, 40};
    const kernels *k[3];
    int tables = kernels_available(k);
    for (int m = 0; m < MODELS; m++)
        for (int t = 0; t < tables; t++) {
            world w = world_open(m, k[t]);
            assert_true(w.f.m->joint_stage >= 0);
            for (int c = 0; c < 6; c++) {
                whole_gradient(&w, counts[c]);
                for (int ranks = 1; ranks <= MOST_RANKS; ranks += 2)
                    check_batch(&w, counts[c], ranks, 1 + (c + ranks) % 3);
            }
            world_close(&w);
        }
}

/* No samples: no sums. */
static void empty_batch(void **state)
{
    (void)state;
    const kernels *k[3];
    kernels_available(k);
    world w = world_open(0, k[0]);
    span kernel = w.f.m->bucket[w.f.m->joint_bucket];
    executor *r = open_run(&w, 1, &w.memory);
    executor_join(r, w.shared, MOST_SAMPLES, &w.memory);
    executor_begin_batch(r, 0);
    w.kernel[kernel.offset + kernel.length - 1] = NAN;
    own_sums(&w, r, 0, 1, 1);
    for (size_t i = 0; i < kernel.length; i++) assert_true(w.kernel[kernel.offset + i] == 0.0f);
    world_close(&w);
}

/* Who shares how much: one rank nothing, nor ranks with several passes, nor where g is large, nor a small model. */
static void memory_to_share(void **state)
{
    (void)state;
    const kernels *k[3];
    kernels_available(k);
    fixture_cfg large = {models[0].spec, models[0].input, 3, 4, GEMM_OWN, 5},
                small = {"flatten; dense 6; dense 3", {3, {5, 5, 1}}, 3, 4, GEMM_OWN, 5};
    fixture_cfg narrow = {models[2].spec, models[2].input, 3, 4, GEMM_OWN, 5};
    fixture f = fixture_open(&large, k[0]), g = fixture_open(&small, k[0]),
            h = fixture_open(&narrow, k[0]);
    assert_int_equal(executor_joint_floats(f.m, 128, 8, 2), 128 * (1024 + 64));
    assert_int_equal(executor_joint_floats(f.m, 1024, 8, 2), 1024 * (1024 + 64));
    assert_int_equal(executor_joint_floats(f.m, 1024, 8, 1), 0);
    assert_int_equal(executor_joint_floats(f.m, 1025, 8, 8), 0); /* g has more than 2^16 floats */
    /* 86 leaves on a rank, 64 in a pass */
    assert_int_equal(executor_joint_floats(h.m, 2048, 8, 3), 0);
    assert_true(executor_joint_floats(h.m, 2048, 8, 4) > 0);
    assert_int_equal(executor_joint_floats(g.m, 128, 8, 2), 0);
    fixture_close(&f), fixture_close(&g), fixture_close(&h);
}

/* Nor where samples are so large that a rank with one thread takes several passes, whatever the threads of this one. */
static void large_samples(void **state)
{
    (void)state;
    arena memory = {0};
    failure why;
    const kernels *k[3];
    kernels_available(k);
    model *m = arena_take(&memory, sizeof *m);
    model_cfg cfg = {.spec = "conv2d 32 3 relu; flatten; dense 16 relu; dense 3",
                     .input = {3, {130, 130, 1}},
                     .classes = 3,
                     .k = k[0],
                     .joint = 1};
    assert_int_equal(model_build(m, &cfg, &memory, &why), STATUS_OK);
    int one = executor_capacity(m, 1024, 8, 1);
    assert_in_range(one, 8, 504);
    assert_int_equal(executor_capacity(m, 1024, 8, 64), 512);
    for (int ranks = 2; ranks <= 4; ranks++) {
        assert_true(executor_joint_floats(m, one * ranks, 8, ranks) > 0);
        assert_int_equal(executor_joint_floats(m, one * ranks + 1, 8, ranks), 0);
    }
    arena_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_sums),
        cmocka_unit_test(empty_batch),
        cmocka_unit_test(memory_to_share),
        cmocka_unit_test(large_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
