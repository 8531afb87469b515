/* Passes: how large they are, when buckets are ready, and what a pass leaves unchanged. */
#include "check.h"
#include "model_fixture.h"

#include <stdlib.h>

enum { SAMPLES = 12, MOST_SLAB = 4096 };

static const fixture_cfg SMALL = {"conv2d 3 3 relu; maxpool 2; flatten; dense 6 relu; dense 4",
                                  {3, {9, 8, 1}},
                                  4,
                                  SAMPLES,
                                  GEMM_OWN,
                                  2};

static const kernels *best(void)
{
    const kernels *k[3];
    kernels_available(k);
    return k[0];
}

static executor *open_run(fixture *f, int capacity, int grain, int threads)
{
    return executor_new(f->m, capacity, grain, threads, f->parameters, f->packed, &f->memory);
}

static void pass_sizes(void **state)
{
    (void)state;
    static const int cases[][3] = {
        /* samples wanted, grain, leaves of a pass */
        {1, 1, 1},     {40, 8, 5},    {41, 8, 6},    {7, 8, 1},       {512, 1, 512},
        {600, 1, 512}, {600, 100, 5}, {600, 512, 1}, {2000, 1000, 1}, {60000, 32, 16},
    };
    fixture f = fixture_open(&SMALL, best());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CASE("%d samples, grain %d", cases[i][0], cases[i][1]);
        int capacity = executor_capacity(f.m, cases[i][0], cases[i][1], 1);
        assert_int_equal(capacity, cases[i][1] * cases[i][2]);
        assert_int_equal(executor_pass_leaves(open_run(&f, capacity, cases[i][1], 1)), cases[i][2]);
    }
    fixture_close(&f);
}

/* Where samples are large, a pass has as many as fit, but a leaf for each thread. A sample here: the image, the output of the
 * convolution and its gradient, those of the dense layer. */
static void passes_of_large_samples(void **state)
{
    (void)state;
    fixture_cfg cfg = {"conv2d 8 1; flatten; dense 4", {3, {512, 512, 1}}, 4, 1, GEMM_OWN, 2};
    fixture f = fixture_open(&cfg, best());
    size_t sample = (512 * 512 * (1 + 8 + 8) + 4 + 4) * sizeof(float);
    int fit = (int)(PASS_BYTES / sample);
    for (int i = 0; i < f.m->stages; i++) assert_int_equal(f.m->stage[i].saved_bytes, 0);
    assert_in_range(fit, 8, 100);
    assert_int_equal(executor_capacity(f.m, 1, 1, 1), 1);
    assert_int_equal(executor_capacity(f.m, 512, 1, 1), fit);
    assert_int_equal(executor_capacity(f.m, 512, 4, 1), fit / 4 * 4);
    assert_int_equal(executor_capacity(f.m, 512, 100, 1), 100);
    assert_int_equal(executor_capacity(f.m, 512, 4, 40), 160);
    assert_int_equal(executor_capacity(f.m, 30, 4, 40), 32);
    fixture_close(&f);
}

static void bytes_are_counted_beforehand(void **state)
{
    (void)state;
    static const char *const specs[] = {
        "conv2d 3 3 relu; maxpool 2; flatten; dense 6 relu; dropout 0.5; dense 4",
        "lstm 5; dense 4", "conv2d 3 3; layer_norm; avgpool 2; flatten; dense 4"};
    for (int i = 0; i < 3; i++)
        for (int threads = 1; threads <= 3; threads++) {
            fixture_cfg cfg = SMALL;
            cfg.spec = specs[i];
            fixture f = fixture_open(&cfg, best());
            arena memory = {0};
            CASE("%.100s on %d threads", specs[i], threads);
            size_t before = memory_requests(), bytes = executor_bytes(f.m, 29, 4, threads);
            assert_int_equal(memory_requests(), before);
            executor_new(f.m, 29, 4, threads, f.parameters, f.packed, &memory);
            assert_int_equal(bytes, arena_bytes(&memory));
            arena_free(&memory), fixture_close(&f);
        }
}

/* What the hooks saw: at each bucket, a copy of the node's slab. */
typedef struct watch {
    const float *slab;
    size_t length;
    int calls, polls, bucket[MODEL_BUCKETS + 1];
    float copy[MODEL_BUCKETS + 1][MOST_SLAB];
} watch;

static void bucket_ready(void *context, int bucket)
{
    watch *w = context;
    assert_true(w->calls < MODEL_BUCKETS && w->length <= MOST_SLAB);
    memcpy(w->copy[w->calls], w->slab, w->length * sizeof(float));
    w->bucket[w->calls++] = bucket;
}

static void poll(void *context)
{
    watch *w = context;
    w->polls++;
}

static pass_args training_pass(const fixture *f, int grain, float *const *partials)
{
    int leaves = tree_leaves(f->samples, grain);
    return (pass_args){.pixels = f->pixels,
                       .labels = f->labels,
                       .count = f->samples,
                       .leaves = leaves,
                       .range = {0, leaves},
                       .scale = 1.0f / (float)f->samples,
                       .partials = partials};
}

/* Each bucket is announced once, in order, when its gradients are as they will be at the end. */
static void buckets_are_final(void **state)
{
    (void)state;
    static const char *const specs[] = {
        "conv2d 3 3 relu; maxpool 2; flatten; dense 6 relu; dense 4", "flatten; dense 6; dense 4",
        "conv2d 3 3; conv2d 4 6; maxpool 2 same; flatten", "maxpool 2; flatten; dense 4"};
    static const shape inputs[] = {{3, {9, 8, 1}}, {3, {9, 8, 1}}, {3, {8, 8, 1}}, {3, {6, 6, 1}}};
    static const int buckets[] = {2, 1, 1, 1};
    static watch w;
    static float slab[MOST_SLAB];
    float *partials[] = {slab};
    for (int i = 0; i < 4; i++)
        for (int threads = 1; threads <= 3; threads++) {
            fixture_cfg cfg = SMALL;
            cfg.spec = specs[i], cfg.input = inputs[i];
            fixture f = fixture_open(&cfg, best());
            CASE("%.100s on %d threads", specs[i], threads);
            memset(slab, 0, sizeof slab);
            w = (watch){.slab = slab, .length = f.m->slab_length};
            pass_args pass = training_pass(&f, 3, partials);
            pass.hooks = (pass_hooks){bucket_ready, poll, NULL, &w};
            fixture_run(open_run(&f, SAMPLES, 3, threads), &pass, threads);
            assert_int_equal(f.m->buckets, buckets[i]);
            assert_int_equal(w.calls, buckets[i]);
            for (int b = 0; b < w.calls; b++) {
                span at = f.m->bucket[b];
                assert_int_equal(w.bucket[b], b);
                SAME_BITS(w.copy[b] + at.offset, slab + at.offset, at.length);
            }
            /* thread 0's leaves; the other models have no BY_SAMPLE stage with a gradient */
            if (i == 0 || i == 2) assert_true(w.polls >= 4 / threads);
            fixture_close(&f);
        }
}

/* Parameters and packed forms that come when the hook is called. */
typedef struct delivery {
    fixture *f;
    float *parameters, *packed; /* the right ones */
    int calls, polls;
} delivery;

static void deliver(void *context, int thread)
{
    delivery *d = context;
    const model *m = d->f->m;
    if (thread == 0) {
        const size_t from = m->stage[m->late_stage].layer->tensor[0].at.offset;
        d->calls++;
        memcpy(d->f->parameters + from, d->parameters + from,
               (m->slab_length - from) * sizeof(float));
        model_prepare_stages(m, (range){m->late_stage, m->stages}, d->f->parameters, d->f->packed,
                             0, 1);
    }
    team_barrier();
}

static void count_poll(void *context)
{
    delivery *d = context;
    d->polls += d->calls == 0;
}

/* Spoils what the late stages read; without the hook the losses then are others. */
static void late_parameters_are_read_late(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        fixture f = fixture_open(&SMALL, best());
        const model *m = f.m;
        const size_t from = m->stage[m->late_stage].layer->tensor[0].at.offset;
        delivery d = {&f, values_take(m->slab_length * sizeof(float)), NULL, 0, 0};
        CASE("%d threads", threads);
        assert_int_equal(from, m->bucket[0].offset);
        assert_true(m->late_stage > 0 && m->stage[m->late_stage].type->split == STAGE_BY_OUTPUT);
        memcpy(d.parameters, f.parameters, m->slab_length * sizeof(float));
        executor *r = open_run(&f, SAMPLES, 4, threads);
        pass_args pass = {.pixels = f.pixels, .labels = f.labels, .count = SAMPLES};
        loss_sums right = fixture_run(r, &pass, threads);
        for (size_t i = from; i < m->slab_length; i++) f.parameters[i] = 0.5f;
        model_prepare(m, f.parameters, f.packed, 0, 1);
        assert_true(fixture_run(r, &pass, threads).loss != right.loss);
        pass.hooks = (pass_hooks){NULL, count_poll, deliver, &d};
        assert_true(fixture_run(r, &pass, threads).loss == right.loss);
        assert_int_equal(d.calls, 1);
        assert_true(d.polls >= 3 / threads); /* thread 0's leaves */
        free(d.parameters), fixture_close(&f);
    }
}

/* Where all stages read from the first bucket, or a later stage has none, nothing is late. */
static void what_is_late(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int late;
    } cases[] = {{"flatten; dense 6; dense 4", 0},
                 {"lstm 5; dense 4", 1},
                 {"conv2d 3 3 relu; maxpool 2; flatten; dense 6 relu; dense 4", 1},
                 {"conv2d 3 3; layer_norm; avgpool 2; flatten; dense 6; layer_norm; dense 4", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_cfg cfg = SMALL;
        cfg.spec = cases[i].spec;
        fixture f = fixture_open(&cfg, best());
        CASE("%.100s", cases[i].spec);
        assert_int_equal(f.m->late_stage > 0, cases[i].late);
        if (cases[i].late)
            assert_int_equal(f.m->stage[f.m->late_stage].layer->tensor[0].at.offset,
                             f.m->bucket[0].offset);
        fixture_close(&f);
    }
}

/* A pass that only evaluates gives the same losses, and needs no place for gradients. */
static void evaluation_pass(void **state)
{
    (void)state;
    static float slab[MOST_SLAB];
    float *partials[] = {slab};
    fixture f = fixture_open(&SMALL, best());
    executor *r = open_run(&f, SAMPLES, 5, 2);
    uint8_t predicted[SAMPLES];
    pass_args train = training_pass(&f, 5, partials),
              evaluate = {
                  .pixels = f.pixels, .labels = f.labels, .count = SAMPLES, .predicted = predicted};
    loss_sums a = fixture_run(r, &train, 2), b = fixture_run(r, &evaluate, 2);
    assert_true(a.loss == b.loss && a.correct == b.correct && a.loss > 0 && a.nonfinite == 0);
    int correct = 0;
    for (int i = 0; i < SAMPLES; i++) correct += predicted[i] == f.labels[i];
    assert_int_equal(b.correct, correct);
    fixture_close(&f);
}

/* `samples` picks from the data set; `first` counts from there. */
static void which_samples(void **state)
{
    (void)state;
    static const int backwards[SAMPLES] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    fixture f = fixture_open(&SMALL, best());
    executor *r = open_run(&f, SAMPLES, 4, 1);
    uint8_t there[SAMPLES], back[SAMPLES], last[3];
    pass_args pass = {.pixels = f.pixels, .labels = f.labels, .count = SAMPLES, .predicted = there};
    loss_sums sums = fixture_run(r, &pass, 1);
    pass.samples = backwards, pass.predicted = back;
    loss_sums again = fixture_run(r, &pass, 1);
    for (int i = 0; i < SAMPLES; i++) assert_int_equal(back[i], there[SAMPLES - 1 - i]);
    assert_true(sums.loss == again.loss && sums.correct == again.correct);
    pass.samples = NULL, pass.first = SAMPLES - 3, pass.count = 3, pass.predicted = last;
    fixture_run(r, &pass, 1);
    assert_memory_equal(last, there + SAMPLES - 3, 3);
    fixture_close(&f);
}

static void empty_pass(void **state)
{
    (void)state;
    fixture f = fixture_open(&SMALL, best());
    pass_args pass = {.pixels = f.pixels, .labels = f.labels, .leaves = 5, .range = {2, 2}};
    loss_sums sums = fixture_run(open_run(&f, SAMPLES, 4, 3), &pass, 3);
    assert_true(sums.loss == 0 && sums.correct == 0 && sums.nonfinite == 0);
    fixture_close(&f);
}

/* Shares of the last fused pooling, counted from a model whose convolution passes the pixel on: filters of weight 1 and
 * -1, so one output of two is above 0 where the pixel is not 0. */
static void active_share(void **state)
{
    (void)state;
    fixture_cfg cfg = SMALL;
    cfg.spec = "conv2d 2 1 relu; maxpool 1; flatten; dense 4";
    fixture f = fixture_open(&cfg, best());
    float *w = f.parameters + f.m->layer[0].tensor[0].at.offset,
          *b = f.parameters + f.m->layer[0].tensor[1].at.offset;
    w[0] = 1, w[1] = -1, b[0] = b[1] = 0;
    model_prepare(f.m, f.parameters, f.packed, 0, 1);
    memset(f.pixels, 9, SAMPLES * 72), memset(f.pixels, 0, 36);
    executor *r = open_run(&f, SAMPLES, 4, 1);
    pass_args pass = {.pixels = f.pixels, .labels = f.labels, .count = 1};
    assert_true(executor_active_share(r) == -1); /* nothing has run */
    fixture_run(r, &pass, 1);
    NEAR(executor_active_share(r), 0.25, 0);
    pass.first = 1;
    fixture_run(r, &pass, 1);
    NEAR(executor_active_share(r), 0.5, 0);
    fixture_close(&f);
    cfg.spec = "flatten; dense 4";
    f = fixture_open(&cfg, best());
    r = open_run(&f, SAMPLES, 4, 1);
    fixture_run(r, &(pass_args){.pixels = f.pixels, .labels = f.labels, .count = 1}, 1);
    assert_true(executor_active_share(r) == -1); /* no pooling */
    fixture_close(&f);
}

/* The same values however many parts prepare them. */
static void prepare_in_parts(void **state)
{
    (void)state;
    for (int engine = GEMM_OWN; engine <= GEMM_BLIS; engine++)
        for (int parts = 1; parts <= 7; parts++) {
            fixture_cfg cfg = SMALL;
            cfg.engine = (gemm_engine)engine;
            cfg.spec = "conv2d 40 3; conv2d 35 2 relu; maxpool 2; flatten; dense 50 relu; dense 4";
            fixture f = fixture_open(&cfg, best());
            float *packed = values_take(f.m->packed_length * sizeof *packed);
            memset(f.packed, 0, f.m->packed_length * sizeof *packed); /* gaps are not written */
            model_prepare(f.m, f.parameters, f.packed, 0, 1);
            for (int p = 0; p < parts; p++) model_prepare(f.m, f.parameters, packed, p, parts);
            CASE("engine %d, %d parts", engine, parts);
            SAME_BITS(packed, f.packed, f.m->packed_length);
            free(packed), fixture_close(&f);
        }
}

static void slab_gaps_are_zero(void **state)
{
    (void)state;
    fixture f = fixture_open(&SMALL, best());
    size_t at = 0;
    memset(f.parameters, 0x7f, f.m->slab_length * sizeof(float));
    model_initialise(f.m, 1, f.parameters);
    for (int i = 0; i < f.m->layers; i++)
        for (int t = 0; t < f.m->layer[i].tensors; t++) {
            span s = f.m->layer[i].tensor[t].at;
            assert_int_equal(s.offset % SLAB_ALIGN, 0);
            for (; at < s.offset; at++) assert_int_equal(check_bits_of(f.parameters[at]), 0);
            at = s.offset + s.length;
        }
    for (; at < f.m->slab_length; at++) assert_int_equal(check_bits_of(f.parameters[at]), 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pass_sizes),
        cmocka_unit_test(passes_of_large_samples),
        cmocka_unit_test(buckets_are_final),
        cmocka_unit_test(bytes_are_counted_beforehand),
        cmocka_unit_test(late_parameters_are_read_late),
        cmocka_unit_test(what_is_late),
        cmocka_unit_test(which_samples),
        cmocka_unit_test(evaluation_pass),
        cmocka_unit_test(empty_pass),
        cmocka_unit_test(active_share),
        cmocka_unit_test(prepare_in_parts),
        cmocka_unit_test(slab_gaps_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
