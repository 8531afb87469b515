/* unit/model_stages.c - what a model's layers become: which stages run, and how much of its output each computes. */
#include "check.h"

#include "layer_rows.h"
#include "model/model.h"

static const kernels *best(void)
{
    const kernels *tables[3];
    kernels_available(tables);
    return tables[0];
}

static model *build(const char *spec, gemm_engine engine, stage_sums sums, arena *memory)
{
    failure why;
    model_cfg cfg = {.spec = spec,
                     .input = {3, {28, 28, 1}},
                     .classes = 10,
                     .k = best(),
                     .engine = engine,
                     .sums = sums};
    model *m = arena_take(memory, sizeof *m);
    CASE("%.200s, engine %d", spec, engine);
    status code = model_build(m, &cfg, memory, &why);
    if (code) print_error("%s\n", why.text);
    assert_int_equal(code, STATUS_OK);
    return m;
}

/* The preset: 28 x 28 -> 13 x 13 windows, of which the second convolution reads 12 x 12 -> 5 x 5. */
static void cnn(void **state)
{
    (void)state;
    for (int sums = STAGE_FAST; sums <= STAGE_EXACT; sums++) {
        arena memory = {0};
        const model *m = build("cnn", GEMM_OWN, (stage_sums)sums, &memory);
        const stage *first = &m->stage[0], *second = &m->stage[1];
        assert_int_equal(m->stages, 4);
        assert_ptr_equal(first->type, stage_named("conv2d", "conv2d_pixels"));
        assert_ptr_equal(second->type, stage_named("conv2d", "conv2d_pooled"));
        assert_int_equal(first->used_rows, 12);
        assert_int_equal(first->used_cols, 12);
        assert_int_equal(first->reads_rows, 26);
        assert_int_equal(first->reads_cols, 26);
        assert_int_equal(first->out_length, 13 * 13 * 32); /* still the layer's */
        assert_int_equal(first->want_input_gradient, 0);
        assert_int_equal(first->packed_length, 0);
        assert_int_equal(second->used_rows, 0);
        assert_int_equal(second->used_cols, 0);
        assert_int_equal(second->reads_rows, 12);
        assert_int_equal(second->reads_cols, 12);
        assert_int_equal(second->want_input_gradient, 1);
        size_t plain = 9 * 32 * 64; /* of the turned kernel too */
        size_t forward = sums == STAGE_EXACT ? plain : winograd_packed_length(32, 64);
        assert_int_equal(second->packed_length, forward + plain);
        arena_free(&memory);
    }
}

/* The first two stages by name, and how many rows of its output the first one is told to compute. */
static const struct {
    const char *spec, *names[2];
    gemm_engine engine;
    int used_rows;
} cases[] = {
    {"cnn", {"conv2d", "conv2d"}, GEMM_BLIS, 0},
    {"conv2d 32 3 same relu; maxpool 2; conv2d 64 3; maxpool 2; flatten; dense 10",
     {"conv2d", "conv2d_pooled"},
     GEMM_OWN,
     14},
    {"conv2d 32 3 stride 2; maxpool 2; conv2d 64 3; maxpool 2; flatten; dense 10",
     {"conv2d", "conv2d_pooled"},
     GEMM_OWN,
     6},
    {"conv2d 32 3 relu; maxpool 3; conv2d 64 3; maxpool 2; flatten; dense 10",
     {"conv2d", "conv2d_pooled"},
     GEMM_OWN,
     8},
    {"conv2d 32 5 relu; maxpool 2; conv2d 64 3; maxpool 2; flatten; dense 10",
     {"conv2d", "conv2d_pooled"},
     GEMM_OWN,
     12},
    {"conv2d 10 3 relu; maxpool 2; conv2d 64 3; maxpool 2; flatten; dense 10",
     {"conv2d", "conv2d"},
     GEMM_OWN,
     0},
    {"conv2d 32 3 relu; maxpool 2; conv2d 10 3; maxpool 2; flatten; dense 10",
     {"conv2d_pixels", "conv2d"},
     GEMM_OWN,
     0},
    {"conv2d 32 3 relu; maxpool 2; conv2d 64 3; flatten; dense 10",
     {"conv2d_pixels", "conv2d"},
     GEMM_OWN,
     0},
    {"conv2d 32 3; maxpool 2 same; conv2d 64 3; maxpool 2; flatten; dense 10",
     {"conv2d", "maxpool"},
     GEMM_OWN,
     0},
    {"conv2d 32 3; maxpool 2 stride 1; conv2d 64 3; maxpool 2; flatten; dense 10",
     {"conv2d", "maxpool"},
     GEMM_OWN,
     0},
    /* the stage between them reads all rows */
    {"conv2d 32 3; maxpool 2; dropout 0.1; conv2d 64 3; maxpool 2; flatten; dense 10",
     {"conv2d_pixels", "dropout"},
     GEMM_OWN,
     0},
    /* the gradient of the image is not needed, that of the first layer's output is */
    {"conv2d 1 3; conv2d 32 3; maxpool 2; flatten; dense 10", {"conv2d", "conv2d"}, GEMM_OWN, 0},
    {"dropout 0.1; conv2d 32 3; maxpool 2; flatten; dense 10",
     {"dropout", "conv2d_pixels"},
     GEMM_OWN,
     28},
    {"strong", {"conv2d", "conv2d_pooled"}, GEMM_OWN, 26},
};

static void which_stages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena memory = {0};
        const model *m = build(cases[i].spec, cases[i].engine, STAGE_FAST, &memory);
        for (int j = 0; j < 2; j++) assert_string_equal(m->stage[j].type->name, cases[i].names[j]);
        assert_int_equal(m->stage[0].used_rows, cases[i].used_rows);
        assert_int_equal(m->stage[0].used_cols, cases[i].used_rows);
        arena_free(&memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cnn),
        cmocka_unit_test(which_stages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
