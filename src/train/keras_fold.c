/* train/keras_fold.c - what all layers that become part of others use: notes, variables, factors. */
#include "keras_fold.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

/* A factor up to this one is for pixels of 0..255: with pixels of 0..1 it would hide them. 1/255 and 1/127.5 are below. */
static const double largest_for_bytes = 0.0625;

void keras_note(keras_import_state *s, const char *format, ...)
{
    va_list values;
    size_t used = strlen(s->note.text);
    if (used) used += (size_t)snprintf(s->note.text + used, sizeof s->note.text - used, "; ");
    if (used >= sizeof s->note.text) return;
    va_start(values, format);
    vsnprintf(s->note.text + used, sizeof s->note.text - used, format, values);
    va_end(values);
}

int keras_is_in_front(const keras_import_state *s)
{
    for (int i = 0; i < s->layers; i++)
        if (!s->layer[i].l.cfg.type->only_in_training) return 0;
    return !s->scaled;
}

int keras_is_for_bytes(double scale)
{
    return fabs(scale) <= largest_for_bytes;
}

status keras_rescale(keras_import_state *s, const keras_layer *k, double scale, double offset,
                     failure *why)
{
    if (keras_is_in_front(s) && keras_is_for_bytes(scale)) {
        keras_note(s, "layer %s (%s) is for pixels of 0..255: adapted to pixels of 0..1", k->name,
                   k->class);
        scale *= 255;
        if (fabs(scale - 1) < 1e-6) scale = 1; /* 1/255 as float32 */
    }
    s->scaled = 1;
    if (scale == 1 && offset == 0) return STATUS_OK;
    if (s->layers == MODEL_MAX_LAYERS || fabs(scale) > 1e6 || fabs(offset) > 1e6)
        return fail(why, STATUS_BAD_DATA, "layer %.80s (%.60s): scale %g and offset %g: too large",
                    k->name, k->class, scale, offset);
    layer *l = &s->layer[s->layers++].l;
    *l = (layer){.cfg = {.type = layer_kind_find("rescaling"), .scale = scale, .offset = offset},
                 .in = s->now};
    return layer_plan(l, why);
}

status keras_variable(const keras_import_state *s, const keras_layer *k, int number, size_t *length,
                      float **values, failure *why)
{
    shape is = {.rank = 0};
    checkpoint_place place = {.key = k->key, .name = k->name};
    status code = checkpoint_variable(s->file, &place, number, &is, values, why);
    if (!code && !*values)
        return fail(why, STATUS_BAD_DATA,
                    "layer %.80s (%.60s): its variable %d is missing in the file", k->name,
                    k->class, number);
    *length = shape_length(is);
    return code;
}
