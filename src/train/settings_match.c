/* train/settings_match.c - may a run go on from a checkpoint: are the settings that define the bits the same? */
#include <stdio.h>
#include <string.h>

#include "train/settings.h"

/* How to ask for a value: a flag has none. */
static failure advice(const setting *row, const char *value)
{
    failure m;
    if (row->value_name)
        snprintf(m.text, sizeof m.text, "give --%s='%.200s'", row->name, value);
    else
        snprintf(m.text, sizeof m.text, strcmp(value, "yes") == 0 ? "give --%s" : "leave --%s out",
                 row->name);
    return m;
}

static status match_row(const settings *now, const settings *stored, const setting *row,
                        failure *why)
{
    char here[SETTINGS_TEXT], there[SETTINGS_TEXT];
    settings_value(now, row, here);
    settings_value(stored, row, there);
    if (strcmp(here, there) == 0) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--%s is %.200s, but the checkpoint was made with %.200s%s: %.250s, or start a new "
                "run",
                row->name, here[0] ? here : "not set", there[0] ? there : "not set",
                row->role == SETTING_BITS ? "" : ", over which its schedule is stretched",
                advice(row, there).text);
}

/* First the rows that always define bits: one of them is the schedule, which decides whether the others do. */
status settings_match(const settings *now, const char *stored_json, failure *why)
{
    int rows;
    const setting *table = settings_table(&rows);
    settings stored = settings_default();
    status code = settings_from_json(&stored, stored_json, why);
    for (const setting *row = table; !code && row < table + rows; row++)
        if (row->role == SETTING_BITS) code = match_row(now, &stored, row, why);
    for (const setting *row = table; !code && row < table + rows; row++)
        if (row->role != SETTING_BITS && settings_role(now, row) == SETTING_BITS)
            code = match_row(now, &stored, row, why);
    return code;
}
