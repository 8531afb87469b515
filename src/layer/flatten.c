/* layer/flatten.c - an image or a sequence as one vector, channels fastest. Nothing runs: that is how it lies in memory. */
#include "layer/kind.h"

static status flatten_plan(layer *l, failure *why)
{
    (void)why;
    l->out = shape_vector((int)shape_length(l->in));
    return STATUS_OK;
}

const layer_type layer_flatten = {
    .word = "flatten",
    .plan = flatten_plan,
    .keras_class = "Flatten",
    .keras_stem = "flatten",
    .keras = KERAS_NOTHING,
};
