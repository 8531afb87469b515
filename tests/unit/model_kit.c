/* unit/model_kit.c - the words of the layer kit: shapes, names, canonical words, and what is wrong said in words. */
#include "check.h"

#include "model/model.h"
#include "model/spec.h"

static status build(const char *spec, shape input, arena *memory, model **m, failure *why)
{
    const kernels *tables[3];
    kernels_available(tables);
    model_cfg cfg = {
        .spec = spec, .input = input, .classes = 10, .k = tables[0], .engine = GEMM_OWN};
    *m = arena_take(memory, sizeof **m);
    return model_build(*m, &cfg, memory, why);
}

static const shape DIGIT = {3, {28, 28, 1}};

/* The canonical words, or the error. */
static void expect_words(const char *spec, const char *words)
{
    layer_cfg cfgs[MODEL_MAX_LAYERS];
    failure why;
    char out[MODEL_SPEC];
    int count;
    CASE("%.200s", spec);
    status s = spec_parse(spec, cfgs, MODEL_MAX_LAYERS, &count, &why);
    if (s) {
        /* the beginning is compared: the list of activations in a message grows */
        assert_int_equal(strncmp(why.text, words, strlen(words)), 0);
        return;
    }
    spec_format(cfgs, count, out, sizeof out);
    assert_string_equal(out, words);
    assert_int_equal(spec_parse(out, cfgs, MODEL_MAX_LAYERS, &count, &why), STATUS_OK);
    char again[MODEL_SPEC];
    spec_format(cfgs, count, again, sizeof again);
    assert_string_equal(again, out);
}

static void canonical_words(void **state)
{
    (void)state;
    expect_words("relu;tanh ;sigmoid; leaky_relu", "relu; tanh; sigmoid; leaky_relu");
    expect_words("leaky_relu 0.3; leaky_relu .10; leaky_relu 1",
                 "leaky_relu; leaky_relu 0.1; leaky_relu 1");
    expect_words("dense 3 leaky_relu; dense 4 leaky_relu 0.2",
                 "dense 3 leaky_relu; dense 4 leaky_relu 0.2");
    expect_words("conv2d 3 2 stride 2 same tanh", "conv2d 3 2 stride 2 same tanh");
    expect_words("avgpool 2; avgpool 3 stride 3 valid; avgpool 3 stride 1 same",
                 "avgpool 2; avgpool 3; avgpool 3 stride 1 same");
    expect_words("global_avgpool; layer_norm", "global_avgpool; layer_norm");
    expect_words("dropout 0.25; dropout 0; dropout 1e-1; dropout 0.123456789",
                 "dropout 0.25; dropout 0; dropout 0.1; dropout 0.123456789");
}

static void wrong_words(void **state)
{
    (void)state;
    static const char *const wrong[] = {"1", "-0.1", "half", "nan"};
    expect_words("dropout",
                 "--model='dropout': word 2, '': must be the rate: a number from 0 to 0.99");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char spec[32], words[128];
        snprintf(spec, sizeof spec, "dropout %s", wrong[i]);
        snprintf(words, sizeof words,
                 "--model='%s': word 2, '%s': must be the rate: a number from 0 to 0.99", spec,
                 wrong[i]);
        expect_words(spec, words);
    }
    expect_words("leaky_relu 2",
                 "--model='leaky_relu 2': word 2, '2': must be the slope: a number from 0 to 1");
    expect_words("avgpool", "--model='avgpool': word 2, '': must be the window size: a whole "
                            "number from 1 to 1048576");
    expect_words("avgpool 2 relu", "--model='avgpool 2 relu': word 3, 'relu': out of place; the "
                                   "form is avgpool SIZE [stride N] [same]");
    expect_words("tanh same",
                 "--model='tanh same': word 2, 'same': out of place; the form is tanh");
    expect_words("dense 3 tanh relu",
                 "--model='dense 3 tanh relu': word 4, 'relu': out of place; the form is dense "
                 "UNITS [ACTIVATION], ACTIVATION: relu, leaky_relu [SLOPE], tanh, sigmoid");
}

static int fails_with(const char *spec, const char *words)
{
    arena memory = {0};
    model *m;
    failure why;
    status s = build(spec, DIGIT, &memory, &m, &why);
    int found = s == STATUS_USAGE && strstr(why.text, words) != NULL;
    if (!found) print_error("%s: status %d, %s\n", spec, s, s ? why.text : "");
    arena_free(&memory);
    return found;
}

static void what_is_known_is_listed(void **state)
{
    (void)state;
    assert_true(fails_with("flatten; drop 0.5; dense 10", "word 1, 'drop': unknown layer"));
    assert_true(fails_with("flatten; dropuot 0.5; dense 10", "did you mean 'dropout'?"));
    assert_true(fails_with("convolution 3", "known are conv2d, maxpool, flatten, dense, "));
    for (int i = 0; layer_kind(i); i++)
        assert_true(fails_with("convolution 3", layer_kind(i)->word));
    assert_true(fails_with("flatten; dense 10 tahn", "did you mean 'tanh'?"));
    assert_true(fails_with("lenet", "did you mean 'lenet5'?"));
    assert_true(fails_with("dropout 0.5", "the last layer gives (28, 28, 1)"));
    assert_true(
        fails_with("flatten; avgpool 2; dense 10", "avgpool needs an image, but gets (784,)"));
    assert_true(fails_with("flatten; global_avgpool; dense 10", "global_avgpool needs an image"));
    assert_true(fails_with("avgpool 29; flatten; dense 10", "avgpool window of 29 does not fit"));
}

static void batch_normalisation_is_left_out(void **state)
{
    (void)state;
    static const char *const specs[] = {
        "batchnorm", "conv2d 3 3; batchnorm; flatten; dense 10", "flatten; batch_norm",
        "flatten; BatchNormalization; dense 10", "flatten; batch_normalization"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        assert_true(fails_with(
            specs[i],
            "batch normalisation is left out, because its statistics depend on the batch"));
}

static void lenet5(void **state)
{
    (void)state;
    static const char *const names[] = {
        "conv2d", "average_pooling2d", "conv2d_1", "average_pooling2d_1", "flatten",
        "dense",  "dense_1",           "dense_2"};
    arena memory = {0};
    model *m;
    failure why;
    assert_int_equal(build("lenet5", DIGIT, &memory, &m, &why), STATUS_OK);
    assert_int_equal(m->parameters, 61706); /* 156 + 2416 + 48120 + 10164 + 850 */
    assert_int_equal(m->layers, 8);
    for (int i = 0; i < 8; i++) assert_string_equal(m->layer[i].name, names[i]);
    assert_true(shape_equal(m->layer[4].out, shape_vector(400)));
    arena_free(&memory);
}

/* Keras counts layers of a class: tanh and sigmoid are both its Activation. */
static void names_as_keras_counts(void **state)
{
    (void)state;
    static const char *const names[] = {"dropout",
                                        "conv2d",
                                        "layer_normalization",
                                        "leaky_re_lu",
                                        "global_average_pooling2d",
                                        "activation",
                                        "dense",
                                        "activation_1",
                                        "activation_2",
                                        "re_lu",
                                        "dropout_1",
                                        "layer_normalization_1",
                                        "dense_1"};
    arena memory = {0};
    model *m;
    failure why;
    const char *spec = "dropout 0.1; conv2d 4 3; layer_norm; leaky_relu; global_avgpool; tanh; "
                       "dense 7; sigmoid; tanh; relu; "
                       "dropout 0.5; layer_norm; dense 10";
    assert_int_equal(build(spec, DIGIT, &memory, &m, &why), STATUS_OK);
    assert_int_equal(m->layers, 13);
    for (int i = 0; i < m->layers; i++) assert_string_equal(m->layer[i].name, names[i]);
    const layer *norm = &m->layer[2];
    assert_int_equal(norm->tensors, 2);
    assert_string_equal(norm->tensor[0].name, "gamma");
    assert_string_equal(norm->tensor[1].name, "beta");
    assert_int_equal(norm->tensor[0].at.length, 4);
    float *parameters = arena_floats(&memory, m->slab_length);
    model_initialise(m, 1, parameters);
    for (size_t i = 0; i < 4; i++) {
        assert_true(parameters[norm->tensor[0].at.offset + i] == 1);
        assert_true(parameters[norm->tensor[1].at.offset + i] == 0);
    }
    arena_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_words),
        cmocka_unit_test(wrong_words),
        cmocka_unit_test(what_is_known_is_listed),
        cmocka_unit_test(batch_normalisation_is_left_out),
        cmocka_unit_test(lenet5),
        cmocka_unit_test(names_as_keras_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
