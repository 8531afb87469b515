/* ref/model_flush.c - passes whose products lie just below 2^-126, where an AArch64 without AFP flushes what others round up to
 * 2^-126 (base/denormals.h). The digests below are of the logits and gradients of x86-64; every processor, table and number of
 * threads gives them.
 *
 * Weights are 0 or one of 2^e (1 - 2^-23 i) and 2^e (1 + 2^-23 i), i = 1 ... 4, with either sign. A product of one of each,
 * with the same i, is 2^(e + e') (1 - 2^-46 i^2): it rounds to a power of two from below. Pixels are 0 or 1. Both classes get
 * logits of almost 0, so that the gradient of a logit is half of the pass' scale, with either sign.
 *
 * A product of two bfloat16 is never that near to a power of two, but a sum of a chain is: 2^-126 - 2^-152. So the weights of
 * bf16's rows are 0, 2^e or 2^(e - 13), with either sign. */
#include "base/denormals.h"
#include "check.h"
#include "model_fixture.h"
#include "reference/bf16_tables.h"

#include <stdlib.h>

enum { SAMPLES = 12, GRAIN = 4, CLASSES = 2, MOST_SLAB = 1 << 16, THREADS = 3, MOST_LAYERS = 3 };
enum { LEAST_PACKED = 0x3f };

#define CONV_POOL "conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; maxpool 2; flatten; dense 2"

/* On an AArch64 without AFP each row has another digest if passes are not repeated; that of prelu, if kernel/product.h
 * does not decide. */
static const struct row {
    const char *spec;
    int exponent[MOST_LAYERS]; /* e of each layer that has tensors    */
    int gradient;              /* the exponent of the logits' gradient */
    int side, ink;             /* of the square images; each ink-th pixel is 1, on average */
    uint64_t digest;
} rows[] = {
    {"flatten; dense 16; dense 2", {-63, -63}, -63, 16, 128, 0x2f26c867ee681da6},
    {"flatten; dense 16 leaky_relu 0.25; dense 2", {-63, -63}, -63, 16, 128, 0xa2787026d4831122},
    {"flatten; dense 16; gelu; dense 2", {-63, -63}, -62, 16, 128, 0xc14bdfca9b318055},
    {"flatten; dense 16; prelu; dense 2", {0, -63, -63}, 0, 16, 64, 0xe082c1e92da6dee8},
    {"conv2d 4 3; conv2d 4 3; flatten; dense 2", {-63, -63, 0}, 0, 16, 16, 0xe84397131614fb2f},
    {"conv2d 4 3; conv2d 4 3; flatten; dense 2", {0, -63, -63}, 0, 16, 16, 0x97d3af874728bb30},
    {"conv2d 4 3; layer_norm; flatten; dense 2", {0, -63, -63}, 0, 16, 16, 0x1743b000a4025c0b},
    {CONV_POOL, {-63, 0, -63}, 0, 28, 16, 0xf8e064423435bb03},
    {CONV_POOL, {0, -63, -63}, 0, 28, 16, 0x188bc589350fecbb},
    {"simple_rnn 32 activation relu; dense 2", {-63, 0}, 0, 16, 8, 0x12aaf7d507c8dd3d},
    {"simple_rnn 8 activation relu; dense 2", {-63, -63}, 0, 16, 32, 0xcf2f4ad531911252},
    {"simple_rnn 32; dense 2", {-63, 0}, 0, 16, 8, 0x25fc6ab4ebdd8d0c},
    {"simple_rnn 32; dense 2", {-63, -63}, 0, 16, 32, 0x93d7bb1a820a8fc0},
    {"lstm 32; dense 2", {-62, -62}, 0, 16, 32, 0xfa16d6725b1954e5},
    {"gru 16; dense 2", {-62, -62}, 0, 16, 32, 0x6827447be4d4df53},
};
static const struct row bf16_rows[] = {
    {"conv2d 4 3; conv2d 4 3; flatten; dense 2", {-63, -63, 0}, 0, 16, 16, 0x97eb44d2072f2796},
    {CONV_POOL, {-63, 0, -63}, 0, 28, 16, 0x7bc99ba8ef598e50},
    {CONV_POOL, {0, -63, -63}, 0, 28, 16, 0x8cbeaf8ab9ef307d},
    {"simple_rnn 32 activation relu; dense 2", {-63, -63}, 0, 16, 32, 0x4a1a84420f043c7f},
};
enum { ROWS = sizeof rows / sizeof *rows, BF16_ROWS = sizeof bf16_rows / sizeof *bf16_rows };

static void add_floats(uint64_t *digest, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) fixture_hash(digest, check_bits_of(values[i]), 4);
}

static float draw_weight(precision p, size_t at, int exponent)
{
    int kind = value_int(11, at, 16), i = 1 + value_int(12, at, 4);
    float size = ldexpf(1.0f + (kind & 1 ? 0x1p-23f : -0x1p-23f) * (float)i, exponent);
    if (p == PRECISION_BF16) size = ldexpf(1.0f, kind & 1 ? exponent : exponent - 13);
    return kind < 12 ? 0.0f : kind & 2 ? -size : size;
}

static void set_values(fixture *f, const struct row *row)
{
    const model *m = f->m;
    precision p = m->k->precision;
    for (int i = 0, number = 0; i < m->layers; i++) {
        const layer *l = &m->layer[i];
        for (int t = 0; t < l->tensors; t++)
            for (size_t j = 0; j < l->tensor[t].at.length; j++) {
                size_t at = l->tensor[t].at.offset + j;
                int is_bias = t > 0 && t == l->tensors - 1;
                f->parameters[at] = is_bias ? 0.0f : draw_weight(p, at, row->exponent[number]);
            }
        number += l->tensors > 0;
    }
    size_t pixels = shape_length(m->input) * SAMPLES;
    for (size_t i = 0; i < pixels; i++) f->pixels[i] = value_int(13, i, row->ink) ? 0 : 255;
    model_prepare(m, f->parameters, f->packed, 0, 1);
}

static uint64_t pass_digest(const struct row *row, const kernels *k, int threads)
{
    static float slab[MOST_SLAB];
    float *partials[] = {slab};
    uint64_t digest = FIXTURE_HASH;
    fixture_cfg cfg = {row->spec, {3, {row->side, row->side, 1}}, CLASSES, SAMPLES, GEMM_OWN, 3};
    fixture f = fixture_open(&cfg, k);
    int leaves = tree_leaves(SAMPLES, GRAIN);
    assert_true(f.m->slab_length <= MOST_SLAB);
    set_values(&f, row);
    memset(slab, 0, sizeof slab);
    pass_args pass = {.pixels = f.pixels,
                      .labels = f.labels,
                      .count = SAMPLES,
                      .leaves = leaves,
                      .range = {0, leaves},
                      .scale = ldexpf(1.0f + 0x1p-23f, row->gradient + 1),
                      .partials = partials};
    executor *r = executor_new(f.m, SAMPLES, GRAIN, threads, f.parameters, f.packed, &f.memory);
    fixture_run(r, &pass, threads);
    add_floats(&digest, executor_logits(r), SAMPLES * CLASSES);
    add_floats(&digest, slab, f.m->slab_length);
    fixture_close(&f);
    return digest;
}

static int count_wrong(const struct row *row, int count_of_rows, precision p)
{
    const kernels *tables[BF16_TABLES];
    int count = tables_in(p, tables), wrong = 0;
    for (int i = 0; i < count_of_rows; i++)
        for (int k = 0; k < count; k++)
            for (int threads = 1; threads <= THREADS; threads += 2) {
                uint64_t digest = pass_digest(&row[i], tables[k], threads);
                if (digest == row[i].digest) continue;
                wrong++;
                print_error("row %d, %s, %s, %d threads: 0x%016llx, expected 0x%016llx\n", i,
                            row[i].spec, tables[k]->name, threads, (unsigned long long)digest,
                            (unsigned long long)row[i].digest);
            }
    return wrong;
}

static void the_same_everywhere(void **state)
{
    (void)state;
    assert_int_equal(count_wrong(rows, ROWS, PRECISION_FP32), 0);
}

static void the_same_everywhere_bf16(void **state)
{
    (void)state;
    assert_int_equal(count_wrong(bf16_rows, BF16_ROWS, PRECISION_BF16), 0);
}

/* ---- what is computed outside of passes ---- */

/* Values of 2^-126 in the packed forms of the second convolution, whose filters are multiplied by 1/3, 1/9 and others: weights
 * are the floats next below 2^-126 over one of these. How packed forms lie depends on the table, this number does not. */
static void packed_forms(void **state)
{
    (void)state;
    static const float factors[] = {1.0f / 3, 1.0f / 9, 1.0f / 36, 1.0f / 60};
    const kernels *tables[8];
    int count = kernels_available(tables);
    for (int k = 0; k < count; k++) {
        fixture_cfg cfg = {CONV_POOL, {3, {28, 28, 1}}, CLASSES, SAMPLES, GEMM_OWN, 3};
        fixture f = fixture_open(&cfg, tables[k]);
        int least = 0;
        memset(f.parameters, 0, f.m->slab_length * sizeof(float));
        const layer *l = f.m->stage[1].layer;
        span at = l->tensor[0].at;
        for (size_t i = 0; i < at.length; i++) {
            float w = 0x1p-63f / factors[value_int(14, i, 4)] * 0x1p-63f;
            if (value_int(15, i, 3) == 0) f.parameters[at.offset + i] = nextafterf(w, 0);
        }
        model_prepare(f.m, f.parameters, f.packed, 0, 1);
        for (size_t i = 0; i < f.m->packed_length; i++) least += fabsf(f.packed[i]) == 0x1p-126f;
        assert_int_equal(least, LEAST_PACKED);
        fixture_close(&f);
    }
}

typedef struct sums_job {
    executor *r;
    span slice;
    float *out;
} sums_job;

static void sums_work(void *context, int thread)
{
    const sums_job *job = context;
    executor_joint_sum(job->r, job->slice, thread, job->out);
}

/* The gradient of a large kernel from x and g of all ranks is the one that a pass gives. */
static void joint_sums(void **state)
{
    (void)state;
    const struct row row = {"flatten; dense 256; dense 256; dense 2", {-63, 0, -63}, 0, 8, 32, 0};
    fixture_cfg cfg = {row.spec, {3, {row.side, row.side, 1}}, CLASSES, SAMPLES, GEMM_OWN, 3};
    const kernels *tables[8];
    kernels_available(tables);
    fixture f = fixture_open(&cfg, tables[0]);
    set_values(&f, &row);
    assert_int_equal(f.m->joint_stage, 1);
    span kernel = f.m->bucket[f.m->joint_bucket];
    float *want = arena_floats(&f.memory, f.m->slab_length);
    float *got = arena_floats(&f.memory, f.m->slab_length);
    int leaves = tree_leaves(SAMPLES, GRAIN), least = 0;
    pass_args pass = {.pixels = f.pixels,
                      .labels = f.labels,
                      .count = SAMPLES,
                      .leaves = leaves,
                      .range = {0, leaves},
                      .scale = ldexpf(1.0f + 0x1p-23f, 1),
                      .partials = &want};
    executor *r = executor_new(f.m, SAMPLES, GRAIN, 2, f.parameters, f.packed, &f.memory);
    fixture_run(r, &pass, 2);
    r = executor_new(f.m, SAMPLES, GRAIN, 2, f.parameters, f.packed, &f.memory);
    size_t floats = executor_joint_floats(f.m, SAMPLES, GRAIN, 2);
    executor_join(r, arena_floats(&f.memory, floats), SAMPLES, &f.memory);
    executor_begin_batch(r, SAMPLES);
    pass.partials = &got;
    fixture_run(r, &pass, 2);
    sums_job job = {r, kernel, got + kernel.offset};
    team_run(sums_work, &job);
    SAME_BITS(got + kernel.offset, want + kernel.offset, kernel.length);
    for (size_t i = 0; i < kernel.length; i++) least += fabsf(got[kernel.offset + i]) == 0x1p-126f;
    assert_true(least > 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_everywhere),
        cmocka_unit_test(the_same_everywhere_bf16),
        cmocka_unit_test(packed_forms),
        cmocka_unit_test(joint_sums),
    };
    denormals_flush();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
