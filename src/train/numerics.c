/* train/numerics.c - the table of digests of this number. */
#include "train/numerics.h"

#include <stdio.h>
#include <string.h>

#define ROW(name_, digest_, ...) {.name = name_, .digest = digest_, .setting = {__VA_ARGS__, NULL}},

static const numerics_row table[] = {
#include "numerics_1.inc"
};
enum { ROWS = sizeof table / sizeof table[0] };

/* 900 samples train: 15 steps an epoch, the last of 4 samples. 40 steps end inside the third epoch. */
static const char *const common[] = {"data=synthetic", "limit=1000",   "batch-size=64",
                                     "epochs=3",       "max-steps=40", NULL};

const numerics_row *numerics_table(int index)
{
    return index >= 0 && index < ROWS ? &table[index] : NULL;
}

/* "model=cnn" */
static status set_one(settings *cfg, const char *text, failure *why)
{
    char name[64];
    const char *value = strchr(text, '=');
    CHECK(value && (size_t)(value - text) < sizeof name, "setting '%s'", text);
    snprintf(name, sizeof name, "%.*s", (int)(value - text), text);
    return settings_set(cfg, name, value + 1, why);
}

static status set_all(settings *cfg, const char *const *text, failure *why)
{
    status code = STATUS_OK;
    for (; !code && *text; text++) code = set_one(cfg, *text, why);
    return code;
}

status numerics_settings(const numerics_row *row, const char *isa, settings *cfg, failure *why)
{
    *cfg = settings_default();
    status code = set_all(cfg, common, why);
    if (!code) code = set_all(cfg, row->setting, why);
    if (!code) code = settings_set(cfg, "isa", isa, why);
    return code ? code : settings_resolve(cfg, why);
}
