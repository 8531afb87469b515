/* train/settings.c - defaults; the value of a setting from its text, and back. */
#include "train/settings.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { MOST_ROWS = 64, MOST_WORDS = 16 };

settings settings_default(void)
{
    settings s = {.model = "cnn",
                  .epochs = 5,
                  .batch_size = 128,
                  .validation_split = 0.1,
                  .optimizer = "adam",
                  .schedule = "constant",
                  .warmup = "0",
                  .augment = "none",
                  .shuffle = YES,
                  .seed = 1,
                  .hang_timeout = "0",
                  .checkpoint_every = "1",
                  .time_limit = "0",
                  .time_margin = "60s",
                  .grain = 8,
                  .isa = "auto"};
    settings_forget_optimizer(&s);
    return s;
}

static status unknown_name(const char *name, failure *why)
{
    const char *names[MOST_ROWS];
    int rows;
    const setting *table = settings_table(&rows);
    CHECK(rows <= MOST_ROWS, "%d settings", rows);
    for (int i = 0; i < rows; i++) names[i] = table[i].name;
    const char *near = text_nearest(name, names, rows);
    return fail(why, STATUS_USAGE, "unknown option '--%s'%s%s%s", name,
                near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
}

/* ---- one value from its text, and back ---- */

static status set_text(void *at, const setting *row, const char *value, failure *why)
{
    if (strlen(value) >= SETTINGS_TEXT)
        return fail(why, STATUS_USAGE, "--%s: longer than %d characters", row->name,
                    SETTINGS_TEXT - 1);
    memcpy(at, value, strlen(value) + 1);
    return STATUS_OK;
}

static status not_in_range(const setting *row, const char *value, failure *why)
{
    const char *kind = row->type == SETTING_REAL ? "a number" : "a whole number";
    if (row->high >= DBL_MAX)
        return fail(why, STATUS_USAGE, "--%s=%s: must be %s %s", row->name, value, kind,
                    row->low > 0 ? "above 0" : "from 0 up");
    if (row->type == SETTING_REAL && row->high == 1)
        return fail(why, STATUS_USAGE, "--%s=%s: must be %s from %g to 1", row->name, value, kind,
                    row->low);
    if (row->type == SETTING_REAL)
        return fail(why, STATUS_USAGE, "--%s=%s: must be %s from %g to below 1", row->name, value,
                    kind, row->low);
    return fail(why, STATUS_USAGE, "--%s=%s: must be %s from %.0f to %s", row->name, value, kind,
                row->low, text_thousands((int64_t)row->high).text);
}

static status set_integer(void *at, const setting *row, const char *value, failure *why)
{
    int64_t number;
    if (!text_to_int(value, &number) || (double)number < row->low || (double)number > row->high)
        return not_in_range(row, value, why);
    *(int64_t *)at = number;
    return STATUS_OK;
}

static status set_real(void *at, const setting *row, const char *value, failure *why)
{
    double number;
    if (!text_to_double(value, &number) || number < row->low || number > row->high)
        return not_in_range(row, value, why);
    *(double *)at = number;
    return STATUS_OK;
}

/* The word that an alias stands for; a word that is no alias itself. */
static const char *without_alias(const setting *row, const char *word)
{
    for (const setting_alias *a = row->aliases; a && a->alias; a++)
        if (text_same_name(a->alias, word)) return a->word;
    return word;
}

static status unknown_choice(const setting *row, const char *value, failure *why)
{
    const char *known[MOST_WORDS];
    int count = 0;
    for (const setting_alias *a = row->aliases; a && a->alias; a++) known[count++] = a->alias;
    for (int i = 0; row->choices[i]; i++) known[count++] = row->choices[i];
    CHECK(count <= MOST_WORDS, "%s: %d words", row->name, count);
    return fail(why, STATUS_USAGE, "--%s=%s: unknown%s", row->name, value,
                text_suggest(value, known, count).text);
}

static status set_choice(void *at, const setting *row, const char *value, failure *why)
{
    const char *word = without_alias(row, value);
    int index = 0;
    while (row->choices[index] && !text_same_name(row->choices[index], word)) index++;
    if (!row->choices[index]) return unknown_choice(row, value, why);
    *(int *)at = index;
    return STATUS_OK;
}

static status set_row(settings *s, const setting *row, const char *value, failure *why)
{
    void *at = (char *)s + row->offset;
    switch (row->type) {
    case SETTING_TEXT:
        return set_text(at, row, value, why);
    case SETTING_INTEGER:
        return set_integer(at, row, value, why);
    case SETTING_REAL:
        return set_real(at, row, value, why);
    case SETTING_CHOICE:
        return set_choice(at, row, value, why);
    }
    return STATUS_INTERNAL;
}

status settings_set(settings *s, const char *name, const char *value, failure *why)
{
    const setting *row = settings_row(name);
    return row ? set_row(s, row, value, why) : unknown_name(name, why);
}

/* The shortest decimal from which the same double is read back, into out[SETTINGS_TEXT]. */
static void real_text(double value, char *out)
{
    double back = 0;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out, SETTINGS_TEXT, "%.*g", digits, value);
        if (text_to_double(out, &back) && back == value) return;
    }
}

void settings_value(const settings *s, const setting *row, char *out)
{
    const void *at = (const char *)s + row->offset;
    out[0] = 0;
    switch (row->type) {
    case SETTING_TEXT:
        snprintf(out, SETTINGS_TEXT, "%s", (const char *)at);
        break;
    case SETTING_INTEGER:
        snprintf(out, SETTINGS_TEXT, "%lld", (long long)*(const int64_t *)at);
        break;
    case SETTING_REAL:
        if (!isnan(*(const double *)at)) real_text(*(const double *)at, out);
        break;
    case SETTING_CHOICE:
        snprintf(out, SETTINGS_TEXT, "%s", row->choices[*(const int *)at]);
        break;
    }
}

/* ---- the role of a row ---- */

setting_role settings_role(const settings *s, const setting *row)
{
    schedule plan;
    int spans_all = row->offset == offsetof(settings, epochs) &&
                    schedule_parse(s->schedule, s->warmup, &plan, NULL) == STATUS_OK &&
                    schedule_spans_all(&plan);
    return spans_all ? SETTING_BITS : row->role;
}
