/* layer/layer.c - what the layers of all kinds have in common: the plan's checks, and initial values. */
#include "layer/kind.h"

/* Products of dimensions stay far below the largest int, and allocations within reach. */
enum { LAYER_MOST_VALUES = 1 << 28 };

static status check_input(const layer *l, failure *why)
{
    const char *word = l->cfg.type->word;
    shape_name in = shape_text(l->in);
    switch (l->cfg.type->input) {
    case INPUT_VECTOR:
        if (l->in.rank == 1) return STATUS_OK;
        return fail(why, STATUS_USAGE, "%s needs a vector, but gets %s: put flatten before it",
                    word, in.text);
    case INPUT_IMAGE:
        if (l->in.rank == 3) return STATUS_OK;
        return fail(why, STATUS_USAGE, "%s needs an image, but gets %s", word, in.text);
    case INPUT_SEQUENCE:
        if (l->in.rank >= 2) return STATUS_OK;
        return fail(why, STATUS_USAGE,
                    "%s needs an image or a sequence, but gets %s: no flatten before it, and "
                    "'sequence' after another recurrent layer's units",
                    word, in.text);
    case INPUT_ANY:
        break;
    }
    return STATUS_OK;
}

static status check_size(const layer *l, const char *what, shape s, failure *why)
{
    double values = 1;
    for (int i = 0; i < s.rank; i++) values *= s.dim[i];
    if (values <= LAYER_MOST_VALUES) return STATUS_OK;
    return fail(why, STATUS_USAGE, "the %s of %s would have %.3g values; the most is %d", what,
                l->cfg.type->word, values, LAYER_MOST_VALUES);
}

status layer_plan(layer *l, failure *why)
{
    l->pad_top = l->pad_left = l->tensors = 0;
    l->macs = l->state_macs = 0;
    status s = check_input(l, why);
    if (!s) s = l->cfg.type->plan(l, why);
    if (!s) s = check_size(l, "output", l->out, why);
    for (int i = 0; !s && i < l->tensors; i++)
        s = check_size(l, l->tensor[i].name, l->tensor[i].shape, why);
    return s;
}

void layer_initialise(const layer *l, uint64_t seed, int first_tensor, float *parameters)
{
    for (int i = 0; i < l->tensors; i++) {
        const layer_tensor *t = &l->tensor[i];
        rng_key key = {
            .seed = seed, .stream = RNG_INITIALISE, .sample = (uint32_t)(first_tensor + i)};
        t->init(t, key, parameters + t->at.offset);
    }
}
