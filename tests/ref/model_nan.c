/* ref/model_nan.c - models whose sums overflow. Which values are NaN, and which are infinite, is the same on each processor, in
 * every table and on every number of threads; so are the answers, the losses and the gradients. The digests below are of a pass
 * forward and backward in which every NaN counts as the same one: its sign and payload depend on the processor. Probabilities
 * leave the program, so for them the bits of a NaN count. */
#include "base/denormals.h"
#include "check.h"
#include "model_fixture.h"

#include <stdlib.h>

enum { SAMPLES = 12, GRAIN = 4, CLASSES = 5, MOST_SLAB = 1 << 16, THREADS = 3 };

static const struct row {
    const char *spec;
    float scale; /* of the parameters */
    uint64_t digest;
} rows[] = {
    {"flatten; dense 20 relu; dense 5", 1e30f, 0xeb0fd805ad3f95df},
    {"flatten; dense 20 tanh; dense 9 sigmoid; dense 5", 1e38f, 0x9abf60409dc7ffc1},
    {"conv2d 16 3 relu; maxpool 2; conv2d 32 3 relu; maxpool 2; flatten; dense 5", 1e13f,
     0x3c918c8f50d551d2},
    {"conv2d 16 3 relu; maxpool 2; conv2d 32 3 relu; maxpool 2; flatten; dense 5", 1e20f,
     0xc953517a844c881f},
    {"conv2d 4 3; avgpool 2; conv2d 4 3 elu; maxpool 3; flatten; dense 5", 1e20f,
     0x478501e7d08d75de},
    {"conv2d 4 3; conv2d 4 3; layer_norm; gelu; flatten; dense 8 hard_sigmoid; dense 5", 1e20f,
     0x1da1e1378662f01e},
    {"simple_rnn 8; dense 5", 3e38f, 0x5c7f375a45532086},
    {"lstm 8; dense 5", 3e38f, 0x9d4bf97d9b3b0696},
    {"gru 8 sequence; lstm 8; dense 5", 3e38f, 0xc044a00fe915c779},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void add_number(uint64_t *digest, int64_t number)
{
    fixture_hash(digest, (uint64_t)number, 8);
}

static void add_floats(uint64_t *digest, const float *values, size_t count, int is_any_nan)
{
    for (size_t i = 0; i < count; i++)
        add_number(digest, is_any_nan && isnan(values[i]) ? 0x7fc00000 : check_bits_of(values[i]));
}

typedef struct tally {
    int nan, infinite;
} tally;

static void count_values(tally *t, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        t->nan += isnan(values[i]) != 0, t->infinite += isinf(values[i]) != 0;
}

static uint64_t pass_digest(const struct row *row, const kernels *k, int threads, tally *t)
{
    static float slab[MOST_SLAB];
    float *partials[] = {slab}, probabilities[SAMPLES * CLASSES];
    uint8_t predicted[SAMPLES];
    uint64_t digest = FIXTURE_HASH;
    fixture_cfg cfg = {row->spec, {3, {16, 16, 1}}, CLASSES, SAMPLES, GEMM_OWN, 3};
    fixture f = fixture_open(&cfg, k);
    const model *m = f.m;
    int leaves = tree_leaves(SAMPLES, GRAIN);
    assert_true(m->slab_length <= MOST_SLAB);
    for (size_t i = 0; i < m->slab_length; i++) f.parameters[i] *= row->scale;
    assert_true(k->all_finite(f.parameters, m->slab_length));
    model_prepare(m, f.parameters, f.packed, 0, 1);
    memset(slab, 0, sizeof slab);
    pass_args pass = {.pixels = f.pixels,
                      .labels = f.labels,
                      .count = SAMPLES,
                      .leaves = leaves,
                      .range = {0, leaves},
                      .scale = 1.0f / SAMPLES,
                      .partials = partials,
                      .predicted = predicted,
                      .probabilities = probabilities};
    executor *r = executor_new(m, SAMPLES, GRAIN, threads, f.parameters, f.packed, &f.memory);
    loss_sums sums = fixture_run(r, &pass, threads);
    add_number(&digest, sums.loss);
    add_number(&digest, sums.correct);
    add_number(&digest, sums.nonfinite);
    for (int i = 0; i < SAMPLES; i++) fixture_hash(&digest, predicted[i], 1);
    add_floats(&digest, executor_logits(r), SAMPLES * CLASSES, 1);
    add_floats(&digest, probabilities, SAMPLES * CLASSES, 0);
    add_floats(&digest, slab, m->slab_length, 1);
    count_values(t, executor_logits(r), SAMPLES * CLASSES);
    count_values(t, slab, m->slab_length);
    fixture_close(&f);
    return digest;
}

static void the_same_everywhere(void **state)
{
    (void)state;
    const kernels *tables[8];
    int count = kernels_available(tables), wrong = 0;
    for (int i = 0; i < ROWS; i++) {
        tally t = {0};
        for (int k = 0; k < count; k++)
            for (int threads = 1; threads <= THREADS; threads += 2) {
                uint64_t digest = pass_digest(&rows[i], tables[k], threads, &t);
                if (digest == rows[i].digest) continue;
                wrong++;
                print_error("%s times %g, %s, %d threads: 0x%016llx, expected 0x%016llx\n",
                            rows[i].spec, (double)rows[i].scale, tables[k]->name, threads,
                            (unsigned long long)digest, (unsigned long long)rows[i].digest);
            }
        print_message("%s times %g: %d NaN, %d infinite\n", rows[i].spec, (double)rows[i].scale,
                      t.nan, t.infinite);
        assert_true(t.nan > 0);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_everywhere)};
    denormals_flush();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
