/* train/settings_json.c - settings as JSON, in the table's order, and back. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text_buffer.h"
#include "io/json.h"
#include "train/settings.h"

/* A text can be a path, which need not be UTF-8. */
static void add_text(text_buffer *out, const char *text)
{
    char *quoted = json_to_text(json_path(text), JSON_ONE_LINE, 17);
    text_buffer_add(out, "%s", quoted);
    memory_free(quoted);
}

/* Numbers are written by settings_value, with as few digits as give the same number back. jansson writes another text for the
 * same number, and checkpoints, which hold this text, would have other bytes. */
char *settings_to_json(const settings *s, setting_role most)
{
    int rows;
    const setting *table = settings_table(&rows);
    text_buffer out = {0};
    const char *separator = "{\n";
    for (const setting *row = table; row < table + rows; row++) {
        char value[SETTINGS_TEXT];
        settings_value(s, row, value);
        int is_text = row->type == SETTING_TEXT || row->type == SETTING_CHOICE;
        if (settings_role(s, row) > most || (!is_text && !value[0])) continue;
        text_buffer_add(&out, "%s  \"%s\": ", separator, row->name);
        if (is_text)
            add_text(&out, value);
        else
            text_buffer_add(&out, "%s", value);
        separator = ",\n";
    }
    text_buffer_add(&out, "\n}\n");
    return out.text;
}

static status set_from(settings *s, const char *key, const json_t *value, failure *why)
{
    char number[64], text[SETTINGS_TEXT];
    if (strcmp(key, SETTINGS_DATASET) == 0 && json_is_object(value)) return STATUS_OK;
    if (json_is_string(value)) {
        const char *words = json_string_value(value);
        return settings_set(s, key, json_path_bytes(words, text, sizeof text) ? text : words, why);
    }
    if (json_is_integer(value))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, sizeof number, "%.17g", json_real_value(value));
    else
        return fail(why, STATUS_USAGE, "configuration: \"%s\" is neither a text nor a number", key);
    return settings_set(s, key, number, why);
}

status settings_from_json(settings *s, const char *json, failure *why)
{
    json_error_t error;
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        const char *what = object ? "not an object" : error.text;
        json_decref(object);
        return fail(why, STATUS_USAGE, "configuration: no JSON object: %.200s", what);
    }
    status code = STATUS_OK;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!code) code = set_from(s, key, value, why);
    }
    json_decref(object);
    return code;
}
