/* optim/adamax.c - Adam with the largest gradient in place of the root of the mean square. */
#include "rows.h"

static void update(const optimizer_cfg *cfg, const optimizer_part *p)
{
    double alpha = cfg->learning_rate / optimizer_correction(cfg->beta1, p->step);
    p->k->adamax(&(adamax_args){.w = p->w,
                                .m = p->slot[0],
                                .u = p->slot[1],
                                .g = p->g,
                                .length = p->length,
                                .alpha = (float)alpha,
                                .one_minus_beta1 = (float)(1.0 - cfg->beta1),
                                .beta2 = (float)cfg->beta2,
                                .epsilon = (float)cfg->epsilon});
}

const optimizer_type optimizer_adamax = {
    .name = "adamax",
    .file_name = "adamax",
    .uses = USES_BETA1 | USES_BETA2 | USES_EPSILON,
    .defaults = {.learning_rate = 0.001, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
    .slot = {"momentum", "norm"},
    .update = update,
};
