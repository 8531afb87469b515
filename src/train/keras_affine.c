/* train/keras_affine.c - y = x scale + offset, value by value, on its way into the next layer that has a kernel. */
#include "keras_affine.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"

/* Up to this sum of |offset W| float32 rounds by less than 1e-5. */
static const double largest_sum = 100;

typedef enum passage {
    PASSES,
    PASSES_CHANNELS, /* if there is one scale and offset for each channel  */
    PASSES_POSITIVE, /* the same, if all scales are positive              */
    TAKES
} passage;

/* The classes behind which, or into which, it can go. */
static const struct passing {
    const char *class;
    passage passage;
} passing[] = {
    {"Flatten", PASSES},
    {"Reshape", PASSES},
    {"AveragePooling2D", PASSES_CHANNELS},
    {"GlobalAveragePooling2D", PASSES_CHANNELS},
    {"MaxPooling2D", PASSES_POSITIVE},
    {"GlobalMaxPooling2D", PASSES_POSITIVE},
    {"Dense", TAKES},
    {"Conv2D", TAKES},
    {"SimpleRNN", TAKES},
    {"LSTM", TAKES},
    {"GRU", TAKES},
};

static const struct passing *passing_of(const char *class)
{
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strcmp(passing[i].class, class) == 0) return &passing[i];
    return NULL;
}

static status refuse(const keras_affine *a, const char *what, const keras_layer *k, failure *why)
{
    return fail(
        why, STATUS_BAD_DATA,
        "layer %.80s (%.60s): it is read only where it can be folded into a Conv2D or Dense "
        "layer right before it whose activation is linear, or into a layer behind it: %s "
        "%.80s%s%.60s%s",
        a->layer->name, a->layer->class, what, k ? k->name : "", k ? " (" : "", k ? k->class : "",
        k ? ")" : "");
}

status keras_affine_begin(keras_import_state *s, const keras_layer *k, size_t length, double *scale,
                          double *offset, failure *why)
{
    if (s->affine.layer) {
        memory_free(scale);
        memory_free(offset);
        return refuse(&s->affine, "not before", k, why);
    }
    s->affine = (keras_affine){k, length, scale, offset};
    return STATUS_OK;
}

static int is_positive(const keras_affine *a)
{
    for (size_t i = 0; i < a->length; i++)
        if (!(a->scale[i] > 0)) return 0;
    return 1;
}

status keras_affine_check(const keras_import_state *s, const keras_layer *k, failure *why)
{
    const keras_affine *a = &s->affine;
    if (!a->layer) return STATUS_OK;
    if (!k) return refuse(a, "not at the end of the model", NULL, why);
    const struct passing *p = passing_of(k->class);
    size_t channels = (size_t)s->keras.dim[s->keras.rank - 1];
    if (!p) return refuse(a, "not before", k, why);
    if ((p->passage == PASSES_CHANNELS || p->passage == PASSES_POSITIVE) &&
        channels % a->length != 0)
        return refuse(a, "with a value for each pixel not before", k, why);
    if (p->passage == PASSES_POSITIVE && !is_positive(a))
        return refuse(a, "with a scale that is not positive not before", k, why);
    return STATUS_OK;
}

/* Kernel and bias as doubles; -1 if the sums would lose digits. */
static int fold(const keras_affine *a, imported_layer *into)
{
    const layer *l = &into->l;
    size_t cols = (size_t)l->tensor[0].shape.dim[l->tensor[0].shape.rank - 1];
    size_t rows = shape_length(l->tensor[0].shape) / cols;
    float *kernel = into->values[0], *bias = into->values[l->tensors - 1];
    for (size_t c = 0; c < cols; c++) {
        double sum = 0, size = 0;
        for (size_t r = 0; r < rows; r++) {
            double w = (double)kernel[r * cols + c], more = w * a->offset[r % a->length];
            sum += more;
            size += fabs(more);
            kernel[r * cols + c] = (float)(w * a->scale[r % a->length]);
        }
        if (!(size <= largest_sum)) return -1;
        bias[c] = (float)((double)bias[c] + sum);
    }
    return 0;
}

/* The inputs of which the layer has a row each in its kernel. */
static size_t inputs_of(const layer *l)
{
    const shape *kernel = &l->tensor[0].shape;
    return (size_t)kernel->dim[kernel->rank - 2];
}

status keras_affine_take(keras_import_state *s, const keras_layer *k, failure *why)
{
    keras_affine *a = &s->affine;
    imported_layer *into = &s->layer[s->layers - 1];
    const struct passing *p = passing_of(k->class);
    if (!a->layer || !p || p->passage != TAKES) return STATUS_OK;
    if (inputs_of(&into->l) % a->length != 0)
        return refuse(a, "with a value for each pixel not before", k, why);
    if (into->l.cfg.pad == PADDING_SAME)
        return refuse(a, "its offset is not 0 in the padding of", k, why);
    if (fold(a, into))
        return refuse(a, "the offsets are so large that float32 would lose digits before", k, why);
    s->changed = 1;
    keras_note(s, "layer %s (%s) is folded into %s", a->layer->name, a->layer->class,
               into->l.cfg.type->word);
    keras_affine_free(s);
    return STATUS_OK;
}

void keras_affine_free(keras_import_state *s)
{
    memory_free(s->affine.scale);
    memory_free(s->affine.offset);
    s->affine = (keras_affine){.layer = NULL};
}
