/* train/keras_import.c - the layers of a Keras file, one after the other, as layers of this program with their values. */
#include "train/keras_import.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "io/json.h"
#include "keras_affine.h"
#include "keras_arguments.h"
#include "keras_fold.h"
#include "model/model.h"
#include "model/spec.h"
#include "train/stored_model.h"

/* Classes that do nothing in inference and that no kind of this program has. */
static const char *const left_out[] = {
    "AlphaDropout",
    "GaussianDropout",
    "ActivityRegularization",
    "SpatialDropout1D",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "RandomShear",
    "RandomErasing",
    "RandomPerspective",
    "RandomInvert",
    "RandomGaussianBlur",
    "RandomElasticTransform",
};

static const char nowhere[] = "this program has no such layer";

static shape shape_of(const json_t *sides, size_t first)
{
    shape s = {.rank = 0};
    for (size_t i = first; i < json_array_size(sides) && s.rank < SHAPE_MAX_RANK; i++)
        s.dim[s.rank++] = (int)json_integer_value(json_array_get(sides, i));
    return s;
}

/* ---- the images ---- */

static int whole_root(int area)
{
    int side = 1;
    while (side * side < area && side < 1 << 15) side++;
    return side * side == area ? side : 0;
}

/* From the shape of the input: open sides are those of MNIST; a vector is an image with equal sides. */
static status find_images(keras_import_state *s, failure *why)
{
    if (!s->chain.input)
        return fail(why, STATUS_BAD_DATA,
                    "its model does not say the shape of its input: save it "
                    "after it has been built or trained");
    shape given = shape_of(s->chain.input, 1);
    for (int i = 0; i < given.rank; i++)
        if (given.dim[i] <= 0) given.dim[i] = i < 2 ? STORED_USUAL_SIDE : 1;
    s->keras = s->image = given;
    if (given.rank == 2) s->image = shape_image(given.dim[0], given.dim[1], 1);
    int side = given.rank == 1 ? whole_root(given.dim[0]) : 0;
    if (side) s->image = shape_image(side, side, 1);
    if (s->image.rank != 3)
        return fail(why, STATUS_BAD_DATA,
                    "its input has shape %s: images of [height, width], "
                    "[height, width, channels] or as a vector are read",
                    shape_text(given).text);
    s->now = s->image;
    return STATUS_OK;
}

/* ---- layers ---- */

static status append(keras_import_state *s, const keras_layer *k, const layer_cfg *cfg,
                     failure *why)
{
    char words[MODEL_SPEC];
    layer_cfg back;
    int count;
    failure reason;
    if (s->layers == MODEL_MAX_LAYERS)
        return fail(why, STATUS_BAD_DATA, "layer %.80s (%.60s): more than %d layers", k->name,
                    k->class, MODEL_MAX_LAYERS);
    imported_layer *l = &s->layer[s->layers];
    l->l = (layer){.cfg = *cfg, .in = s->now};
    spec_format(cfg, 1, words, sizeof words);
    status code = spec_parse(words, &back, 1, &count, &reason); /* the bounds of its operands */
    if (!code) code = layer_plan(&l->l, &reason);
    if (code)
        return fail(why, STATUS_BAD_DATA, "layer %.80s (%.60s): %.600s", k->name, k->class,
                    reason.text);
    s->layers++;
    s->now = l->l.out;
    return STATUS_OK;
}

static status flatten(keras_import_state *s, const keras_layer *k, failure *why)
{
    layer_cfg cfg = {.type = layer_kind_find("flatten")};
    return s->now.rank == 1 ? STATUS_OK : append(s, k, &cfg, why);
}

/* Brings the layer's input to the shape that it has in Keras, which Reshape may have made another one. */
static status fit_input(keras_import_state *s, const keras_layer *k, const layer_type *type,
                        failure *why)
{
    const int *d = s->now.dim, *want = s->keras.dim;
    int is_rows = s->keras.rank == 2 && s->now.rank == 3 && d[0] == want[0] &&
                  d[1] * d[2] == want[1];
    if (type->input == INPUT_SEQUENCE && is_rows) return STATUS_OK;
    /* elementwise, or flatten */
    if (type->input == INPUT_ANY && strcmp(type->word, "layer_norm") != 0 &&
        strcmp(type->word, "prelu") != 0)
        return STATUS_OK;
    if (s->keras.rank == 1 && s->now.rank > 1 && type->input == INPUT_VECTOR)
        return flatten(s, k, why);
    if (shape_equal(s->keras, s->now) && type->input != INPUT_SEQUENCE) return STATUS_OK;
    if (shape_equal(s->keras, s->now) && s->now.rank == 2) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA,
                "layer %.80s (%.60s): its input has shape %s: %s here cannot read this", k->name,
                k->class, shape_text(s->keras).text, type->word);
}

static checkpoint_place place_of(const keras_layer *k, const char *inner)
{
    return (checkpoint_place){.key = k->key, .name = k->name, .inner = inner};
}

/* The values of a tensor that the layer does not have in Keras. */
static float *values_without(shape of, float value)
{
    size_t length = shape_length(of);
    float *values = memory_take(length * sizeof *values);
    for (size_t i = 0; i < length; i++) values[i] = value;
    return values;
}

/* The values of the tensors of the last layer. */
static status take_values(keras_import_state *s, const keras_layer *k, const keras_said *said,
                          failure *why)
{
    int number = 0;
    imported_layer *at = &s->layer[s->layers - 1];
    checkpoint_place place = place_of(k, at->l.cfg.type->keras_inner);
    for (int t = 0; t < at->l.tensors; t++) {
        shape is, want = at->l.tensor[t].shape;
        const char *name = at->l.tensor[t].name;
        if (said->lacks[0] && strcmp(said->lacks[0], name) == 0) {
            at->values[t] = values_without(want, 0);
            keras_note(s, "layer %s has no %s: zeros are taken", k->name, name);
            continue;
        }
        if (said->lacks[1] && strcmp(said->lacks[1], name) == 0) {
            at->values[t] = values_without(want, 1);
            keras_note(s, "layer %s has no %s: ones are taken", k->name, name);
            continue;
        }
        status code = checkpoint_variable(s->file, &place, number++, &is, &at->values[t], why);
        if (code) return code;
        if (!at->values[t])
            return fail(why, STATUS_BAD_DATA, "layer %.80s (%.60s): its %s is missing in the file",
                        k->name, k->class, at->l.tensor[t].name);
        if (!shape_equal(is, want))
            return fail(why, STATUS_BAD_DATA,
                        "layer %.80s (%.60s): its %s has shape %s, its arguments say %s", k->name,
                        k->class, at->l.tensor[t].name, shape_text(is).text, shape_text(want).text);
    }
    return STATUS_OK;
}

/* The axis of LayerNormalization is the last one: -1, or its number with the samples counted. */
static status check_axis(const keras_import_state *s, const keras_layer *k, failure *why)
{
    const json_t *axis = json_object_get(k->config, "axis");
    if (json_is_array(axis) && json_array_size(axis) == 1) axis = json_array_get(axis, 0);
    json_int_t number = axis ? json_integer_value(axis) : -1;
    if (number == -1 || number == s->keras.rank) return STATUS_OK;
    return keras_arguments_refuse(k, "axis", "only the last axis is read", why);
}

/* PReLU has a slope for each channel if all axes but the last share theirs. */
static status check_shared(const keras_import_state *s, const keras_layer *k, failure *why)
{
    const json_t *axes = json_object_get(k->config, "shared_axes");
    if (json_array_size(axes) == (size_t)(s->keras.rank - 1)) return STATUS_OK;
    return keras_arguments_refuse(k, "shared_axes", "one slope for each channel is read", why);
}

static int is_elementwise(const layer *l)
{
    return shape_equal(l->in, l->out) && l->tensors == 0;
}

/* A layer that a kind of this program computes. */
static status add_kind(keras_import_state *s, const keras_layer *k, failure *why)
{
    keras_said said;
    status code = keras_arguments_read(k, &said, why);
    if (!code && strcmp(k->class, "LayerNormalization") == 0) code = check_axis(s, k, why);
    if (!code && strcmp(k->class, "PReLU") == 0) code = check_shared(s, k, why);
    if (!code && said.softmax && !said.cfg.type && s->keras.rank != 1)
        code = fail(why, STATUS_BAD_DATA,
                    "layer %.80s (%.60s): a softmax of %s: only that of a vector is read", k->name,
                    k->class, shape_text(s->keras).text);
    s->softmax |= said.softmax;
    if (code || !said.cfg.type) return code;
    if (!code) code = fit_input(s, k, said.cfg.type, why);
    if (!code && said.cfg.type == layer_kind_find("flatten")) {
        code = flatten(s, k, why);
        s->keras = s->now;
        return code;
    }
    if (!code) code = keras_fold_function(s, k, &said.cfg, why);
    if (!code) code = append(s, k, &said.cfg, why);
    if (!code) code = take_values(s, k, &said, why);
    if (!code) code = keras_affine_take(s, k, why);
    if (!code) code = keras_fold_gates(s, k, why);
    if (!code && !is_elementwise(&s->layer[s->layers - 1].l)) s->keras = s->now;
    if (!code && said.after.type) code = append(s, k, &said.after, why);
    return code;
}

static status add_reshape(keras_import_state *s, const keras_layer *k, failure *why)
{
    status code = keras_arguments_check(k, " target_shape ", why);
    if (code) return code;
    shape to = shape_of(json_object_get(k->config, "target_shape"), 0);
    int open = -1, known = 1, all = (int)shape_length(s->keras);
    for (int i = 0; i < to.rank; i++)
        if (to.dim[i] < 0)
            open = i;
        else
            known *= to.dim[i];
    if (open >= 0 && known > 0) to.dim[open] = all / known;
    if (to.rank == 0 || (int)shape_length(to) != all)
        return keras_arguments_refuse(k, "target_shape", "its input has another number of values",
                                      why);
    s->keras = to;
    return STATUS_OK;
}

/* A maxpool over the whole image, which must be square. */
static status add_global_max(keras_import_state *s, const keras_layer *k, failure *why)
{
    status code = keras_arguments_check(k, "", why);
    int side = s->now.dim[0];
    layer_cfg cfg = {.type = layer_kind_find("maxpool"), .size = side, .stride = side};
    if (!code && (s->now.rank != 3 || !shape_equal(s->keras, s->now) || s->now.dim[1] != side))
        code = fail(why, STATUS_BAD_DATA,
                    "layer %.80s (%.60s): its input has shape %s: only of square images it is read",
                    k->name, k->class, shape_text(s->keras).text);
    if (!code) code = append(s, k, &cfg, why);
    if (!code) code = flatten(s, k, why);
    s->keras = s->now;
    return code;
}

static status add_rescaling(keras_import_state *s, const keras_layer *k, failure *why)
{
    keras_said said;
    status code = keras_arguments_read(k, &said, why);
    return code ? code : keras_rescale(s, k, said.cfg.scale, said.cfg.offset, why);
}

static status leave_out(keras_import_state *s, const keras_layer *k, failure *why)
{
    (void)why;
    keras_note(s, "layer %s (%s) does nothing in inference: left out", k->name, k->class);
    return STATUS_OK;
}

/* One row for each class that is no kind of ours; the kinds' own rows say the others. */
static const struct class_row {
    const char *class;
    status (*add)(keras_import_state *s, const keras_layer *k, failure *why);
} classes[] = {
    {"Reshape", add_reshape},
    {"Rescaling", add_rescaling},
    {"Normalization", keras_fold_normalization},
    {"BatchNormalization", keras_fold_batch},
    {"GlobalMaxPooling2D", add_global_max},
    {"Softmax", add_kind},
};

static status add_layer(keras_import_state *s, const keras_layer *k, failure *why)
{
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (strcmp(left_out[i], k->class) == 0) return leave_out(s, k, why);
    status code = keras_arguments_trains(k->class) ? STATUS_OK : keras_affine_check(s, k, why);
    if (!code && s->softmax)
        code = fail(
            why, STATUS_BAD_DATA,
            "layer %.80s (%.60s): it stands behind a softmax, which is read at the end of a "
            "model alone",
            k->name, k->class);
    if (code) return code;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].class, k->class) == 0) return classes[i].add(s, k, why);
    if (keras_arguments_knows(k->class)) return add_kind(s, k, why);
    return fail(why, STATUS_BAD_DATA, "layer %.80s (%.60s): %s", k->name, k->class, nowhere);
}

/* ---- the end of the model ---- */

/* Without a softmax Keras gives what the last layer gives: its answers are those of this program only where that are logits. */
static status check_end(keras_import_state *s, failure *why)
{
    const layer *last = NULL;
    status code = keras_affine_check(s, NULL, why);
    if (code) return code;
    for (int i = 0; i < s->layers; i++)
        if (strcmp(s->layer[i].l.cfg.type->word, "flatten") != 0 &&
            !s->layer[i].l.cfg.type->only_in_training)
            last = &s->layer[i].l;
    if (!last) return fail(why, STATUS_BAD_DATA, "its model has no layers");
    if (s->now.rank != 1)
        return fail(why, STATUS_BAD_DATA, "its model gives %s: one number for each class is read",
                    shape_text(s->now).text);
    if (s->softmax) return STATUS_OK;
    const layer_type *type = last->cfg.type;
    int linear = last->cfg.act == ACTIVATION_NONE && type->act == ACTIVATION_NONE &&
                 last->tensors == 2 && !type->keras_inner;
    const keras_layer *k = &s->chain.layer[s->chain.layers - 1];
    if (!linear)
        return keras_arguments_refuse(k, "activation",
                                      "the model must end with a softmax, or with "
                                      "logits and no activation",
                                      why);
    keras_note(s, "the model gives logits: probabilities are their softmax");
    return STATUS_OK;
}

static char *text_of(json_t *value)
{
    return json_to_text(value, JSON_ONE_LINE, 17);
}

/* Gives the model to the file. */
static status hand_over(keras_import_state *s, failure *why)
{
    layer_cfg cfgs[MODEL_MAX_LAYERS];
    checkpoint_tensor tensor[CHECKPOINT_MAX_TAKEN];
    char spec[MODEL_SPEC + 1];
    int tensors = 0;
    for (int i = 0; i < s->layers; i++) {
        imported_layer *at = &s->layer[i];
        cfgs[i] = at->l.cfg;
        for (int t = 0; t < at->l.tensors; t++, at->values[t - 1] = NULL)
            tensor[tensors++] = (checkpoint_tensor){at->l.tensor[t].shape, at->values[t]};
    }
    spec_format(cfgs, s->layers, spec, sizeof spec);
    if (strlen(spec) >= MODEL_SPEC)
        return fail(why, STATUS_BAD_DATA, "its model in words is longer than %d", MODEL_SPEC - 1);
    const int *d = s->image.dim;
    json_t *sides = json_pack("[i,i,i,i]", d[0], d[1], d[2], s->now.dim[0]);
    checkpoint_take_model(s->file, text_of(json_pack("{s:s}", "model", spec)),
                          text_of(json_pack("{s:o}", "data_shape", sides)), tensor, tensors,
                          s->changed);
    return STATUS_OK;
}

static void free_values(keras_import_state *s)
{
    for (int i = 0; i < s->layers; i++)
        for (int t = 0; t < LAYER_MAX_TENSORS; t++) memory_free(s->layer[i].values[t]);
    keras_affine_free(s);
}

status keras_import(checkpoint_file *file, const char *path, failure *note, failure *why)
{
    failure reason = {""};
    if (!checkpoint_architecture(file)[0] || checkpoint_configuration(file)[0]) return STATUS_OK;
    keras_import_state *s = memory_take(sizeof *s);
    s->file = file;
    status code = keras_chain_read(&s->chain, checkpoint_architecture(file), &reason);
    if (!code) code = find_images(s, &reason);
    for (int i = 0; i < s->chain.layers && !code; i++)
        code = add_layer(s, &s->chain.layer[i], &reason);
    if (!code) code = check_end(s, &reason);
    if (!code) code = hand_over(s, &reason);
    if (!code && s->note.text[0]) {
        failure before = *note;
        fail(note, STATUS_OK, "%.400s%s%.600s", before.text, before.text[0] ? "; " : "",
             s->note.text);
    }
    if (code) free_values(s);
    keras_chain_free(&s->chain);
    memory_free(s);
    if (!code) return STATUS_OK;
    if (strncmp(reason.text, path, strlen(path)) == 0) return fail(why, code, "%s", reason.text);
    return fail(why, code, "%.300s: %.700s", path, reason.text);
}
