/* ref/layer_dense.c - the dense stage on one to four threads against the double reference, sample by sample.
 *
 * EXACT numbers (small multiples of a quarter) make every sum exact: tolerance 0, whatever the order. DRAWN ones are
 * held to (terms + 2) 2^-24 of the sum of magnitudes; their order is held by tests/prop/model_layouts.c. */
#include "check.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/team.h"
#include "layer_rows.h"
#include "reference/layer_ref.h"
#include "reference/values.h"

enum { EXACT, DRAWN, MAX_LEAVES = 128 };

typedef struct dense_case {
    int samples, inputs, units, grain;
    activation act;
    int leaves; /* of the whole batch         */
    int first;  /* leaf of it that comes first */
} dense_case;

/* Everything of a case; doubles: values and magnitudes. */
typedef struct bench {
    const dense_case *c;
    int kind;
    layer l;
    stage s;
    stage_io io;
    size_t slab;
    float *w, *x, *dy, *packed, *results[TREE_MAX_NODES];
    stage_tree tree;
    tree_node nodes[TREE_MAX_NODES]; /* in leaves of the batch */
    unsigned char merges[MAX_LEAVES];
    int threads;
} bench;

static float *numbers(int kind, uint64_t seed, size_t count)
{
    float *values = values_take(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = kind == DRAWN ? value_at(seed, i) : (float)(value_int(seed, i, 9) - 4) / 4.0f;
    return values;
}

static void plan_tree(bench *b)
{
    tree_node leaves[MAX_LEAVES];
    int count = tree_leaves(b->c->samples, b->c->grain);
    for (int i = 0; i < count; i++) leaves[i] = (tree_node){b->c->first + i, b->c->first + i + 1};
    b->tree = (stage_tree){.grain = b->c->grain, .merges = b->merges, .results = b->results};
    b->tree.plan = tree_plan_merges(b->c->leaves, leaves, count, b->merges, b->nodes);
}

static void bench_open(bench *b, const dense_case *c, int kind, uint64_t seed)
{
    failure why;
    size_t n = (size_t)c->samples;
    *b = (bench){.c = c, .kind = kind};
    b->l = (layer){.cfg = {.type = kind_named("dense"), .units = c->units, .act = c->act},
                   .in = shape_vector(c->inputs)};
    assert_int_equal(layer_plan(&b->l, &why), STATUS_OK);
    size_t kernel = shape_length(b->l.tensor[0].shape);
    b->l.tensor[0].at = (span){SLAB_ALIGN, kernel};
    b->l.tensor[1].at = (span){SLAB_ALIGN + slab_round_up(kernel), (size_t)c->units};
    b->slab = b->l.tensor[1].at.offset + (size_t)c->units;
    b->w = numbers(kind, seed, b->slab);
    b->x = numbers(kind, seed + 1, n * (size_t)c->inputs);
    b->dy = numbers(kind, seed + 2, n * (size_t)c->units);
    plan_tree(b);
    for (int r = 0; r < b->tree.plan.results; r++)
        b->results[r] = values_take(b->slab * sizeof(float));
}

static void bench_close(bench *b)
{
    free(b->w), free(b->x), free(b->dy);
    for (int r = 0; r < b->tree.plan.results; r++) free(b->results[r]);
}

static void work(void *context, int thread)
{
    bench *b = context;
    b->s.type->prepare(&b->s, b->w, b->packed, thread, b->threads);
    team_barrier();
    b->s.type->forward(&b->s, &b->io, b->c->samples, thread, b->threads);
    team_barrier();
    b->s.type->backward_tile(&b->s, &b->io, b->c->samples, &b->tree, thread, b->threads);
}

static double bound_of(const bench *b, int terms, double magnitude)
{
    return b->kind == EXACT ? 0 : (terms + 2) * 0x1p-24 * magnitude;
}

/* The reference's arrays: [0] values, [1] magnitudes. */
typedef struct twin {
    double *w[2], *x[2], *y[2], *g[2], *dx[2], *gradient[2];
} twin;

static twin twin_open(const bench *b)
{
    twin t;
    size_t inputs = b->s.in_length * sizeof(double), units = b->s.out_length * sizeof(double);
    for (int m = 0; m < 2; m++) {
        t.w[m] = values_take(b->slab * sizeof(double)),
        t.gradient[m] = values_take(b->slab * sizeof(double));
        t.x[m] = values_take(inputs), t.dx[m] = values_take(inputs);
        t.y[m] = values_take(units), t.g[m] = values_take(units);
        values_widen(b->w, b->slab, t.w[m]);
        for (size_t i = 0; m == 1 && i < b->slab; i++) t.w[m][i] = fabs(t.w[m][i]);
    }
    return t;
}

static void twin_close(twin *t)
{
    for (int m = 0; m < 2; m++)
        free(t->w[m]), free(t->x[m]), free(t->y[m]), free(t->g[m]), free(t->dx[m]),
            free(t->gradient[m]);
}

/* y and dx of one sample; its gradient is added to the twin's. */
static void check_sample(const bench *b, twin *t, int n)
{
    size_t inputs = b->s.in_length, units = b->s.out_length;
    const float *y = b->io.y + (size_t)n * units, *dy = b->dy + (size_t)n * units;
    for (int m = 0; m < 2; m++) {
        values_widen(b->x + (size_t)n * inputs, inputs, t->x[m]);
        for (size_t i = 0; m == 1 && i < inputs; i++) t->x[m][i] = fabs(t->x[m][i]);
        layer_ref_forward(&b->l, t->w[m], t->x[m], t->y[m]);
    }
    for (size_t u = 0; u < units; u++) {
        if (b->c->act == ACTIVATION_RELU) t->y[0][u] = fmax(t->y[0][u], 0);
        t->y[1][u] = bound_of(b, b->c->inputs, t->y[1][u]);
        t->g[0][u] = b->c->act == ACTIVATION_RELU && !(y[u] > 0) ? 0 : (double)dy[u];
        t->g[1][u] = fabs(t->g[0][u]);
    }
    ALLCLOSE(y, t->y[0], t->y[1], units);
    for (int m = 0; m < 2; m++)
        layer_ref_backward(&b->l, t->w[m], t->x[m], t->g[m], t->dx[m], t->gradient[m]);
    for (size_t i = 0; i < inputs; i++) t->dx[1][i] = bound_of(b, b->c->units, t->dx[1][i]);
    if (b->io.dx) ALLCLOSE(b->io.dx + (size_t)n * inputs, t->dx[0], t->dx[1], inputs);
}

static void check_node(const bench *b, int r)
{
    twin t = twin_open(b);
    int lo = (b->nodes[r].lo - b->c->first) * b->c->grain,
        hi = (b->nodes[r].hi - b->c->first) * b->c->grain;
    if (hi > b->c->samples) hi = b->c->samples;
    for (int n = lo; n < hi; n++) check_sample(b, &t, n);
    for (size_t i = 0; i < b->slab; i++) t.gradient[1][i] = bound_of(b, hi - lo, t.gradient[1][i]);
    for (int i = 0; i < b->l.tensors; i++) {
        span at = b->l.tensor[i].at;
        ALLCLOSE(b->results[r] + at.offset, t.gradient[0] + at.offset, t.gradient[1] + at.offset,
                 at.length);
    }
    twin_close(&t);
}

static void check_stage(bench *b, const kernels *k, gemm_engine engine, int threads, int want_dx)
{
    arena memory = {0};
    size_t n = (size_t)b->c->samples;
    b->s = (stage){.type = stage_named("dense", "dense"),
                   .k = k,
                   .engine = engine,
                   .layer = &b->l,
                   .want_input_gradient = want_dx,
                   .in_length = (size_t)b->c->inputs,
                   .out_length = (size_t)b->c->units};
    stage_plan(&b->s);
    b->threads = threads;
    b->packed = arena_take(&memory, b->s.packed_length * sizeof(float));
    b->io = (stage_io){.parameters = b->w,
                       .packed = b->packed,
                       .x = b->x,
                       .y = arena_take(&memory, n * b->s.out_length * sizeof(float)),
                       .dy = arena_take(&memory, n * b->s.out_length * sizeof(float)),
                       .shared = arena_take(&memory, n * b->s.shared_length * sizeof(float))};
    if (want_dx) b->io.dx = arena_take(&memory, n * b->s.in_length * sizeof(float));
    memcpy(b->io.dy, b->dy, n * b->s.out_length * sizeof(float));
    canaries(b->packed, b->s.packed_length);
    canaries(b->io.y, n * b->s.out_length);
    canaries(b->io.shared, n * b->s.shared_length);
    if (want_dx) canaries(b->io.dx, n * b->s.in_length);
    for (int r = 0; r < b->tree.plan.results; r++) canaries(b->results[r], b->slab);
    team_set_threads(threads);
    team_run(work, b);
    for (int r = 0; r < b->tree.plan.results; r++) check_node(b, r);
    arena_free(&memory);
}

static void check_case_of(const dense_case *c, int kind, uint64_t seed)
{
    static bench b;
    const kernels *tables[3];
    int count = kernels_available(tables);
    bench_open(&b, c, kind, seed);
    for (int t = 0; t < count; t++)
        for (int engine = GEMM_OWN; engine <= GEMM_BLIS; engine++) {
            int threads = 1 + (int)(seed + (uint64_t)t) % 4;
            CASE("%s engine %d, %d threads: [%d,%d] to %d units, relu %d, grain %d, leaves from %d "
                 "of %d, %s",
                 tables[t]->name, engine, threads, c->samples, c->inputs, c->units, c->act,
                 c->grain, c->first, c->leaves, kind == EXACT ? "exact" : "drawn");
            check_stage(&b, tables[t], (gemm_engine)engine, threads,
                        engine == GEMM_BLIS || seed % 3 > 0);
        }
    bench_close(&b);
}

static const dense_case cases[] = {
    {1, 1, 1, 1, ACTIVATION_NONE, 1, 0},       {1, 17, 10, 8, ACTIVATION_RELU, 1, 0},
    {7, 5, 3, 2, ACTIVATION_RELU, 4, 0},       {16, 33, 33, 4, ACTIVATION_NONE, 9, 2},
    {25, 16, 64, 8, ACTIVATION_RELU, 12, 5},   {23, 31, 65, 1, ACTIVATION_RELU, 40, 9},
    {24, 100, 10, 3, ACTIVATION_NONE, 8, 0},   {49, 64, 17, 5, ACTIVATION_RELU, 10, 0},
    {97, 47, 128, 32, ACTIVATION_RELU, 7, 3},  {64, 784, 12, 16, ACTIVATION_NONE, 4, 0},
    {100, 3, 200, 1, ACTIVATION_RELU, 101, 1},
};

static void sweep(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kind = EXACT; kind <= DRAWN; kind++)
            for (uint64_t seed = 0; seed < 3; seed++) check_case_of(&cases[i], kind, 10 * i + seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
