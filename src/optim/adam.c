/* optim/adam.c - Adam, and AdamW, whose weight decay is not 0 unless given. */
#include <math.h>

#include "rows.h"

static void update(const optimizer_cfg *cfg, const optimizer_part *p)
{
    double alpha = cfg->learning_rate * sqrt(optimizer_correction(cfg->beta2, p->step));
    p->k->adam(&(adam_args){.w = p->w,
                            .m = p->slot[0],
                            .v = p->slot[1],
                            .g = p->g,
                            .length = p->length,
                            .alpha = (float)(alpha / optimizer_correction(cfg->beta1, p->step)),
                            .one_minus_beta1 = (float)(1.0 - cfg->beta1),
                            .one_minus_beta2 = (float)(1.0 - cfg->beta2),
                            .epsilon = (float)cfg->epsilon});
}

const optimizer_type optimizer_adam = {
    .name = "adam",
    .file_name = "adam",
    .uses = USES_BETA1 | USES_BETA2 | USES_EPSILON,
    .defaults = {.learning_rate = 0.001, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
    .slot = {"momentum", "velocity"},
    .update = update,
};

const optimizer_type optimizer_adamw = {
    .name = "adamw",
    .file_name = "adamw",
    .uses = USES_BETA1 | USES_BETA2 | USES_EPSILON,
    .defaults = {.learning_rate = 0.001,
                 .beta1 = 0.9,
                 .beta2 = 0.999,
                 .epsilon = 1e-7,
                 .weight_decay = 0.004},
    .slot = {"momentum", "velocity"},
    .update = update,
};
