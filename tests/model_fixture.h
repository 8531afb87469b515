/* model_fixture.h - a small model with drawn parameters, biases too, and drawn images, for the tests of model/executor.h.
 */
#ifndef MNIST_DIST_TESTS_MODEL_FIXTURE_H
#define MNIST_DIST_TESTS_MODEL_FIXTURE_H

#include "base/team.h"
#include "check.h"
#include "model/executor.h"
#include "reference/values.h"

enum { FIXTURE_THREADS = 8 };

typedef struct fixture {
    arena memory;
    model *m;
    float *parameters, *packed;
    uint8_t *pixels, *labels;
    int samples;
} fixture;

/* What a model is tested with. */
typedef struct fixture_cfg {
    const char *spec;
    shape input;
    int classes, samples;
    gemm_engine engine;
    uint64_t seed;
} fixture_cfg;

static inline void fixture_draw(fixture *f, uint64_t seed)
{
    const model *m = f->m;
    size_t pixels = shape_length(m->input), count = (size_t)f->samples;
    f->pixels = arena_take(&f->memory, count * pixels);
    f->labels = arena_take(&f->memory, count);
    for (size_t i = 0; i < count * pixels; i++) f->pixels[i] = (uint8_t)value_int(seed + 1, i, 256);
    for (size_t i = 0; i < count; i++) f->labels[i] = (uint8_t)value_int(seed + 2, i, m->classes);
    model_initialise(m, seed, f->parameters);
    for (int i = 0; i < m->layers; i++)
        for (int t = 1; t < m->layer[i].tensors; t++) {
            span at = m->layer[i].tensor[t].at;
            for (size_t j = 0; j < at.length; j++)
                f->parameters[at.offset + j] = 0.1f * value_at(seed + 3, at.offset + j);
        }
    model_prepare(m, f->parameters, f->packed, 0, 1);
}

static inline fixture fixture_open_as(const fixture_cfg *cfg, const kernels *k, stage_sums sums)
{
    fixture f = {.samples = cfg->samples};
    failure why;
    model_cfg settings = {.spec = cfg->spec,
                          .input = cfg->input,
                          .classes = cfg->classes,
                          .k = k,
                          .engine = cfg->engine,
                          .sums = sums,
                          .joint = 1};
    f.m = arena_take(&f.memory, sizeof *f.m);
    status built = model_build(f.m, &settings, &f.memory, &why);
    CHECK(built == STATUS_OK, "%s: %s", cfg->spec, why.text);
    f.parameters = arena_floats(&f.memory, f.m->slab_length);
    f.packed = arena_floats(&f.memory, f.m->packed_length);
    fixture_draw(&f, cfg->seed);
    return f;
}

static inline fixture fixture_open(const fixture_cfg *cfg, const kernels *k)
{
    return fixture_open_as(cfg, k, STAGE_FAST);
}

static inline void fixture_close(fixture *f)
{
    arena_free(&f->memory);
}

/* A pass on the team: sums of its threads are added up. */
typedef struct fixture_job {
    executor *r;
    pass_args pass;
    loss_sums sums[FIXTURE_THREADS];
} fixture_job;

static inline void fixture_work(void *context, int thread)
{
    fixture_job *job = context;
    executor_begin_pass(job->r, &job->pass, thread);
    executor_forward(job->r, thread);
    executor_loss(job->r, thread, &job->sums[thread]);
    if (job->pass.leaves) executor_backward(job->r, thread);
}

static inline loss_sums fixture_run(executor *r, const pass_args *pass, int threads)
{
    fixture_job job = {.r = r, .pass = *pass};
    team_set_threads(threads);
    team_run(fixture_work, &job);
    for (int t = 1; t < threads; t++) loss_sums_add(&job.sums[0], job.sums[t]);
    return job.sums[0];
}

/* Digests of what passes give: FNV-1a (Fowler, Noll, Vo), 64 bits, begun with FIXTURE_HASH. Adds the lowest bytes of number. */
#define FIXTURE_HASH 0xcbf29ce484222325ull

static inline void fixture_hash(uint64_t *digest, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *digest = (*digest ^ (number >> 8 * i & 0xff)) * 0x100000001b3ull;
}

#endif
