/* train/keras_config.c - a model as Keras' Sequential: the fields that each kind's row declares, as JSON. */
#include <stdio.h>

#include "io/json.h"
#include "train/keras_export.h"

/* The activation as Keras' function of the same name, or NULL: it has to become a layer. */
static const char *function_of(activation act)
{
    return act == ACTIVATION_NONE ? "linear" : layer_kind_activation(act)->keras_function;
}

/* Keras counts the axes of the input from 1, after the samples. */
static json_t *shared_axes(const layer *l)
{
    if (l->in.rank == 1) return json_null();
    json_t *axes = json_array();
    for (int i = 1; i < l->in.rank; i++) json_array_append_new(axes, json_integer(i));
    return axes;
}

static json_t *value_of(const keras_field *f, const layer *l)
{
    const layer_cfg *c = &l->cfg;
    const char *function = function_of(c->act);
    switch (f->sort) {
    case KERAS_WHOLE:
        return json_integer(layer_cfg_whole(c, f->field));
    case KERAS_PAIR:
        return json_pack("[i,i]", layer_cfg_whole(c, f->field), layer_cfg_whole(c, f->field));
    case KERAS_REAL:
        return json_real(layer_cfg_real(c, f->field));
    case KERAS_BOOLEAN:
        return json_boolean(layer_cfg_whole(c, f->field));
    case KERAS_NEGATED:
        return json_boolean(!layer_cfg_whole(c, f->field));
    case KERAS_FUNCTION:
        return json_string(function_of((activation)layer_cfg_whole(c, f->field)));
    case KERAS_PADDING:
        return json_string(layer_cfg_whole(c, f->field) == PADDING_SAME ? "same" : "valid");
    case KERAS_ACTIVATION:
        return json_string(function ? function : "linear");
    case KERAS_AXES:
        return shared_axes(l);
    case KERAS_FIXED_TEXT:
        return json_string(f->text);
    case KERAS_FIXED_REAL:
        return json_real(f->real);
    }
    return NULL;
}

static void describe(const layer_type *type, const layer *l, json_t *config)
{
    for (const keras_field *f = type->keras; f->key; f++)
        json_object_set_new(config, f->key, value_of(f, l));
}

/* A layer of this class at the end of the list; returns its configuration, to be filled. */
static json_t *append(json_t *layers, const char *class, const char *name, const char *suffix)
{
    char full[96];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    json_t *config = json_pack("{s:s,s:s}", "name", full, "dtype", "float32");
    json_array_append_new(layers,
                          json_pack("{s:s,s:s,s:o,s:n}", "module", "keras.layers", "class_name",
                                    class, "config", config, "registered_name"));
    return config;
}

static int reads_rows(const layer *l)
{
    return l->cfg.type->input == INPUT_SEQUENCE && l->in.rank == 3;
}

/* Rows of an image are the steps of a layer that reads sequences. */
static void add_input(const model *m, json_t *layers)
{
    const layer *first = &m->layer[0];
    json_t *sides = json_pack("[n,i,i]", m->input.dim[0], m->input.dim[1] * m->input.dim[2]);
    if (!reads_rows(first)) {
        json_array_clear(sides);
        json_array_append_new(sides, json_null());
        for (int i = 0; i < first->in.rank; i++)
            json_array_append_new(sides, json_integer(first->in.dim[i]));
    }
    json_object_set_new(append(layers, "InputLayer", "input", "_layer"), "batch_shape", sides);
}

static void add_layer(const layer *l, int is_first, json_t *layers)
{
    if (reads_rows(l) && !is_first)
        json_object_set_new(append(layers, "Reshape", l->name, "_rows"), "target_shape",
                            json_pack("[i,i]", l->in.dim[0], l->in.dim[1] * l->in.dim[2]));
    describe(l->cfg.type, l, append(layers, l->cfg.type->keras_class, l->name, ""));
    if (function_of(l->cfg.act)) return;
    const layer_type *act = layer_kind_activation(l->cfg.act);
    describe(act, l, append(layers, act->keras_class, l->name, "_slope"));
}

static int has_activation(const layer_type *type)
{
    const keras_field *f = type->keras;
    while (f->key && f->sort != KERAS_ACTIVATION) f++;
    return f->key != NULL;
}

/* The loss of this program takes logits; in Keras the model gives probabilities. */
static void add_softmax(const layer *last, json_t *layers)
{
    json_t *end = json_array_get(layers, json_array_size(layers) - 1);
    if (has_activation(last->cfg.type) && last->cfg.act == ACTIVATION_NONE)
        json_object_set_new(json_object_get(end, "config"), "activation", json_string("softmax"));
    else
        append(layers, "Softmax", "softmax", "");
}

char *keras_config_text(const model *m)
{
    json_t *layers = json_array();
    add_input(m, layers);
    for (int i = 0; i < m->layers; i++) add_layer(&m->layer[i], i == 0, layers);
    add_softmax(&m->layer[m->layers - 1], layers);
    json_t *config = json_pack("{s:s,s:b,s:s,s:o}", "name", "sequential", "trainable", 1, "dtype",
                               "float32", "layers", layers);
    json_t *root = json_pack("{s:s,s:s,s:o,s:n}", "module", "keras", "class_name", "Sequential",
                             "config", config, "registered_name");
    return json_to_text(root, JSON_ONE_LINE, 9);
}
