/* train/keras_arguments.c - the arguments of one layer of Keras as those of one of ours. */
#include "keras_arguments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "io/json.h"
#include "layer/kind.h"

/* Keras' function leaky_relu; its class LeakyReLU has another slope. */
static const double function_slope = 0.2;

/* The arguments that may have only some values, as JSON without blanks between blanks; values NULL: any, since they matter in
 * training alone or not at all. class NULL: of every class. A row of a class comes before one of every class. */
static const struct rule {
    const char *class, *key, *values;
} rules[] = {
    {"GlobalAveragePooling2D", "keepdims", " false "},
    {"GlobalMaxPooling2D", "keepdims", " false "},
    {"ReLU", "max_value", " null "},
    {"ReLU", "negative_slope", " 0 0.0 "}, /* another one: see kind_said */
    {"ReLU", "threshold", " 0 0.0 "},
    {"LayerNormalization", "rms_scaling", " false "},
    {"LayerNormalization", "axis", NULL}, /* see check_axis */
    {"Softmax", "axis", " -1 1 "},        /* of a vector, which the model's end must be */
    {"Normalization", "invert", " false "},
    {"BatchNormalization", "momentum", NULL},
    {"BatchNormalization", "synchronized", NULL},
    {"BatchNormalization", "fused", NULL},
    {"BatchNormalization", "renorm_momentum", NULL},
    {"BatchNormalization", "renorm", " false "},
    {NULL, "data_format", " \"channels_last\" "},
    {NULL, "dilation_rate", " 1 [1,1] "},
    {NULL, "groups", " 1 "},
    {NULL, "stateful", " false "},
    {NULL, "return_state", " false "},
    {NULL, "time_major", " false "},
    {NULL, "name", NULL},
    {NULL, "trainable", NULL},
    {NULL, "seed", NULL},
    {NULL, "noise_shape", NULL},
    {NULL, "implementation", NULL},
    {NULL, "unroll", NULL},
    {NULL, "use_cudnn", NULL},
    {NULL, "unit_forget_bias", NULL},
    {NULL, "dropout", NULL},
    {NULL, "recurrent_dropout", NULL},
    {NULL, "zero_output_for_mask", NULL},
    {NULL, "autocast", NULL},
    {NULL, "batch_input_shape", NULL},
    {NULL, "batch_shape", NULL},
    {NULL, "input_shape", NULL},
};

/* The ends of arguments of training. */
static const char *const training_ends[] = {"_initializer", "_regularizer", "_constraint"};

typedef struct shown {
    char text[96];
} shown;

static shown show(const json_t *value)
{
    shown s = {"missing"};
    if (!value) return s;
    char *text = json_to_text(json_incref((json_t *)(uintptr_t)value), JSON_ONE_LINE, 9);
    snprintf(s.text, sizeof s.text, "%s", text);
    memory_free(text);
    return s;
}

static const json_t *argument(const keras_layer *k, const char *key)
{
    return json_object_get(k->config, key);
}

status keras_arguments_refuse(const keras_layer *k, const char *key, const char *what, failure *why)
{
    return fail(why, STATUS_BAD_DATA, "layer %.80s (%.60s): %s is %s: %s", k->name, k->class, key,
                show(argument(k, key)).text, what);
}

/* ---- the rows of layer/kind.h, backwards ---- */

static int *whole_at(layer_cfg *c, size_t field)
{
    return (int *)(void *)((char *)c + field);
}

static double *real_at(layer_cfg *c, size_t field)
{
    return (double *)(void *)((char *)c + field);
}

/* What an optional operand is where it is not given; 0 if the kind has no such operand. */
static double value_without(const layer_cfg *c, size_t field)
{
    for (const layer_operand *o = c->type->operands; o && o->sort != OPERAND_END; o++)
        if (o->field == field && (o->optional || o->sort == OPERAND_FUNCTION))
            return o->like ? layer_cfg_whole(c, o->like) : o->otherwise;
    return 0;
}

static int read_pair(const json_t *v, layer_cfg *c, size_t field)
{
    json_int_t a = json_integer_value(json_is_array(v) ? json_array_get(v, 0) : v);
    if (!v || json_is_null(v)) a = (json_int_t)value_without(c, field);
    if (json_is_array(v) &&
        (json_array_size(v) != 2 || json_integer_value(json_array_get(v, 1)) != a))
        return -1;
    *whole_at(c, field) = (int)a;
    return a >= 1 && a < 1 << 20 ? 0 : -1;
}

static int read_padding(const json_t *v, layer_cfg *c)
{
    const char *text = v ? json_string_value(v) : "valid";
    if (!text || (strcmp(text, "valid") != 0 && strcmp(text, "same") != 0)) return -1;
    c->pad = strcmp(text, "same") == 0 ? PADDING_SAME : PADDING_VALID;
    return 0;
}

/* Keras 2 counts the axes of a layer, Keras 3 too; null stands for none shared. Checked by the tensor's shape. */
static int read_axes(const json_t *v)
{
    return !v || json_is_null(v) || json_is_array(v) ? 0 : -1;
}

static int is_near(const json_t *v, double value)
{
    return json_is_number(v) && fabs(json_number_value(v) - value) <= 1e-9;
}

/* 0, or -1 if the value is not one that the kind has. */
static int read_field(const json_t *v, const keras_field *f, layer_cfg *c)
{
    switch (f->sort) {
    case KERAS_WHOLE:
        if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > 1 << 20)
            return -1;
        *whole_at(c, f->field) = (int)json_integer_value(v);
        return 0;
    case KERAS_PAIR:
        return read_pair(v, c, f->field);
    case KERAS_REAL:
        if (v && !json_is_number(v)) return -1;
        *real_at(c, f->field) = v ? json_number_value(v) : value_without(c, f->field);
        return 0;
    case KERAS_BOOLEAN:
        *whole_at(c, f->field) = json_is_true(v);
        return !v || json_is_boolean(v) ? 0 : -1;
    case KERAS_NEGATED:
        *whole_at(c, f->field) = !json_is_true(v);
        return !v || json_is_boolean(v) ? 0 : -1;
    case KERAS_PADDING:
        return read_padding(v, c);
    case KERAS_ACTIVATION:
    case KERAS_FUNCTION:
        return 0; /* see read_activation, read_function */
    case KERAS_AXES:
        return read_axes(v);
    case KERAS_FIXED_TEXT:
        return !v || (json_is_string(v) && strcmp(json_string_value(v), f->text) == 0) ? 0 : -1;
    case KERAS_FIXED_REAL:
        return !v || is_near(v, f->real) ? 0 : -1;
    }
    return -1;
}

/* ---- activations ---- */

/* The layer of class Activation that has this function, or NULL. */
static const layer_type *layer_of_function(const char *function)
{
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++) {
        if (type->keras_function && strcmp(type->keras_function, function) == 0) return type;
        if (strcmp(type->keras_class, "Activation") == 0 &&
            strcmp(type->keras->text, function) == 0)
            return type;
    }
    return NULL;
}

/* "relu", or {"class_name": "function", "config": "relu"}; NULL: a layer, or nothing that can be read. */
static const char *function_of(const json_t *v)
{
    if (!v || json_is_null(v)) return "linear";
    return json_string_value(json_is_object(v) ? json_object_get(v, "config") : v);
}

/* The activation `key` of a layer into said->after, or said->softmax. */
static status read_activation(const keras_layer *k, const char *key, keras_said *said, failure *why)
{
    const json_t *v = argument(k, key);
    const char *function = function_of(v),
               *class = json_string_value(json_object_get(v, "class_name"));
    if (!function && class && strcmp(class, "Activation") != 0 && keras_arguments_knows(class)) {
        keras_layer as_layer = {
            .class = class, .name = k->name, .config = json_object_get(v, "config")};
        keras_said inner = {.softmax = 0};
        status code = keras_arguments_read(&as_layer, &inner, why);
        said->after = inner.cfg;
        if (code || (inner.cfg.type && inner.cfg.type->act != ACTIVATION_NONE)) return code;
    } else if (function && strcmp(function, "softmax") == 0) {
        said->softmax = 1;
        return STATUS_OK;
    } else if (function && strcmp(function, "leaky_relu") == 0) {
        said->after = (layer_cfg){.type = layer_kind_find("leaky_relu"), .slope = function_slope};
        return STATUS_OK;
    } else if (function && (strcmp(function, "linear") == 0 ||
                            (said->after.type = layer_of_function(function)) != NULL)) {
        return STATUS_OK;
    }
    return keras_arguments_refuse(k, key, "no layer here has this function", why);
}

/* The function `key` inside a recurrent layer. */
static status read_function(const keras_layer *k, const keras_field *f, layer_cfg *c, failure *why)
{
    keras_said said = {.softmax = 0};
    *whole_at(c, f->field) = (int)value_without(c, f->field);
    if (!argument(k, f->key)) return STATUS_OK;
    status code = read_activation(k, f->key, &said, why);
    const layer_type *type = said.after.type;
    if (!code && (said.softmax || (type && (type->act == ACTIVATION_NONE || type->operands))))
        return keras_arguments_refuse(k, f->key, "recurrent layers here do not have this", why);
    *whole_at(c, f->field) = type ? (int)type->act : ACTIVATION_NONE;
    return code;
}

/* Where the layer has an ACTIVATION operand, it is put there. */
static void join_activation(keras_said *said)
{
    const layer_type *type = said->after.type;
    if (!type || type->act == ACTIVATION_NONE) return;
    said->cfg.act = type->act;
    said->cfg.slope = said->after.slope;
    said->after.type = NULL;
}

/* ---- a layer ---- */

static int is_listed(const char *list, const char *word)
{
    char between[112];
    snprintf(between, sizeof between, " %.96s ", word);
    return strstr(list, between) != NULL;
}

static int is_of_training(const char *key)
{
    size_t length = strlen(key);
    for (size_t i = 0; i < sizeof training_ends / sizeof *training_ends; i++) {
        size_t tail = strlen(training_ends[i]);
        if (length > tail && strcmp(key + length - tail, training_ends[i]) == 0) return 1;
    }
    return strcmp(key, "activity_regularizer") == 0;
}

/* float32, or a policy that computes with fewer bits; quantised weights are other numbers. */
static status check_dtype(const keras_layer *k, failure *why)
{
    const json_t *v = argument(k, "dtype");
    const char *name = json_string_value(v);
    if (!name) name = json_string_value(json_object_get(json_object_get(v, "config"), "name"));
    if (!name || !(strncmp(name, "int", 3) == 0 || strstr(name, "float8"))) return STATUS_OK;
    return keras_arguments_refuse(k, "dtype", "quantised weights are not read", why);
}

static status check_one(const keras_layer *k, const char *key, const json_t *value, failure *why)
{
    if (json_is_null(value) || is_of_training(key)) return STATUS_OK;
    for (const struct rule *r = rules; r < rules + sizeof rules / sizeof *rules; r++) {
        if (strcmp(r->key, key) != 0 || (r->class && strcmp(r->class, k->class) != 0)) continue;
        if (!r->values || is_listed(r->values, show(value).text)) return STATUS_OK;
        return keras_arguments_refuse(k, key, "layers here do not have this", why);
    }
    return keras_arguments_refuse(k, key, "this argument is not known here", why);
}

status keras_arguments_check(const keras_layer *k, const char *read, failure *why)
{
    const char *key;
    json_t *value;
    status code = check_dtype(k, why);
    json_object_foreach((json_t *)(uintptr_t)k->config, key, value)
    {
        if (code) break;
        if (strcmp(key, "dtype") == 0 || is_listed(read, key)) continue;
        code = check_one(k, key, value, why);
    }
    return code;
}

int keras_arguments_knows(const char *class)
{
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++)
        if (strcmp(type->keras_class, class) == 0) return 1;
    return 0;
}

static const layer_type *kind_of(const char *class)
{
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++)
        if (strcmp(type->keras_class, class) == 0) return type;
    return NULL;
}

int keras_arguments_trains(const char *class)
{
    const layer_type *type = kind_of(class);
    return type && type->only_in_training;
}

/* The arguments that say whether the layer has a tensor; value: what it counts as where it has not. */
static const struct optional_tensor {
    const char *key, *tensor;
    int value;
} optional_tensors[] = {{"use_bias", "bias", 0}, {"center", "beta", 0}, {"scale", "gamma", 1}};
static const char optional_keys[] = " use_bias center scale ";

static status read_optional(const keras_layer *k, keras_said *said, failure *why)
{
    for (size_t i = 0; i < sizeof optional_tensors / sizeof *optional_tensors; i++) {
        const struct optional_tensor *o = &optional_tensors[i];
        const json_t *v = argument(k, o->key);
        if (!v || said->cfg.type == layer_kind_find("rescaling"))
            continue; /* its scale is a number */
        if (!json_is_boolean(v))
            return keras_arguments_refuse(k, o->key, "it is true or false", why);
        if (json_is_false(v)) said->lacks[o->value] = o->tensor;
    }
    return STATUS_OK;
}

/* ReLU with a slope is leaky_relu. */
static const layer_type *kind_said(const keras_layer *k)
{
    const char *class = k->class;
    if (strcmp(class, "ReLU") == 0 && json_number_value(argument(k, "negative_slope")) != 0)
        class = "LeakyReLU";
    return kind_of(class);
}

static status read_alone(const keras_layer *k, keras_said *said, failure *why)
{
    status code = keras_arguments_check(k, " activation ", why);
    if (strcmp(k->class, "Softmax") == 0) {
        said->softmax = 1;
        return code;
    }
    if (!code) code = read_activation(k, "activation", said, why);
    said->cfg = said->after;
    said->after.type = NULL;
    return code;
}

status keras_arguments_read(const keras_layer *k, keras_said *said, failure *why)
{
    char read[256];
    snprintf(read, sizeof read, "%s", optional_keys);
    *said = (keras_said){.softmax = 0};
    if (strcmp(k->class, "Activation") == 0 || strcmp(k->class, "Softmax") == 0)
        return read_alone(k, said, why);
    said->cfg.type = kind_said(k);
    status code = read_optional(k, said, why);
    for (const keras_field *f = said->cfg.type->keras; f->key && !code; f++) {
        const char *key = f->key;
        /* Keras 2 calls the slope of LeakyReLU alpha */
        if (strcmp(key, "negative_slope") == 0 && !argument(k, key)) key = "alpha";
        snprintf(read + strlen(read), sizeof read - strlen(read), "%s ", key);
        if (f->sort == KERAS_ACTIVATION)
            code = read_activation(k, key, said, why);
        else if (f->sort == KERAS_FUNCTION)
            code = read_function(k, f, &said->cfg, why);
        else if (read_field(argument(k, key), f, &said->cfg))
            code = keras_arguments_refuse(k, key, "the layer here cannot have this", why);
        if (!code && f->sort == KERAS_ACTIVATION) join_activation(said);
    }
    return code ? code : keras_arguments_check(k, read, why);
}
