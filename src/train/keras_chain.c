/* train/keras_chain.c - the layers of a model of Keras, in the order in which a sample passes them. */
#include "keras_chain.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SOURCES = 4, DEEPEST = 4, KERAS_NAME = 96 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static const char *name_of(const json_t *layer)
{
    const char *name = text_of(json_object_get(layer, "config"), "name");
    return name[0] ? name : text_of(layer, "name");
}

static int is_class(const json_t *layer, const char *class)
{
    return strcmp(text_of(layer, "class_name"), class) == 0;
}

static int is_model(const json_t *layer)
{
    return is_class(layer, "Sequential") || is_class(layer, "Functional") ||
           is_class(layer, "Model");
}

/* ---- keys: "MaxPooling2D" is max_pooling2d, the second one max_pooling2d_1 ---- */

/* As to_snake_case of Keras. */
static void snake_case(const char *class, char out[KERAS_NAME])
{
    size_t n = 0;
    for (size_t i = 0; class[i] && n + 2 < KERAS_NAME; i++) {
        int begins = isupper((unsigned char)class[i]) && i > 0 &&
                     (islower((unsigned char)class[i + 1]) || islower((unsigned char)class[i - 1]));
        if (begins) out[n++] = '_';
        out[n++] = (char)tolower((unsigned char)class[i]);
    }
    out[n] = 0;
}

/* The key of a layer whose class `before` layers of the same model have, behind the prefix. */
static void make_key(const char *prefix, const char *class, int before, char key[KERAS_KEY])
{
    char stem[KERAS_NAME], number[16] = "";
    snake_case(class, stem);
    if (before) snprintf(number, sizeof number, "_%d", before);
    snprintf(key, KERAS_KEY, "%s%s%s", prefix, stem, number);
}

/* ---- which layer reads which ---- */

typedef struct sources {
    const char *name[MOST_SOURCES];
    int count;
    int trains; /* 1: called with training=True */
} sources;

static void gather(const json_t *value, sources *s, int depth)
{
    size_t i;
    json_t *item;
    const char *key;
    const json_t *history = json_object_get(value, "keras_history");
    if (depth > 16) return;
    if (json_is_true(json_object_get(value, "training"))) s->trains = 1;
    /* Keras 2: ["conv2d", 0, 0, {}] */
    if (!history && json_is_string(json_array_get(value, 0)) &&
        json_is_integer(json_array_get(value, 1)))
        history = value;
    if (history) {
        if (s->count < MOST_SOURCES)
            s->name[s->count++] = json_string_value(json_array_get(history, 0));
        if (history != value) return;
    }
    json_array_foreach(value, i, item) gather(item, s, depth + 1);
    json_object_foreach((json_t *)(uintptr_t)value, key, item) gather(item, s, depth + 1);
}

static sources sources_of(const json_t *layer)
{
    sources s = {.count = 0};
    gather(json_object_get(layer, "inbound_nodes"), &s, 0);
    return s;
}

static status refuse(const json_t *layer, const char *what, failure *why)
{
    return fail(why, STATUS_BAD_DATA, "layer %s (%s): %s: only chains of layers are read",
                name_of(layer), text_of(layer, "class_name"), what);
}

/* The layer that alone reads `from`; NULL at the end. */
static status next_layer(const json_t *list, const json_t *from, const json_t **next, failure *why)
{
    size_t i;
    json_t *layer;
    *next = NULL;
    json_array_foreach(list, i, layer)
    {
        sources s = sources_of(layer);
        int reads = 0;
        for (int k = 0; k < s.count; k++)
            reads += s.name[k] && strcmp(s.name[k], name_of(from)) == 0;
        if (!reads) continue;
        if (*next) {
            char what[256];
            snprintf(what, sizeof what, "%.60s (%.60s) also reads layer %.60s", name_of(*next),
                     text_of(*next, "class_name"), name_of(from));
            return refuse(layer, what, why);
        }
        if (json_array_size(json_object_get(layer, "inbound_nodes")) > 1)
            return refuse(layer, "it is used twice", why);
        if (s.count > 1) return refuse(layer, "it merges several layers", why);
        if (s.trains) return refuse(layer, "it is called with training=True", why);
        *next = layer;
    }
    return STATUS_OK;
}

/* ---- models ---- */

typedef struct reading {
    keras_chain *c;
    failure *why;
} reading;

static status read_model(reading *r, const json_t *model, const char *prefix, int depth);

static void take_input(keras_chain *c, const json_t *config)
{
    const json_t *shape = json_object_get(config, "batch_shape");
    if (!shape) shape = json_object_get(config, "batch_input_shape");
    if (!c->input && json_is_array(shape)) c->input = shape;
}

static status add_layer(reading *r, const json_t *layer, const char *prefix, int before, int depth)
{
    char key[KERAS_KEY], below[KERAS_KEY + 8];
    keras_chain *c = r->c;
    make_key(prefix, text_of(layer, "class_name"), before, key);
    if (c->layers == 0) take_input(c, json_object_get(layer, "config"));
    if (is_class(layer, "InputLayer")) return STATUS_OK;
    if (is_model(layer)) {
        snprintf(below, sizeof below, "%s/layers/", key);
        return read_model(r, layer, below, depth + 1);
    }
    if (c->layers == KERAS_MAX_LAYERS)
        return fail(r->why, STATUS_BAD_DATA, "the model has more than %d layers", KERAS_MAX_LAYERS);
    keras_layer *out = &c->layer[c->layers++];
    *out = (keras_layer){.class = text_of(layer, "class_name"),
                         .name = name_of(layer),
                         .config = json_object_get(layer, "config")};
    memcpy(out->key, key, sizeof key);
    return STATUS_OK;
}

/* How many layers of the list before `layer` have its class; Sequential does not count its InputLayer. */
static int count_before(const json_t *list, const json_t *layer)
{
    size_t i;
    json_t *other;
    int count = 0;
    json_array_foreach(list, i, other)
    {
        if (other == layer) break;
        count += is_class(other, text_of(layer, "class_name"));
    }
    return count;
}

static status read_sequential(reading *r, const json_t *list, const char *prefix, int depth)
{
    size_t i;
    json_t *layer;
    status code = STATUS_OK;
    json_array_foreach(list, i, layer) if (!code)
        code = add_layer(r, layer, prefix, count_before(list, layer), depth);
    return code;
}

static status find_start(const json_t *list, const json_t **start, failure *why)
{
    size_t i;
    json_t *layer;
    *start = NULL;
    json_array_foreach(list, i, layer)
    {
        if (!is_class(layer, "InputLayer")) continue;
        if (*start) return refuse(layer, "a second input", why);
        *start = layer;
    }
    return *start ? STATUS_OK
                  : fail(why, STATUS_BAD_DATA, "the model has layers, but no InputLayer");
}

static status check_outputs(const json_t *config, const json_t *last, size_t found, size_t all,
                            failure *why)
{
    sources out = {.count = 0};
    gather(json_object_get(config, "output_layers"), &out, 0);
    if (out.count > 1)
        return fail(why, STATUS_BAD_DATA,
                    "the model has several outputs (%s, %s, ...): only one is "
                    "read",
                    out.name[0] ? out.name[0] : "", out.name[1] ? out.name[1] : "");
    if (out.count == 1 && out.name[0] && strcmp(out.name[0], name_of(last)) != 0)
        return refuse(last, "it lies behind the model's output", why);
    if (found < all) return refuse(last, "some layers of the model are not on the way to it", why);
    return STATUS_OK;
}

static status read_functional(reading *r, const json_t *config, const char *prefix, int depth)
{
    const json_t *list = json_object_get(config, "layers"), *at, *next = NULL;
    size_t found = 0, all = json_array_size(list);
    status code = find_start(list, &at, r->why);
    for (; !code; at = next, found++) {
        code = add_layer(r, at, prefix, count_before(list, at), depth);
        if (!code) code = next_layer(list, at, &next, r->why);
        if (!code && (!next || found > all)) break;
    }
    return code ? code : check_outputs(config, at, found + 1, all, r->why);
}

static status read_model(reading *r, const json_t *model, const char *prefix, int depth)
{
    const json_t *config = json_object_get(model, "config");
    const json_t *layers = json_is_array(config) ? config : json_object_get(config, "layers");
    if (!json_is_array(layers) || depth > DEEPEST)
        return fail(r->why, STATUS_BAD_DATA, "model %s (%s) has no list of layers", name_of(model),
                    text_of(model, "class_name"));
    status code = is_class(model, "Sequential") ? read_sequential(r, layers, prefix, depth)
                                                : read_functional(r, config, prefix, depth);
    if (!r->c->input && !prefix[0]) {
        const json_t *built = json_object_get(config, "build_input_shape");
        if (!built) built = json_object_get(json_object_get(model, "build_config"), "input_shape");
        if (json_is_array(built)) r->c->input = built;
    }
    return code;
}

status keras_chain_read(keras_chain *c, const char *text, failure *why)
{
    json_error_t error;
    reading r = {c, why};
    *c = (keras_chain){.root = json_loads(text, 0, &error)};
    if (!c->root)
        return fail(why, STATUS_BAD_DATA, "the configuration of its model is not JSON: %.100s",
                    error.text);
    if (!is_model(c->root))
        return fail(why, STATUS_BAD_DATA,
                    "the model is of class %.60s: only Sequential and Functional models are read",
                    text_of(c->root, "class_name"));
    return read_model(&r, c->root, "", 0);
}

void keras_chain_free(keras_chain *c)
{
    json_decref(c->root);
    c->root = NULL;
}
