/* train/settings_words.c - the defaults of settings in words, for --help. */
#include <stdio.h>
#include <string.h>

#include "train/settings.h"

enum { MOST_VALUES = 8 };

static double default_of(const optimizer_type *type, const setting *row)
{
    const void *at = (const char *)&type->defaults + row->optimizer_offset;
    return *(const double *)at;
}

/* The different defaults of a number, each with the optimizers that have it. */
typedef struct defaults {
    int count;
    struct {
        double value;
        int optimizers;
        char names[96];
    } of[MOST_VALUES];
} defaults;

static defaults collect_defaults(const setting *row)
{
    defaults d = {0};
    const optimizer_type *type;
    for (int o = 0; (type = optimizer_row(o)) != NULL; o++) {
        if (!settings_applies(row, type)) continue;
        double value = default_of(type, row);
        int i = 0;
        while (i < d.count && d.of[i].value != value) i++;
        CHECK(i < MOST_VALUES, "%s: more than %d defaults", row->name, MOST_VALUES);
        if (i == d.count) d.of[d.count++].value = value;
        size_t used = strlen(d.of[i].names);
        snprintf(d.of[i].names + used, sizeof d.of[i].names - used, "%s%s",
                 d.of[i].optimizers++ ? ", " : "", type->name);
    }
    return d;
}

/* The value that most optimizers have comes last, without their names. */
static void default_of_optimizers(const setting *row, char *out)
{
    defaults d = collect_defaults(row);
    int usual = 0;
    size_t used = 0;
    for (int i = 1; i < d.count; i++)
        if (d.of[i].optimizers > d.of[usual].optimizers) usual = i;
    for (int i = 0; i < d.count; i++)
        if (i != usual)
            used += (size_t)snprintf(out + used, SETTINGS_TEXT - used, "%g for %s; ", d.of[i].value,
                                     d.of[i].names);
    snprintf(out + used, SETTINGS_TEXT - used, "%s%g", used ? "otherwise " : "", d.of[usual].value);
}

/* Behind the places, the last word of the row: it is always there. */
static void first_of(const setting *row, char *out)
{
    size_t used = (size_t)snprintf(out, SETTINGS_TEXT, "the first of these that is there: ");
    const char *word, *last = NULL;
    for (int i = 0; (word = row->first_of(i)) != NULL && used < SETTINGS_TEXT; i++)
        used += (size_t)snprintf(out + used, SETTINGS_TEXT - used, "%s%s", i ? ", " : "", word);
    for (int i = 0; (word = settings_word(row, i)) != NULL; i++) last = word;
    if (last && used < SETTINGS_TEXT) snprintf(out + used, SETTINGS_TEXT - used, "; else %s", last);
}

void settings_default_words(const setting *row, char *out)
{
    settings s = settings_default();
    out[0] = 0;
    if (!row->value_name) return;
    if (row->otherwise)
        snprintf(out, SETTINGS_TEXT, "%s", row->otherwise);
    else if (row->first_of)
        first_of(row, out);
    else if (row->optimizer_offset)
        default_of_optimizers(row, out);
    else
        settings_value(&s, row, out);
}
