/* train/keras_batch.c - BatchNormalization of Keras: y = (x - mean) / sqrt(variance + epsilon) gamma + beta, by channel. */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "keras_affine.h"
#include "keras_arguments.h"

typedef struct batch {
    size_t channels;
    float *gamma, *beta, *mean, *variance; /* [channels]; gamma and beta may be NULL */
    double epsilon;
} batch;

static status read_batch(const keras_import_state *s, const keras_layer *k, batch *b, failure *why)
{
    int number = 0;
    const json_t *epsilon = json_object_get(k->config, "epsilon");
    b->epsilon = epsilon ? json_number_value(epsilon) : 1e-3;
    struct {
        const char *flag;
        float **values;
    } parts[] = {
        {"scale", &b->gamma}, {"center", &b->beta}, {NULL, &b->mean}, {NULL, &b->variance}};
    for (int i = 0; i < 4; i++) {
        size_t length = 0;
        if (parts[i].flag && json_is_false(json_object_get(k->config, parts[i].flag))) continue;
        status code = keras_variable(s, k, number++, &length, parts[i].values, why);
        if (code) return code;
        if (length != b->channels)
            return fail(why, STATUS_BAD_DATA,
                        "layer %.80s (%.60s): a variable has %zu values, not one for each of %zu "
                        "channels",
                        k->name, k->class, length, b->channels);
    }
    return STATUS_OK;
}

/* y = x f + beta - mean f for each channel o. */
static void channel(const batch *b, size_t o, double *f, double *offset)
{
    *f = 1 / sqrt((double)b->variance[o] + b->epsilon);
    if (b->gamma) *f *= (double)b->gamma[o];
    *offset = (b->beta ? (double)b->beta[o] : 0) - (double)b->mean[o] * *f;
}

/* W[..., o] *= f[o], b[o] = b[o] f[o] + offset[o]; in double, rounded once. */
static void fold(imported_layer *into, const batch *b)
{
    size_t length = shape_length(into->l.tensor[0].shape);
    float *kernel = into->values[0], *bias = into->values[1];
    for (size_t o = 0; o < b->channels; o++) {
        double f, offset;
        channel(b, o, &f, &offset);
        for (size_t i = o; i < length; i += b->channels) kernel[i] = (float)((double)kernel[i] * f);
        bias[o] = (float)((double)bias[o] * f + offset);
    }
}

/* The layer that takes the normalisation, or NULL. */
static imported_layer *layer_before(keras_import_state *s)
{
    int i = s->layers - 1;
    while (i >= 0 && s->layer[i].l.cfg.type->only_in_training) i--;
    if (i < 0) return NULL;
    const layer *l = &s->layer[i].l;
    int has_kernel = l->tensors == 2 && strcmp(l->tensor[0].name, "kernel") == 0;
    return has_kernel && l->cfg.act == ACTIVATION_NONE && !s->softmax ? &s->layer[i] : NULL;
}

static status begin_behind(keras_import_state *s, const keras_layer *k, const batch *b,
                           failure *why)
{
    double *scale = memory_take(b->channels * sizeof *scale);
    double *offset = memory_take(b->channels * sizeof *offset);
    for (size_t o = 0; o < b->channels; o++) channel(b, o, &scale[o], &offset[o]);
    return keras_affine_begin(s, k, b->channels, scale, offset, why);
}

status keras_fold_batch(keras_import_state *s, const keras_layer *k, failure *why)
{
    batch b = {.channels = (size_t)s->keras.dim[s->keras.rank - 1]};
    imported_layer *into = layer_before(s);
    status code = keras_arguments_check(k, " axis epsilon scale center ", why);
    const json_t *axis = json_object_get(k->config, "axis");
    if (json_is_array(axis) && json_array_size(axis) == 1) axis = json_array_get(axis, 0);
    json_int_t number = axis ? json_integer_value(axis) : -1;
    if (!code && number != -1 && number != s->keras.rank)
        code = keras_arguments_refuse(k, "axis", "only the last axis is read", why);
    if (!code) code = read_batch(s, k, &b, why);
    if (!code && into && shape_equal(s->keras, s->now) && !s->affine.layer) {
        fold(into, &b);
        s->changed = 1;
        keras_note(s, "layer %s (%s) is folded into %s", k->name, k->class, into->l.cfg.type->word);
    } else if (!code) {
        code = begin_behind(s, k, &b, why);
    }
    memory_free(b.gamma);
    memory_free(b.beta);
    memory_free(b.mean);
    memory_free(b.variance);
    return code;
}
