/* train/settings_optimizer.c - the numbers of the optimizer: which of them it has, and its configuration. */
#include <math.h>
#include <stdio.h>

#include "train/settings.h"

enum { SCALING_BATCH = 128 }; /* the batch of the default learning rates */

/* A number of settings or of optimizer_cfg. */
static double get(const void *record, size_t offset)
{
    const void *at = (const char *)record + offset;
    return *(const double *)at;
}

static void set(void *record, size_t offset, double value)
{
    void *at = (char *)record + offset;
    *(double *)at = value;
}

static double default_value(const optimizer_type *type, const setting *row)
{
    return get(&type->defaults, row->optimizer_offset);
}

void settings_forget_optimizer(settings *s)
{
    int rows;
    const setting *table = settings_table(&rows);
    for (int i = 0; i < rows; i++)
        if (table[i].optimizer_offset) set(s, table[i].offset, (double)NAN);
}

/* "momentum, nesterov or lars": the optimizers that have the row's number. */
static void list_optimizers(const setting *row, char *out, size_t size)
{
    size_t used = 0;
    const char *word, *next;
    out[0] = 0;
    for (int i = 0; (word = settings_word(row, i)) != NULL && used < size; i++) {
        next = settings_word(row, i + 1);
        const char *separator = i == 0 ? "" : next ? ", " : " or ";
        used += (size_t)snprintf(out + used, size - used, "%s%s", separator, word);
    }
}

static status resolve_row(settings *s, const optimizer_type *type, const setting *row, failure *why)
{
    char others[128];
    int is_set = !isnan(get(s, row->offset)), applies = settings_applies(row, type);
    if (applies && !is_set) set(s, row->offset, default_value(type, row));
    if (applies || !is_set) return STATUS_OK;
    list_optimizers(row, others, sizeof others);
    return fail(why, STATUS_USAGE,
                "--%s has no meaning for --optimizer=%s: leave it out, or use --optimizer=%s",
                row->name, s->optimizer, others);
}

status settings_resolve_optimizer(settings *s, failure *why)
{
    int rows;
    const setting *table = settings_table(&rows);
    const optimizer_type *type;
    status code = optimizer_named(s->optimizer, &type, why);
    for (int i = 0; i < rows && !code; i++)
        if (table[i].optimizer_offset) code = resolve_row(s, type, &table[i], why);
    if (code) return code;
    optimizer_cfg chosen = settings_optimizer(s);
    return optimizer_check(&chosen, why);
}

double settings_rate_factor(const settings *s)
{
    int64_t batch = s->batch_taken ? s->batch_taken : s->batch_size;
    double times = (double)batch / SCALING_BATCH;
    if (s->lr_scaling == SCALING_NONE) return 1.0;
    return s->lr_scaling == SCALING_LINEAR ? times : sqrt(times);
}

optimizer_cfg settings_optimizer(const settings *s)
{
    int rows;
    const setting *table = settings_table(&rows);
    const optimizer_type *type = NULL;
    CHECK(optimizer_named(s->optimizer, &type, NULL) == STATUS_OK, "optimizer '%s'", s->optimizer);
    optimizer_cfg cfg = optimizer_cfg_default(type);
    for (int i = 0; i < rows; i++) {
        if (!table[i].optimizer_offset) continue;
        double value = get(s, table[i].offset);
        if (!isnan(value)) set(&cfg, table[i].optimizer_offset, value);
    }
    cfg.learning_rate *= settings_rate_factor(s);
    return cfg;
}
