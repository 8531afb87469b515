/* optim/optimizer.c - the optimisers by name, their settings, and one update. */
#include "optim/optimizer.h"

#include <float.h>
#include <string.h>

#include "base/text.h"
#include "rows.h"

#define OPTIMIZER_ADDRESS(name) &optimizer_##name,
static const optimizer_type *const rows[] = {OPTIMIZER_ROWS(OPTIMIZER_ADDRESS)};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- names and defaults ---- */

const optimizer_type *optimizer_row(int index)
{
    return index < ROWS ? rows[index] : NULL;
}

const char *optimizer_name(int index)
{
    return index < ROWS ? rows[index]->name : NULL;
}

status optimizer_named(const char *name, const optimizer_type **type, failure *why)
{
    const char *names[ROWS];
    for (int i = 0; i < ROWS; i++) names[i] = rows[i]->name;
    int found = text_index(name, names, ROWS);
    if (found < 0)
        return fail(why, STATUS_USAGE, "--optimizer=%s: unknown%s", name,
                    text_suggest(name, names, ROWS).text);
    *type = rows[found];
    return STATUS_OK;
}

optimizer_cfg optimizer_cfg_default(const optimizer_type *type)
{
    optimizer_cfg cfg = type->defaults;
    cfg.type = type;
    return cfg;
}

/* Kernels work in float, and flush denormals to 0: a smaller number would become 0, and stop the training or be divided by. */
static status check_positive(const char *option, double value, failure *why)
{
    if (value >= (double)FLT_MIN && value <= (double)FLT_MAX) return STATUS_OK;
    return fail(why, STATUS_USAGE, "--%s=%g: must be above 0, and a number that float holds",
                option, value);
}

static status check_fraction(const char *option, double value, failure *why)
{
    if (value >= 0 && value < 1) return STATUS_OK;
    return fail(why, STATUS_USAGE, "--%s=%g: must be at least 0 and below 1", option, value);
}

status optimizer_check(const optimizer_cfg *cfg, failure *why)
{
    unsigned uses = cfg->type->uses;
    status s = check_positive("learning-rate", cfg->learning_rate, why);
    if (!s && uses & USES_EPSILON) s = check_positive("epsilon", cfg->epsilon, why);
    if (!s && uses & USES_MOMENTUM) s = check_fraction("momentum", cfg->momentum, why);
    if (!s && uses & USES_BETA1) s = check_fraction("beta1", cfg->beta1, why);
    if (!s && uses & USES_BETA2) s = check_fraction("beta2", cfg->beta2, why);
    if (!s) s = check_fraction("weight-decay", cfg->weight_decay, why);
    return s;
}

int optimizer_slots(const optimizer_cfg *cfg)
{
    const optimizer_type *type = cfg->type;
    int slots = 0;
    while (slots < OPTIMIZER_MAX_SLOTS && type->slot[slots]) slots++;
    return slots + (type->momentum_slot && cfg->momentum != 0);
}

int optimizer_needs_norms(const optimizer_cfg *cfg)
{
    return cfg->type->follow != NULL;
}

/* ---- updates ---- */

void optimizer_update(const optimizer_cfg *cfg, const optimizer_part *p)
{
    ASSERT(cfg->type->update, "%s needs norms", cfg->type->name);
    optimizer_decay(cfg, p);
    cfg->type->update(cfg, p);
}

void optimizer_direction(const optimizer_cfg *cfg, const optimizer_part *p)
{
    if (cfg->type->direction) cfg->type->direction(cfg, p);
}

double optimizer_trust(const optimizer_cfg *cfg, double w_norm, double g_norm)
{
    return w_norm > 0 && g_norm > 0 ? cfg->type->trust(cfg, w_norm, g_norm) : 1.0;
}

void optimizer_follow(const optimizer_cfg *cfg, double trust, const optimizer_part *p)
{
    cfg->type->follow(cfg, trust, p);
}
