/* optim/lars.c - LARS: each tensor's rate follows from the norms of its parameters and of its gradient. */
#include "rows.h"

static const double TRUST = 0.001; /* eta in its paper */

static double trust(const optimizer_cfg *cfg, double w_norm, double g_norm)
{
    return TRUST * w_norm / (g_norm + cfg->weight_decay * w_norm);
}

static void follow(const optimizer_cfg *cfg, double ratio, const optimizer_part *p)
{
    if (cfg->weight_decay != 0) p->k->add_scaled(p->g, p->w, (float)cfg->weight_decay, p->length);
    p->k->sgd(&(sgd_args){.w = p->w,
                          .m = p->slot[0],
                          .g = p->g,
                          .length = p->length,
                          .learning_rate = (float)(ratio * cfg->learning_rate),
                          .momentum = (float)cfg->momentum});
}

const optimizer_type optimizer_lars = {
    .name = "lars",
    .file_name = "lars",
    .uses = USES_MOMENTUM,
    .defaults = {.learning_rate = 1.0, /* times the trust coefficient */ .momentum = 0.9},
    .momentum_slot = "momentum",
    .trust = trust,
    .follow = follow,
};
