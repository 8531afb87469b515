/* optim/common.c - formulas that several optimisers share. */
#include "kernel/scalar.h"
#include "rows.h"

void optimizer_decay(const optimizer_cfg *cfg, const optimizer_part *p)
{
    if (cfg->weight_decay == 0) return;
    p->k->add_scaled(p->w, p->w, (float)(-cfg->learning_rate * cfg->weight_decay), p->length);
}

double optimizer_correction(double beta, int64_t step)
{
    int t = step > INT32_MAX ? INT32_MAX : (int)step; /* the power is 0 long before */
    return 1.0 - scalar_power(beta, t);
}
