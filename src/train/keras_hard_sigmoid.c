/* train/keras_hard_sigmoid.c - hard_sigmoid of Keras 2 and 1, which has another slope than x / 6 + 1/2 of Keras 3. */
#include "base/arena.h"
#include "keras_arguments.h"
#include "keras_fold.h"

/* x / 5 + 1/2 of a version of Keras before 3 is x / 6 + 1/2 of 1.2 x. */
static const double factor = 1.2;

/* Sets *differs: 1 if a layer of this file means the older function. */
static status which(const keras_import_state *s, const keras_layer *k, int *differs, failure *why)
{
    int version = checkpoint_keras_version(s->file);
    *differs = version < 3;
    if (version > 0) return STATUS_OK;
    return fail(
        why, STATUS_BAD_DATA,
        "layer %.80s (%.60s): its hard_sigmoid is another function in Keras 2 than in Keras "
        "3, and the file does not say its version of Keras",
        k->name, k->class);
}

status keras_fold_function(keras_import_state *s, const keras_layer *k, const layer_cfg *cfg,
                           failure *why)
{
    int differs = 0;
    if (cfg->type->act != ACTIVATION_HARD_SIGMOID) return STATUS_OK;
    status code = which(s, k, &differs, why);
    return code || !differs ? code : keras_rescale(s, k, factor, 0, why);
}

/* 1: gate number g of a layer is behind the function; layers without gates have one. */
static int is_behind(const layer_cfg *c, int gates, int g)
{
    if (!c->type->keras_inner) return c->act == ACTIVATION_HARD_SIGMOID;
    int is_candidate = gates == 1 || g == 2;
    return (is_candidate ? c->state_act : c->gate_act) == ACTIVATION_HARD_SIGMOID;
}

status keras_fold_gates(keras_import_state *s, const keras_layer *k, failure *why)
{
    imported_layer *at = &s->layer[s->layers - 1];
    const layer *l = &at->l;
    int differs = 0;
    if (l->tensors == 0 || l->cfg.units < 1) return STATUS_OK;
    const shape *kernel = &l->tensor[0].shape;
    int units = l->cfg.units, cols = kernel->dim[kernel->rank - 1], gates = cols / units;
    int any = 0;
    for (int g = 0; g < gates; g++) any |= is_behind(&l->cfg, gates, g);
    status code = any ? which(s, k, &differs, why) : STATUS_OK;
    if (code || !differs) return code;
    if (gates == 4 && l->cfg.state_act == ACTIVATION_HARD_SIGMOID)
        return keras_arguments_refuse(
            k, "activation", "of Keras 2, for the cell of an LSTM: there is no such function here",
            why);
    for (int t = 0; t < l->tensors; t++)
        for (size_t i = 0; i < shape_length(l->tensor[t].shape); i++)
            if (is_behind(&l->cfg, gates, (int)(i % (size_t)cols) / units))
                at->values[t][i] = (float)((double)at->values[t][i] * factor);
    s->changed = 1;
    keras_note(s,
               "layer %s (%s): its hard_sigmoid of Keras 2 is the one here of 1.2 x: its "
               "parameters are multiplied by 1.2",
               k->name, k->class);
    return STATUS_OK;
}
