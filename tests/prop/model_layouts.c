/* prop/model_layouts.c - the bits of a batch do not depend on threads, nor on where it is cut into passes.
 *
 * The oracle is the definition: each leaf run alone, on one thread, and the leaves' gradients added by the recursion
 * node(lo,hi) = node(lo,mid) + node(mid,hi). */
#include "check.h"
#include "model_fixture.h"

#include <stdlib.h>

enum { MOST_SAMPLES = 40, MOST_THREADS = 4 };

typedef struct model_case {
    const char *spec;
    shape input;
} model_case;

static const model_case models[] = {
    {"conv2d 5 3 relu; maxpool 2; conv2d 3 2 same relu; flatten; dense 6 relu; dense 3",
     {3, {9, 8, 1}}},
    {"flatten; dense 5 relu; dense 3", {3, {4, 5, 1}}},
    {"conv2d 3 3 relu; maxpool 3 stride 2; conv2d 2 2; maxpool 2 same; flatten; dense 3",
     {3, {10, 9, 1}}},
    {"conv2d 3 8; flatten", {3, {8, 8, 1}}},
    {"maxpool 2; flatten; dense 3", {3, {6, 6, 1}}},
    {"conv2d 4 3 tanh; maxpool 2; conv2d 3 2 same leaky_relu 0.1; avgpool 2; flatten; dense 7 "
     "sigmoid; dense 3",
     {3, {10, 9, 1}}},
    {"conv2d 5 3; layer_norm; leaky_relu; global_avgpool; dense 6; layer_norm; tanh; dense 5; "
     "relu; dense 3; sigmoid",
     {3, {8, 9, 1}}},
    {"layer_norm; dropout 0.2; conv2d 3 3 relu; dropout 0.3; flatten; dense 6 relu; dropout 0.5; "
     "dense 3",
     {3, {7, 7, 1}}},
    {"simple_rnn 9; dense 3", {3, {5, 4, 1}}},
    {"simple_rnn 64; dense 3", {3, {6, 5, 1}}},
    {"lstm 32; dense 3", {3, {7, 4, 1}}},
    {"lstm 7 sequence; gru 5; dense 3", {3, {4, 6, 1}}},
    {"conv2d 2 2 relu; maxpool 2; lstm 6 sequence; flatten; dense 3", {3, {7, 9, 1}}},
};
enum { MODELS = sizeof models / sizeof *models };

/* Convolutions that are fused with their pooling: by Winograd's algorithm, and by plain sums. */
static const model_case fused[] = {
    {"conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; maxpool 2; flatten; dense 3",
     {3, {26, 26, 1}}},
    {"conv2d 32 3 tanh; maxpool 2; conv2d 32 3 tanh; maxpool 2; flatten; dense 3",
     {3, {26, 26, 1}}},
    {"conv2d 32 3 relu; maxpool 2; conv2d 32 3 relu; maxpool 2; flatten; dense 3",
     {3, {12, 10, 1}}},
};
enum { FUSED = sizeof fused / sizeof *fused };

/* A model, its samples in a drawn order, and the leaves of batches of the first `count` of them. */
typedef struct world {
    fixture f;
    int samples[MOST_SAMPLES];
    int count, grain, leaves;
    float *leaf[MOST_SAMPLES]; /* gradient of each leaf alone */
    float *logits;             /* [MOST_SAMPLES, classes] of each sample alone */
    uint8_t predicted[MOST_SAMPLES];
    float *probabilities; /* likewise                              */
} world;

static world world_open(const model_case *m, const kernels *k, gemm_engine engine)
{
    fixture_cfg cfg = {m->spec, m->input, 3, MOST_SAMPLES, engine, 5};
    world w = {.f = fixture_open(&cfg, k)};
    size_t row = (size_t)m->input.dim[1], image = shape_length(m->input);
    for (size_t i = 0; i < MOST_SAMPLES; i++) /* blank rows on top, which recurrent stages share */
        memset(w.f.pixels + i * image, 0, i % 6 * row * (size_t)m->input.dim[2]);
    for (int i = 0; i < MOST_SAMPLES; i++) w.samples[i] = i * 7 % MOST_SAMPLES;
    for (int i = 0; i < MOST_SAMPLES; i++)
        w.leaf[i] = values_take(w.f.m->slab_length * sizeof(float));
    w.logits = values_take(MOST_SAMPLES * (size_t)w.f.m->classes * sizeof(float));
    w.probabilities = values_take(MOST_SAMPLES * (size_t)w.f.m->classes * sizeof(float));
    return w;
}

static void world_close(world *w)
{
    for (int i = 0; i < MOST_SAMPLES; i++) free(w->leaf[i]);
    free(w->logits), free(w->probabilities), fixture_close(&w->f);
}

static pass_args pass_of(world *w, tree_node leaves, float *const *partials)
{
    int first = leaves.lo * w->grain, last = leaves.hi * w->grain;
    if (last > w->count) last = w->count;
    return (pass_args){.pixels = w->f.pixels,
                       .labels = w->f.labels,
                       .samples = w->samples + first,
                       .count = last - first,
                       .leaves = w->leaves,
                       .range = leaves,
                       .scale = 1.0f / (float)w->count,
                       .partials = partials,
                       .seed = 11,
                       .epoch = 3};
}

static void executor_leaves_alone(world *w, int count, int grain)
{
    arena memory = {0};
    w->count = count, w->grain = grain, w->leaves = tree_leaves(count, grain);
    executor *r = executor_new(w->f.m, grain, grain, 1, w->f.parameters, w->f.packed, &memory);
    for (int l = 0; l < w->leaves; l++) {
        pass_args pass = pass_of(w, (tree_node){l, l + 1}, &w->leaf[l]);
        fixture_run(r, &pass, 1);
    }
    arena_free(&memory);
}

/* The definition of the reduction tree. */
static void sum_node(const world *w, tree_node node, float *sum)
{
    size_t length = w->f.m->slab_length;
    if (node.hi - node.lo == 1) {
        memcpy(sum, w->leaf[node.lo], length * sizeof *sum);
        return;
    }
    float *right = values_take(length * sizeof *right);
    int mid = tree_mid(node);
    sum_node(w, (tree_node){node.lo, mid}, sum);
    sum_node(w, (tree_node){mid, node.hi}, right);
    for (size_t i = 0; i < length; i++) sum[i] = sum[i] + right[i];
    free(right);
}

static int bits_differ(const float *a, const float *b, size_t length)
{
    int differ = 0;
    for (size_t i = 0; i < length; i++) differ += check_bits_of(a[i]) != check_bits_of(b[i]);
    return differ;
}

/* One pass over the leaves [lo,hi): its nodes hold the bits of the recursion, and its gaps stay 0. */
static loss_sums check_pass(world *w, executor *r, tree_node leaves, int threads)
{
    tree_node nodes[TREE_MAX_NODES];
    size_t length = w->f.m->slab_length;
    int count = tree_maximal(w->leaves, leaves, nodes);
    float *slabs = values_take((size_t)count * length * sizeof *slabs),
          *want = values_take(length * sizeof *want);
    float *partials[TREE_MAX_NODES];
    for (int n = 0; n < count; n++) partials[n] = slabs + (size_t)n * length;
    pass_args pass = pass_of(w, leaves, partials);
    loss_sums sums = fixture_run(r, &pass, threads);
    for (int n = 0; n < count; n++) {
        sum_node(w, nodes[n], want);
        SAME_BITS(partials[n], want, length);
    }
    free(slabs), free(want);
    return sums;
}

/* The whole batch in passes of `step` leaves; the first has `offset` fewer. */
static void check_cut(world *w, executor *r, int threads, int step, int offset)
{
    loss_sums total = {0};
    for (int at = 0, next; at < w->leaves; at = next) {
        next = at + step - (at == 0 ? offset : 0);
        if (next > w->leaves) next = w->leaves;
        CASE("%.90s, %s engine %d: batch %d, grain %d, threads %d, leaves [%d,%d)", w->f.m->spec,
             w->f.m->k->name, w->f.m->stage[0].engine, w->count, w->grain, threads, at, next);
        loss_sums sums = check_pass(w, r, (tree_node){at, next}, threads);
        loss_sums_add(&total, sums);
    }
    loss_sums whole = {0};
    pass_args pass = pass_of(w, (tree_node){0, w->leaves}, NULL);
    pass.leaves = 0;
    whole = fixture_run(r, &pass, threads);
    assert_true(total.loss > 0);
    if (strstr(w->f.m->spec, "dropout")) /* in training alone */
        assert_true(total.loss != whole.loss);
    else
        assert_true(total.loss == whole.loss && total.correct == whole.correct);
}

static void check_batch(world *w, int count, int grain)
{
    executor_leaves_alone(w, count, grain);
    for (int threads = 1 + count % 2; threads <= MOST_THREADS; threads += 2) {
        arena memory = {0};
        executor *r = executor_new(w->f.m, count, grain, threads, w->f.parameters, w->f.packed,
                                   &memory);
        uint64_t draw = (uint64_t)(count * 100 + grain * 10 + threads);
        int step = 1 + value_int(1, draw, w->leaves);
        check_cut(w, r, threads, w->leaves, 0);
        check_cut(w, r, threads, step, value_int(2, draw, step));
        arena_free(&memory);
    }
}

static void batches(void **state)
{
    (void)state;
    static const int grains[] = {1, 3, 8};
    const kernels *k[3];
    kernels_available(k);
    world w = world_open(&models[0], k[0], GEMM_OWN);
    for (int count = 1; count <= MOST_SAMPLES; count++)
        for (int g = 0; g < 3; g++)
            if (count <= 10 || count % 3 == g) check_batch(&w, count, grains[g]);
    world_close(&w);
}

/* Fewer batches, but every model, table and engine. */
static void models_and_kernels(void **state)
{
    (void)state;
    static const int counts[] = {1, 11, 26}, grains[] = {1, 4, 5};
    const kernels *k[3];
    int tables = kernels_available(k);
    for (int m = 0; m < MODELS; m++)
        for (int t = 0; t < tables; t++)
            for (int engine = GEMM_OWN; engine <= GEMM_BLIS; engine++) {
                world w = world_open(&models[m], k[t], (gemm_engine)engine);
                for (int c = 0; c < 3; c++) check_batch(&w, counts[c], grains[c]);
                world_close(&w);
            }
}

/* Logits, predictions and probabilities of each sample, in a pass of that sample alone. */
static void executor_samples_alone(world *w)
{
    arena memory = {0};
    size_t classes = (size_t)w->f.m->classes;
    executor *r = executor_new(w->f.m, 1, 1, 1, w->f.parameters, w->f.packed, &memory);
    for (int i = 0; i < MOST_SAMPLES; i++) {
        pass_args pass = {.pixels = w->f.pixels,
                          .labels = w->f.labels,
                          .first = i,
                          .count = 1,
                          .predicted = &w->predicted[i],
                          .probabilities = w->probabilities + (size_t)i * classes};
        fixture_run(r, &pass, 1);
        memcpy(w->logits + (size_t)i * classes, executor_logits(r), classes * sizeof(float));
    }
    arena_free(&memory);
}

static void check_samples(const world *w, int first, int count, int grain, int threads)
{
    arena memory = {0};
    uint8_t predicted[MOST_SAMPLES];
    size_t classes = (size_t)w->f.m->classes;
    float *probabilities = arena_take(&memory, (size_t)count * classes * sizeof(float));
    executor *r = executor_new(w->f.m, count, grain, threads, w->f.parameters, w->f.packed,
                               &memory);
    pass_args pass = {.pixels = w->f.pixels,
                      .labels = w->f.labels,
                      .first = first,
                      .count = count,
                      .predicted = predicted,
                      .probabilities = probabilities};
    fixture_run(r, &pass, threads);
    CASE("%.90s, %s engine %d: samples %d + %d, grain %d, threads %d", w->f.m->spec,
         w->f.m->k->name, w->f.m->stage[0].engine, first, count, grain, threads);
    SAME_BITS(executor_logits(r), w->logits + (size_t)first * classes, (size_t)count * classes);
    SAME_BITS(probabilities, w->probabilities + (size_t)first * classes, (size_t)count * classes);
    assert_memory_equal(predicted, w->predicted + first, (size_t)count);
    arena_free(&memory);
}

static void logits_of_a_sample(void **state)
{
    (void)state;
    const kernels *k[3];
    int tables = kernels_available(k);
    for (int m = 0; m < MODELS; m++)
        for (int t = 0; t < tables; t++)
            for (int engine = GEMM_OWN; engine <= GEMM_BLIS; engine++) {
                world w = world_open(&models[m], k[t], (gemm_engine)engine);
                executor_samples_alone(&w);
                for (int count = 1; count <= MOST_SAMPLES; count += 3)
                    check_samples(&w, value_int(3, (uint64_t)count, MOST_SAMPLES - count + 1),
                                  count, 1 + count % 5, 1 + count % MOST_THREADS);
                check_samples(&w, 5, 1, 4, MOST_THREADS); /* fewer samples than threads */
                check_samples(&w, 7, 2, 1, 3);
                world_close(&w);
            }
}

/* Fewer samples than threads: the threads share the outputs of each. Else each computes samples leaf after leaf: those that it
 * claims, or, where there are fewer leaves than threads, its share. */
static void fused_samples(void **state)
{
    (void)state;
    static const struct {
        int count, grain, threads;
    } passes[] = {{1, 8, 2}, {1, 1, 3}, {2, 8, 3}, {3, 2, 4}, {3, 2, 3}, {5, 3, 2}, {11, 2, 2}};
    const kernels *k[3];
    int tables = kernels_available(k);
    for (int m = 0; m < FUSED; m++)
        for (int t = 0; t < tables; t++) {
            world w = world_open(&fused[m], k[t], GEMM_OWN);
            assert_int_equal(w.f.m->stages, 3);
            executor_samples_alone(&w);
            for (size_t p = 0; p < sizeof passes / sizeof *passes; p++)
                check_samples(&w, 5 + (int)p, passes[p].count, passes[p].grain, passes[p].threads);
            world_close(&w);
        }
}

/* The logits of a pass that trains, which keeps what backward needs, are those of one that does not. */
static void fused_training(void **state)
{
    (void)state;
    enum { COUNT = 5 };
    const kernels *k[3];
    int tables = kernels_available(k);
    for (int m = 0; m < FUSED; m++)
        for (int t = 0; t < tables; t++) {
            arena memory = {0};
            world w = world_open(&fused[m], k[t], GEMM_OWN);
            size_t classes = (size_t)w.f.m->classes;
            executor_samples_alone(&w);
            w.count = COUNT, w.grain = 2, w.leaves = 3;
            float *slab = values_take(w.f.m->slab_length * sizeof *slab);
            executor *r = executor_new(w.f.m, COUNT, w.grain, 2, w.f.parameters, w.f.packed,
                                       &memory);
            pass_args pass = pass_of(&w, (tree_node){0, w.leaves}, &slab);
            fixture_run(r, &pass, 2);
            for (size_t i = 0; i < COUNT; i++)
                SAME_BITS(executor_logits(r) + i * classes,
                          w.logits + (size_t)w.samples[i] * classes, classes);
            free(slab), arena_free(&memory), world_close(&w);
        }
}

/* A sum that is not the tree's has other bits, so the comparisons above can fail. */
static void another_order_shows(void **state)
{
    (void)state;
    const kernels *k[3];
    kernels_available(k);
    world w = world_open(&models[0], k[0], GEMM_OWN);
    size_t length = w.f.m->slab_length;
    float *tree = values_take(length * sizeof *tree), *line = values_take(length * sizeof *line);
    executor_leaves_alone(&w, 37, 3);
    sum_node(&w, (tree_node){0, w.leaves}, tree);
    for (int l = 0; l < w.leaves; l++)
        for (size_t i = 0; i < length; i++) line[i] = line[i] + w.leaf[l][i];
    assert_true(bits_differ(tree, line, length) > 10);
    executor_leaves_alone(&w, 37, 4); /* other leaves, other bits */
    sum_node(&w, (tree_node){0, w.leaves}, line);
    assert_true(bits_differ(tree, line, length) > 10);
    free(tree), free(line), world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches),
        cmocka_unit_test(models_and_kernels),
        cmocka_unit_test(logits_of_a_sample),
        cmocka_unit_test(fused_samples),
        cmocka_unit_test(fused_training),
        cmocka_unit_test(another_order_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
