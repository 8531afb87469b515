/* unit/train_keras_config.c - Keras' configuration of a model with each kind of layer: its class, and every declared field. */
#include "io/json.h"
#include "layer_rows.h"
#include "train/keras_export.h"

static model *build(const char *spec, arena *memory)
{
    const kernels *tables[3];
    failure why = {""};
    kernels_available(tables);
    model_cfg cfg = {.spec = spec, .input = {3, {12, 11, 1}}, .classes = 10, .k = tables[0]};
    model *m = arena_take(memory, sizeof *m);
    status s = model_build(m, &cfg, memory, &why);
    if (s) print_error("%s: %s\n", spec, why.text);
    assert_int_equal(s, STATUS_OK);
    return m;
}

/* The layers of the configuration; *root to be freed. */
static json_t *layers_of(const model *m, json_t **root)
{
    char *text = keras_config_text(m);
    *root = json_loads(text, 0, NULL);
    memory_free(text);
    assert_non_null(*root);
    json_t *layers = json_object_get(json_object_get(*root, "config"), "layers");
    assert_true(json_is_array(layers));
    return layers;
}

/* The layer of this name. */
static json_t *find(json_t *layers, const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(layers, i, entry)
    {
        json_t *is = json_object_get(json_object_get(entry, "config"), "name");
        if (strcmp(json_string_value(is), name) == 0) return entry;
    }
    return NULL;
}

static void every_kind(void **state)
{
    (void)state;
    for (int i = 0; i < LAYER_ROWS; i++) {
        arena memory = {0};
        json_t *root;
        const model *m = build(layer_rows[i].model, &memory);
        json_t *layers = layers_of(m, &root);
        for (int l = 0; l < m->layers; l++) {
            const layer_type *type = m->layer[l].cfg.type;
            json_t *entry = find(layers, m->layer[l].name);
            CASE("%s: %s", layer_rows[i].model, m->layer[l].name);
            assert_non_null(entry);
            assert_string_equal(json_string_value(json_object_get(entry, "class_name")),
                                type->keras_class);
            for (const keras_field *f = type->keras; f->key; f++)
                assert_non_null(json_object_get(json_object_get(entry, "config"), f->key));
        }
        json_decref(root);
        arena_free(&memory);
    }
}

/* The text of each sort of field, of an activation that becomes a layer, and of the rows of an image as steps. */
static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text;
    } cases[] = {
        {"conv2d 4 3 stride 2 same leaky_relu 0.1; flatten; dense 10",
         "\"filters\":4,\"kernel_size\":[3,3],\"strides\":[2,2],\"padding\":\"same\","
         "\"activation\":\"linear\"}"},
        {"conv2d 4 3 leaky_relu 0.1; flatten; dense 10",
         "\"name\":\"conv2d_slope\",\"dtype\":\"float32\",\"negative_slope\":0.1}"},
        {"flatten; dense 9 tanh; dense 10", "\"units\":9,\"activation\":\"tanh\"}"},
        {"flatten; dense 9 tanh; dense 10", "\"units\":10,\"activation\":\"softmax\"}"},
        {"flatten; dense 10 relu", "\"class_name\":\"Softmax\""},
        {"flatten; dropout 0.25; dense 10", "\"rate\":0.25}"},
        {"flatten; layer_norm; sigmoid; dense 10", "\"epsilon\":0.001}"},
        {"flatten; layer_norm; sigmoid; dense 10", "\"activation\":\"sigmoid\"}"},
        {"flatten; dense 9 hard_sigmoid; dense 10", "\"activation\":\"hard_sigmoid\"}"},
        {"conv2d 4 3; prelu; flatten; dense 10", "\"shared_axes\":[1,2]}"},
        {"lstm 9 sequence; prelu; gru 9; dense 10", "\"shared_axes\":[1]}"},
        {"flatten; prelu; dense 10", "\"shared_axes\":null}"},
        {"lstm 9 sequence; lstm 8; dense 10",
         "\"units\":9,\"return_sequences\":true,\"go_backwards\":false,\"activation\":\"tanh\","
         "\"recurrent_activation\":\"sigmoid\"}"},
        {"gru 9; dense 10",
         "\"return_sequences\":false,\"go_backwards\":false,\"activation\":\"tanh\","
         "\"recurrent_activation\":\"sigmoid\",\"reset_after\":true}"},
        {"gru 9 backwards activation linear gates hard_sigmoid reset_before; dense 10",
         "\"return_sequences\":false,\"go_backwards\":true,\"activation\":\"linear\","
         "\"recurrent_activation\":\"hard_sigmoid\",\"reset_after\":false}"},
        {"gru 9; dense 10", "\"batch_shape\":[null,12,11]"},
        {"conv2d 4 3; gru 9; dense 10", "\"name\":\"gru_rows\",\"dtype\":\"float32\","
                                        "\"target_shape\":[10,36]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena memory = {0};
        char *text = keras_config_text(build(cases[i].spec, &memory));
        if (!strstr(text, cases[i].text)) print_error("%s\n has no %s\n", text, cases[i].text);
        assert_non_null(strstr(text, cases[i].text));
        memory_free(text);
        arena_free(&memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind), cmocka_unit_test(texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
