/* optim/rmsprop.c - gradients over the root of their mean square. Keras' rho is beta2 here, as in the Adam family. */
#include "rows.h"

static void update(const optimizer_cfg *cfg, const optimizer_part *p)
{
    p->k->rmsprop(&(rmsprop_args){.w = p->w,
                                  .v = p->slot[0],
                                  .m = p->slot[1],
                                  .g = p->g,
                                  .length = p->length,
                                  .learning_rate = (float)cfg->learning_rate,
                                  .momentum = (float)cfg->momentum,
                                  .beta2 = (float)cfg->beta2,
                                  .one_minus_beta2 = (float)(1.0 - cfg->beta2),
                                  .epsilon = (float)cfg->epsilon});
}

const optimizer_type optimizer_rmsprop = {
    .name = "rmsprop",
    .file_name = "rm_sprop",
    .uses = USES_MOMENTUM | USES_BETA2 | USES_EPSILON,
    .defaults = {.learning_rate = 0.001, .beta2 = 0.9, .epsilon = 1e-7},
    .slot = {"velocity"},
    .momentum_slot = "momentum",
    .slots_apart = 1,
    .update = update,
};
