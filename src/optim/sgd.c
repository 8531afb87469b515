/* optim/sgd.c - gradient descent: plain, with momentum, with Nesterov's momentum. */
#include "rows.h"

static void step(const optimizer_cfg *cfg, const optimizer_part *p, int nesterov)
{
    p->k->sgd(&(sgd_args){.w = p->w,
                          .m = p->slot[0],
                          .g = p->g,
                          .length = p->length,
                          .learning_rate = (float)cfg->learning_rate,
                          .momentum = (float)cfg->momentum,
                          .nesterov = nesterov});
}

static void update(const optimizer_cfg *cfg, const optimizer_part *p)
{
    step(cfg, p, 0);
}

static void update_nesterov(const optimizer_cfg *cfg, const optimizer_part *p)
{
    step(cfg, p, 1);
}

const optimizer_type optimizer_sgd = {
    .name = "sgd",
    .file_name = "sgd",
    .defaults = {.learning_rate = 0.01},
    .update = update,
};

const optimizer_type optimizer_momentum = {
    .name = "momentum",
    .file_name = "sgd",
    .uses = USES_MOMENTUM,
    .defaults = {.learning_rate = 0.01, .momentum = 0.9},
    .momentum_slot = "momentum",
    .update = update,
};

const optimizer_type optimizer_nesterov = {
    .name = "nesterov",
    .file_name = "sgd",
    .uses = USES_MOMENTUM,
    .defaults = {.learning_rate = 0.01, .momentum = 0.9},
    .momentum_slot = "momentum",
    .update = update_nesterov,
};
