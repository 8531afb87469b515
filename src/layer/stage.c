/* layer/stage.c - which stage runs a layer, and its sizes. */
#include "layer/stage.h"

int stage_choose(stage *s, const layer *next)
{
    const stage_type *const *types = s->layer->cfg.type->stages;
    if (!types) return 0;
    int layers = 0;
    for (; *types && layers == 0; types++) {
        s->type = *types;
        layers = s->type->takes ? s->type->takes(s, next) : 1;
    }
    CHECK(layers > 0, "no stage takes %s", s->layer->cfg.type->word);
    s->fused = layers > 1 ? next : NULL;
    s->in_length = shape_length(s->layer->in);
    s->out_length = shape_length(s->fused ? s->fused->out : s->layer->out);
    return layers;
}

void stage_plan(stage *s)
{
    const layer *l = s->layer;
    if (s->type->plan) s->type->plan(s);
    if (s->type->split == STAGE_BY_SAMPLE && l->tensors > 0)
        s->leaf_length = stage_gradient_offset(s, l->tensors - 1) +
                         l->tensor[l->tensors - 1].at.length;
}
