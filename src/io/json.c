/* io/json.c - JSON values as text, through jansson. */
#include "io/json.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "base/text_buffer.h"

enum { INDENT = 2, SHORT_TEXT = 512 };

char *json_to_text(json_t *value, json_layout layout, int digits)
{
    CHECK(value, "%s", "a value does not fit into JSON");
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION((size_t)digits);
    flags |= layout == JSON_ONE_LINE ? JSON_COMPACT : JSON_INDENT(INDENT);
    char short_text[SHORT_TEXT]; /* most texts fit, and are written once */
    size_t length = json_dumpb(value, short_text, sizeof short_text, flags);
    CHECK(length > 0, "%s", "a value has no JSON text");
    char *text = memory_take(length + 1); /* zeroed: the last 0 is there */
    if (length <= sizeof short_text)
        memcpy(text, short_text, length);
    else
        json_dumpb(value, text, length, flags);
    json_decref(value);
    return text;
}

json_t *json_real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

double json_real_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

int64_t json_whole_of(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* ---- paths ---- */

/* The value of a hexadecimal digit, or -1. */
static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    int value = at ? (int)(at - digits) : -1;
    return value < 16 ? value : value - 6;
}

/* 1 if "%" and two hexadecimal digits stand here. */
static int is_escape(const char *at)
{
    return at[0] == '%' && digit_of(at[1]) >= 0 && digit_of(at[2]) >= 0;
}

json_t *json_path(const char *path)
{
    text_buffer text = {0};
    for (size_t length; *path; path += length) {
        length = text_character(path);
        int stays = length > 0 && !is_escape(path);
        if (length == 0) length = 1;
        if (stays)
            text_buffer_add(&text, "%.*s", (int)length, path);
        else
            text_buffer_add(&text, "%%%02X", (unsigned)(unsigned char)*path);
    }
    json_t *value = json_string(text.text ? text.text : "");
    text_buffer_free(&text);
    CHECK(value, "%s", "a path has no JSON text");
    return value;
}

int json_path_bytes(const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (; *text && used + 1 < size; used++) {
        int escape = is_escape(text);
        out[used] = escape ? (char)(digit_of(text[1]) << 4 | digit_of(text[2])) : *text;
        if (!out[used]) return 0;
        text += escape ? 3 : 1;
    }
    out[used] = 0;
    return !*text;
}
