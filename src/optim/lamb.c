/* optim/lamb.c - LAMB: Adam's direction, whose length in each tensor is the norm of the tensor's parameters. */
#include "rows.h"

static void direction(const optimizer_cfg *cfg, const optimizer_part *p)
{
    optimizer_decay(cfg, p);
    p->k->lamb(&(lamb_args){.m = p->slot[0],
                            .v = p->slot[1],
                            .g = p->g,
                            .length = p->length,
                            .one_minus_beta1 = (float)(1.0 - cfg->beta1),
                            .one_minus_beta2 = (float)(1.0 - cfg->beta2),
                            .correction1 = (float)optimizer_correction(cfg->beta1, p->step),
                            .correction2 = (float)optimizer_correction(cfg->beta2, p->step),
                            .epsilon = (float)cfg->epsilon});
}

static double trust(const optimizer_cfg *cfg, double w_norm, double u_norm)
{
    (void)cfg;
    return w_norm / u_norm;
}

static void follow(const optimizer_cfg *cfg, double ratio, const optimizer_part *p)
{
    p->k->sgd(&(sgd_args){.w = p->w,
                          .g = p->g,
                          .length = p->length,
                          .learning_rate = (float)(ratio * cfg->learning_rate)});
}

const optimizer_type optimizer_lamb = {
    .name = "lamb",
    .file_name = "lamb",
    .uses = USES_BETA1 | USES_BETA2 | USES_EPSILON,
    .defaults = {.learning_rate = 0.001, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
    .slot = {"momentum", "velocity"},
    .direction = direction,
    .trust = trust,
    .follow = follow,
};
