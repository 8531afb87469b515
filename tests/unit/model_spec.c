/* unit/model_spec.c - models as words: what is read, what is refused and how, and the plan that follows. */
#include "check.h"

#include "base/arena.h"
#include "model/model.h"
#include "model/presets.h"
#include "model/spec.h"

static arena memory;

static status build_on(const char *spec, shape input, int classes, model **m, failure *why)
{
    const kernels *k[3];
    kernels_available(k);
    model_cfg cfg = {.spec = spec, .input = input, .classes = classes, .k = k[0], .joint = 1};
    *m = arena_take(&memory, sizeof **m);
    why->text[0] = 0;
    return model_build(*m, &cfg, &memory, why);
}

static const shape DIGIT = {3, {28, 28, 1}};

static model *build(const char *spec)
{
    model *m;
    failure why;
    CASE("%.200s", spec);
    status s = build_on(spec, DIGIT, 10, &m, &why);
    if (s) print_error("%s\n", why.text);
    assert_int_equal(s, STATUS_OK);
    return m;
}

/* The spec is refused, in words that begin like these. */
static void refused(const char *spec, const char *words)
{
    model *m;
    failure why;
    assert_int_equal(build_on(spec, DIGIT, 10, &m, &why), STATUS_USAGE);
    if (strncmp(why.text, words, strlen(words)) != 0)
        print_error("'%.100s' says\n  %s\nand not\n  %s\n", spec, why.text, words);
    assert_memory_equal(why.text, words, strlen(words));
}

static void canonical_words(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"flatten;dense 10", "flatten; dense 10"},
        {"  flatten ;\n dense\t10 relu ; dense 10;", "flatten; dense 10 relu; dense 10"},
        {";;flatten;;dense 010", "flatten; dense 10"},
        {"conv2d 4 3 stride 1 valid;flatten;dense 10", "conv2d 4 3; flatten; dense 10"},
        {"conv2d 4 3 stride 2 same relu; maxpool 3 stride 3; flatten; dense 10",
         "conv2d 4 3 stride 2 same relu; maxpool 3; flatten; dense 10"},
        {"maxpool 3 stride 1 same; flatten; dense 10",
         "maxpool 3 stride 1 same; flatten; dense 10"},
        {"maxpool 2 same; flatten; dense 10", "maxpool 2 same; flatten; dense 10"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        model *m = build(pairs[i][0]);
        assert_string_equal(m->spec, pairs[i][1]);
        assert_string_equal(m->name, pairs[i][0]);
        assert_string_equal(build(m->spec)->spec, m->spec); /* canonical words mean themselves */
    }
}

static void settings_of_words(void **state)
{
    (void)state;
    layer_cfg c[4];
    failure why;
    int count;
    assert_int_equal(spec_parse("conv2d 7 5 stride 2 same relu; maxpool 3; flatten; dense 9", c, 4,
                                &count, &why),
                     STATUS_OK);
    assert_int_equal(count, 4);
    assert_true(c[0].type == layer_kind_find("conv2d") && c[0].units == 7 && c[0].size == 5 &&
                c[0].stride == 2);
    assert_true(c[0].pad == PADDING_SAME && c[0].act == ACTIVATION_RELU);
    assert_true(c[1].type == layer_kind_find("maxpool") && c[1].size == 3 && c[1].stride == 3 &&
                c[1].pad == PADDING_VALID);
    assert_true(c[2].type == layer_kind_find("flatten"));
    assert_true(c[3].type == layer_kind_find("dense") && c[3].units == 9 &&
                c[3].act == ACTIVATION_NONE);
    assert_int_equal(spec_parse("flatten; flatten; flatten; flatten; flatten", c, 4, &count, &why),
                     STATUS_USAGE);
    assert_string_equal(why.text, "--model: more than 4 layers");
}

/* A text that is cut is still ended, and nothing is written behind it. */
static void format_is_cut(void **state)
{
    (void)state;
    layer_cfg c[3];
    failure why;
    int count;
    char whole[64], cut[64];
    assert_int_equal(spec_parse("conv2d 7 5 relu; flatten; dense 9", c, 3, &count, &why),
                     STATUS_OK);
    spec_format(c, count, whole, sizeof whole);
    for (size_t size = 1; size < strlen(whole) + 2; size++) {
        memset(cut, '?', sizeof cut);
        spec_format(c, count, cut, size);
        assert_true(strlen(cut) < size && strncmp(cut, whole, strlen(cut)) == 0);
        assert_int_equal(cut[size], '?');
    }
}

static void wrong_words(void **state)
{
    (void)state;
    refused("convd 4 3; flatten; dense 10",
            "--model='convd 4 3': word 1, 'convd': unknown layer; did you mean 'conv2d'? Known are "
            "conv2d, maxpool, ");
    refused("flatten; dens 10",
            "--model='dens 10': word 1, 'dens': unknown layer; did you mean 'dense'? Known are ");
    refused("flatten; 10", "--model='10': word 1, '10': unknown layer; known are conv2d, ");
    refused("flatten; dense 10 rleu",
            "--model='dense 10 rleu': word 3, 'rleu': unknown; did you mean 'relu'? The form is "
            "dense UNITS [ACTIVATION], ACTIVATION: relu, leaky_relu [SLOPE], ");
    refused("conv2d 4 3 3 relu",
            "--model='conv2d 4 3 3 relu': word 4, '3': unknown; the form is conv2d FILTERS SIZE "
            "[stride N] [same] [ACTIVATION], ACTIVATION: relu, ");
    refused("Flatten ; dense 10",
            "--model='Flatten': word 1, 'Flatten': unknown layer; did you mean 'flatten'? ");
    refused("conv2d 4 3 relu same; flatten; dense 10",
            "--model='conv2d 4 3 relu same': word 5, 'same': out of place; the form is conv2d ");
    refused("maxpool 2 relu; flatten; dense 10",
            "--model='maxpool 2 relu': word 3, 'relu': out of place; the form is maxpool SIZE "
            "[stride N] [same]");
    refused("flatten relu; dense 10",
            "--model='flatten relu': word 2, 'relu': out of place; the form is flatten");
    refused("flatten; dense 10 stride 2",
            "--model='dense 10 stride 2': word 3, 'stride': out of place; the form is dense ");
    refused("flatten; dense 10 relu relu",
            "--model='dense 10 relu relu': word 4, 'relu': out of place; the form is dense ");
}

static void wrong_numbers(void **state)
{
    (void)state;
    const char *units = ": must be the number of units: a whole number from 1 to 1048576";
    static const char *const wrong[] = {"relu", "0",       "-3",
                                        "1.5",  "1048577", "99999999999999999999"};
    refused("conv2d", "--model='conv2d': word 2, '': must be the number of filters: a whole ");
    refused("conv2d ; flatten", "--model='conv2d': word 2, '': must be the number of filters: ");
    refused("conv2d 4; flatten", "--model='conv2d 4': word 3, '': must be the kernel size: ");
    refused("conv2d 4 3 stride; flatten",
            "--model='conv2d 4 3 stride': word 5, '': must be the stride: ");
    refused("maxpool; flatten", "--model='maxpool': word 2, '': must be the window size: ");
    refused("flatten; dense", "--model='dense': word 2, '': must be the number of units: ");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char spec[64], words[192];
        snprintf(spec, sizeof spec, "flatten; dense %s", wrong[i]);
        snprintf(words, sizeof words, "--model='dense %s': word 2, '%s'%s", wrong[i], wrong[i],
                 units);
        refused(spec, words);
    }
    refused("conv2d 4 0; flatten", "--model='conv2d 4 0': word 3, '0': must be the kernel size: ");
    refused("conv2d 4 3 stride 0; flatten",
            "--model='conv2d 4 3 stride 0': word 5, '0': must be the stride: ");
    refused("maxpool 17 ; flatten", "--model: layer 1: maxpool 17: the largest window is 16");
}

static void shapes_that_do_not_fit(void **state)
{
    (void)state;
    refused("conv2d 4 29; flatten; dense 10",
            "--model: layer 1: a conv2d window of 29 does not fit into an image of (28, 28, 1)");
    refused("maxpool 10; maxpool 3; flatten; dense 10",
            "--model: layer 2: a maxpool window of 3 does not fit into an image of (2, 2, 1)");
    refused("flatten; conv2d 4 3", "--model: layer 2: conv2d needs an image, but gets (784,)");
    refused("flatten; maxpool 2", "--model: layer 2: maxpool needs an image, but gets (784,)");
    refused("dense 10 ; flatten",
            "--model: layer 1: dense needs a vector, but gets (28, 28, 1): put flatten before it");
    refused("flatten; dense 11",
            "--model: the last layer gives (11,), but the data has 10 classes: end with dense 10");
    refused(
        "conv2d 10 28 ; maxpool 1",
        "--model: the last layer gives (1, 1, 10), but the data has 10 classes: end with dense 10");
    refused("flatten", "--model: the last layer gives (784,), but the data has 10 classes");
    refused("flatten; dense 1048576; dense 10",
            "--model: layer 2: the kernel of dense would have 8.22e+08 values; the most");
    refused("conv2d 1048576 1; flatten",
            "--model: layer 1: the output of conv2d would have 8.22e+08 values; the most is");
    refused("conv2d 1 1048576 same; flatten",
            "--model: layer 1: the kernel of conv2d would have 1.1e+12 values; the most");
}

static void whole_texts(void **state)
{
    (void)state;
    char text[MODEL_SPEC + 8];
    refused("cnnn", "unknown model 'cnnn'; did you mean 'cnn'? Known are cnn, mlp");
    refused("resnet", "unknown model 'resnet'; known are cnn, mlp");
    refused("cnn ; flatten", "--model='cnn': word 1, 'cnn': unknown layer; known are ");
    refused("", "unknown model ''; known are ");
    refused(" ; ;", "--model: the model has no layers");
    memset(text, ';', sizeof text), text[MODEL_SPEC] = 0;
    refused(text, "--model: longer than 511");
    refused("flatten; dense 1 2 3 4 5 6 7 8 9 10 11 12 13",
            "--model='dense 1 2 3 4 5 6 7 8 9 10 11 12 13': too long at word 13, '12'");
    refused("flatten; denseeeeeeeeeeeeeeeeeeeeeeeeeeeee 10", "--model='denseeeee");
    text[0] = 0;
    for (int i = 0; i < MODEL_MAX_LAYERS + 1; i++) strcat(text, "flatten;");
    refused(text, "--model: more than 32 layers");
    /* fits only without the blanks that are added */
    strcpy(text, "conv2d 1048576 1048576 stride 1048576 same;");
    while (strlen(text) + 43 < MODEL_SPEC)
        strcat(text, "conv2d 1048576 1048576 stride 1048576 same;");
    while (strlen(text) + 8 < MODEL_SPEC) strcat(text, "flatten;");
    refused(text, "--model: longer than 511");
}

static void no_parameters(void **state)
{
    (void)state;
    model *m;
    failure why;
    assert_int_equal(build_on("maxpool 2; flatten", (shape){3, {4, 4, 1}}, 4, &m, &why),
                     STATUS_USAGE);
    assert_string_equal(why.text, "--model: the model has no parameters to train");
}

static void presets(void **state)
{
    (void)state;
    model *cnn = build("cnn"), *mlp = build("mlp");
    assert_string_equal(presets_name(0), "cnn");
    assert_string_equal(presets_name(1), "mlp");
    assert_null(presets_name(-1));
    for (int i = 0; presets_name(i); i++) {
        model *m = build(presets_name(i));
        assert_string_equal(m->name, presets_name(i));
        assert_string_equal(build(m->spec)->spec, m->spec);
    }
    assert_string_equal(cnn->spec,
                        "conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; maxpool 2; flatten; "
                        "dense 128 relu; dense 10");
    assert_int_equal(cnn->parameters, 225034);
    assert_int_equal(mlp->parameters, 784 * 128 + 128 + 128 * 10 + 10);
    model *letters;
    failure why;
    assert_int_equal(build_on("cnn", DIGIT, 26, &letters, &why), STATUS_OK);
    assert_int_equal(letters->parameters, 225034 + 16 * 129);
}

static void cnn_layers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *out;
        double macs;
    } want[] = {
        {"conv2d", "(26, 26, 32)", 26 * 26 * 32 * 9},
        {"max_pooling2d", "(13, 13, 32)", 0},
        {"conv2d_1", "(11, 11, 64)", 11 * 11 * 64 * 288},
        {"max_pooling2d_1", "(5, 5, 64)", 0},
        {"flatten", "(1600,)", 0},
        {"dense", "(128,)", 1600 * 128},
        {"dense_1", "(10,)", 1280},
    };
    model *m = build("cnn");
    double macs = 0, flop = 0;
    assert_int_equal(m->layers, 7);
    for (int i = 0; i < 7; i++) {
        const layer *l = &m->layer[i];
        assert_string_equal(l->name, want[i].name);
        assert_string_equal(shape_text(l->out).text, want[i].out);
        NEAR(l->macs, want[i].macs, 0);
        macs += want[i].macs;
        flop += 2 * want[i].macs * (i == 0 ? 2 : 3);
    }
    NEAR(m->macs, macs, 0);
    NEAR(m->training_flop, flop, 0);
}

/* Tensors of the cnn: where they lie, their blocks, and the buckets: the large kernel, what follows it, the convolutions. */
static void cnn_slab(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t offset, length;
        int blocks;
    } want[] = {{"kernel", 0, 288, 1},          {"bias", 288, 32, 1},
                {"kernel", 320, 18432, 18},     {"bias", 18752, 64, 1},
                {"kernel", 18816, 204800, 200}, {"bias", 223616, 128, 1},
                {"kernel", 223744, 1280, 2},    {"bias", 225024, 10, 1}};
    model *m = build("cnn");
    int tensor = 0, block = 0;
    for (int i = 0; i < m->layers; i++)
        for (int t = 0; t < m->layer[i].tensors; t++, tensor++) {
            const layer_tensor *is = &m->layer[i].tensor[t];
            assert_string_equal(is->name, want[tensor].name);
            assert_int_equal(is->at.offset, want[tensor].offset);
            assert_int_equal(is->at.length, want[tensor].length);
            for (int b = 0; b < want[tensor].blocks; b++)
                assert_int_equal(m->block_start[block++],
                                 want[tensor].offset + (size_t)b * MODEL_BLOCK);
        }
    assert_int_equal(tensor, 8);
    assert_int_equal(m->blocks, block);
    assert_int_equal(m->slab_length, 225040);
    assert_int_equal(m->buckets, 3);
    assert_int_equal(m->early_buckets, 2);
    assert_true(m->bucket[0].offset == 18816 && m->bucket[0].length == 204800);
    assert_true(m->bucket[1].offset == 223616 && m->bucket[1].length == 225040 - 223616);
    assert_true(m->bucket[2].offset == 0 && m->bucket[2].length == 18816);
    assert_int_equal(m->joint_bucket, 0);
    assert_ptr_equal(m->stage[m->joint_stage].layer, &m->layer[5]);
}

/* A bucket of its own for the largest dense kernel of 64 blocks or more whose rows no block cuts. */
static void joint_bucket(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int bucket, stage;
        size_t offset, length;
    } cases[] = {
        {"mlp", 0, 0, 0, 100352},
        {"flatten; dense 128; dense 1024; dense 512; dense 10", 1, 2,
         784 * 128 + 128 + 128 * 1024 + 1024, 1024 * 512},
        {"flatten; dense 512; dense 784; dense 10", 0, 0, 0, 784 * 512}, /* 784: rows are cut */
        {"flatten; dense 64; dense 10", -1, -1, 0, 0},                   /* 49 blocks */
        {"rnn", -1, -1, 0, 0},
        {"flatten; dense 1024; layer_norm; dense 10", -1, -1, 0, 0}, /* leaves come behind it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model *m = build(cases[i].spec);
        CASE("%s", cases[i].spec);
        assert_int_equal(m->joint_bucket, cases[i].bucket);
        assert_int_equal(m->joint_stage, cases[i].stage);
        if (m->joint_bucket < 0) continue;
        assert_int_equal(m->bucket[m->joint_bucket].offset, cases[i].offset);
        assert_int_equal(m->bucket[m->joint_bucket].length, cases[i].length);
    }
}

/* Where ranks form no kernel's gradient together, no kernel has a bucket of its own. */
static void no_joint_bucket(void **state)
{
    (void)state;
    const kernels *k[3];
    failure why;
    model *m = arena_take(&memory, sizeof *m);
    kernels_available(k);
    model_cfg cfg = {.spec = "cnn", .input = {3, {28, 28, 1}}, .classes = 10, .k = k[0]};
    assert_int_equal(model_build(m, &cfg, &memory, &why), STATUS_OK);
    assert_int_equal(m->buckets, 2);
    assert_int_equal(m->early_buckets, 1);
    assert_int_equal(m->joint_bucket, -1);
    assert_true(m->bucket[0].offset == 18816 && m->bucket[0].length == 225040 - 18816);
}

static void one_bucket(void **state)
{
    (void)state;
    model *dense = build("flatten; dense 16; dense 10"), *conv = build("conv2d 10 28; flatten");
    assert_int_equal(dense->buckets, 1);
    assert_true(dense->bucket[0].offset == 0 && dense->bucket[0].length == dense->slab_length);
    assert_int_equal(conv->buckets, 1);
    assert_true(conv->bucket[0].offset == 0 && conv->bucket[0].length == conv->slab_length);
}

/* Stages as a word: c convolution, C with a fused pooling, p pooling, d dense; small: wants no input gradient ->
 * '-'. */
static void fusion(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *stages, *input_gradients;
    } cases[] = {
        {"cnn", "CCdd", "0111"},
        {"mlp", "dd", "01"},
        {"conv2d 2 3; maxpool 3; flatten; dense 10", "Cd", "01"},
        {"conv2d 2 3; maxpool 2 valid; flatten; dense 10", "Cd", "01"},
        {"conv2d 2 3; maxpool 2 stride 2; flatten; dense 10", "Cd", "01"},
        {"conv2d 2 3 same relu; maxpool 2; flatten; dense 10", "Cd", "01"},
        /* windows overlap */
        {"conv2d 2 3; maxpool 2 stride 1; flatten; dense 10", "cpd", "011"},
        /* gaps between windows */
        {"conv2d 2 3; maxpool 2 stride 3; flatten; dense 10", "cpd", "011"},
        {"conv2d 2 3; maxpool 2 same; flatten; dense 10", "cpd", "011"},
        {"conv2d 2 3; maxpool 2; maxpool 2; flatten; dense 10", "Cpd", "011"},
        {"conv2d 2 3; conv2d 2 3; flatten; dense 10", "ccd", "011"},
        /* no parameters in the first layer */
        {"maxpool 2; conv2d 2 3; flatten; dense 10", "pcd", "001"},
        {"maxpool 2; flatten; dense 10", "pd", "00"},
        {"conv2d 10 28; flatten", "c", "0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model *m = build(cases[i].spec);
        char stages[MODEL_MAX_LAYERS + 1] = "", wants[MODEL_MAX_LAYERS + 1] = "";
        for (int s = 0; s < m->stages; s++) {
            char kind = m->stage[s].type->name[0] == 'm' ? 'p' : m->stage[s].type->name[0];
            stages[s] = m->stage[s].fused ? 'C' : kind;
            wants[s] = m->stage[s].want_input_gradient ? '1' : '0';
        }
        assert_string_equal(stages, cases[i].stages);
        assert_string_equal(wants, cases[i].input_gradients);
    }
}

static void padding_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *out;
        int pad;
    } cases[] = {
        {"conv2d 2 3 ; flatten; dense 10", "(26, 26, 2)", 0},
        {"conv2d 2 3 same; flatten; dense 10", "(28, 28, 2)", 1},
        /* 3 rows of padding: the smaller half on top */
        {"conv2d 2 4 same; flatten; dense 10", "(28, 28, 2)", 1},
        {"conv2d 2 5 stride 3 same; flatten; dense 10", "(10, 10, 2)", 2},
        {"conv2d 2 2 stride 3 same; flatten; dense 10", "(10, 10, 2)", 0},
        {"conv2d 2 1 stride 5 same; flatten; dense 10", "(6, 6, 2)", 0},
        {"conv2d 2 3 stride 2; flatten; dense 10", "(13, 13, 2)", 0},
        {"conv2d 2 28 ; flatten; dense 10", "(1, 1, 2)", 0},
        {"conv2d 2 31 same; flatten; dense 10", "(28, 28, 2)", 15},
        {"maxpool 3 stride 2 same; flatten; dense 10", "(14, 14, 1)", 0},
        {"maxpool 3 ; flatten; dense 10", "(9, 9, 1)", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model *m = build(cases[i].spec);
        assert_string_equal(shape_text(m->layer[0].out).text, cases[i].out);
        assert_int_equal(m->layer[0].pad_top, cases[i].pad);
        assert_int_equal(m->layer[0].pad_left, cases[i].pad);
    }
}

static void keras_words(void **state)
{
    (void)state;
    assert_string_equal(layer_kind_find("conv2d")->keras_class, "Conv2D");
    assert_string_equal(layer_kind_find("maxpool")->keras_class, "MaxPooling2D");
    assert_string_equal(layer_kind_find("flatten")->keras_class, "Flatten");
    assert_string_equal(layer_kind_find("dense")->keras_class, "Dense");
    model *m = build("flatten; dense 5; dense 6; dense 10");
    assert_string_equal(m->layer[0].name, "flatten");
    assert_string_equal(m->layer[1].name, "dense");
    assert_string_equal(m->layer[2].name, "dense_1");
    assert_string_equal(m->layer[3].name, "dense_2");
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_words), cmocka_unit_test(settings_of_words),
        cmocka_unit_test(format_is_cut),   cmocka_unit_test(wrong_words),
        cmocka_unit_test(wrong_numbers),   cmocka_unit_test(shapes_that_do_not_fit),
        cmocka_unit_test(whole_texts),     cmocka_unit_test(no_parameters),
        cmocka_unit_test(presets),         cmocka_unit_test(cnn_layers),
        cmocka_unit_test(cnn_slab),        cmocka_unit_test(one_bucket),
        cmocka_unit_test(fusion),          cmocka_unit_test(padding_sizes),
        cmocka_unit_test(keras_words),     cmocka_unit_test(joint_bucket),
        cmocka_unit_test(no_joint_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
