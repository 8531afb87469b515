/* base/text.c - numbers and names as users write them. */
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WORD = 48 };

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits between two words: insert, delete, replace, swap neighbours (optimal string alignment). */
static int distance(const char *a, const char *b)
{
    int d[LONGEST_WORD + 1][LONGEST_WORD + 1];
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > LONGEST_WORD || m > LONGEST_WORD) return LONGEST_WORD;
    for (int i = 0; i <= n; i++) d[i][0] = i;
    for (int j = 0; j <= m; j++) d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
                           d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            int swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < d[i][j]) d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[n][m];
}

/* 1 if at most a third of the letters differ. */
static int is_near(const char *word, const char *name)
{
    size_t longer = strlen(word) > strlen(name) ? strlen(word) : strlen(name);
    return distance(word, name) * 3 <= (int)longer + 1;
}

/* Cuts the next part of a name, up to '_' or '-': 0 behind the last one. */
static int next_part(const char **at, char *part)
{
    size_t length = strcspn(*at, "_-");
    if (!**at) return 0;
    snprintf(part, LONGEST_WORD, "%.*s", (int)length, *at);
    *at += length + ((*at)[length] != 0);
    return 1;
}

/* 1 if each part of the name is near: test_accuracy is not near to val_accuracy, which is another quantity. Two letters or
 * signs may be lost in all: batchsize. */
static int is_same_quantity(const char *word, const char *name)
{
    char a[LONGEST_WORD], b[LONGEST_WORD];
    if (distance(word, name) <= 2) return 1;
    for (;;) {
        int more = next_part(&word, a), others = next_part(&name, b);
        if (!more || !others) return more == others;
        if (!is_near(a, b)) return 0;
    }
}

const char *text_nearest(const char *word, const char *const *names, int count)
{
    const char *nearest = NULL;
    int best = LONGEST_WORD;
    for (int i = 0; i < count; i++) {
        int edits = distance(word, names[i]);
        if (edits < best && is_near(word, names[i]) && is_same_quantity(word, names[i]))
            best = edits, nearest = names[i];
    }
    return nearest;
}

int text_same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(strchr("_-", *a) && strchr("_-", *b))) return 0;
    return *a == *b;
}

int text_index(const char *word, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(word, names[i]) == 0) return i;
    return -1;
}

text_hint text_suggest(const char *word, const char *const *names, int count)
{
    text_hint hint;
    const size_t room = sizeof hint.text - sizeof ", ...";
    const char *near = text_nearest(word, names, count);
    size_t used = near ? (size_t)snprintf(hint.text, room, "; did you mean '%s'? Known are", near)
                       : (size_t)snprintf(hint.text, room, "; known are");
    for (int i = 0; i < count; i++) {
        const char *separator = i ? ", " : " ";
        if (used + strlen(separator) + strlen(names[i]) >= room) {
            snprintf(hint.text + used, sizeof hint.text - used, "%s...", separator);
            break;
        }
        used += (size_t)snprintf(hint.text + used, room - used, "%s%s", separator, names[i]);
    }
    return hint;
}

/* strtol and strtod would skip blanks and take a plus sign, "inf" and "nan". */
static int starts_a_number(const char *text)
{
    if (*text == '-') text++;
    return *text == '.' || (*text >= '0' && *text <= '9');
}

int text_to_int(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (end == text || *end || errno || !starts_a_number(text)) return 0;
    *value = parsed;
    return 1;
}

int text_to_double(const char *text, double *value)
{
    char *end;
    errno = 0;
    double parsed = strtod(text, &end);
    if (end == text || *end || errno || !starts_a_number(text) || !isfinite(parsed)) return 0;
    *value = parsed;
    return 1;
}

static int is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

/* Two digits below 60, behind a colon. */
static int take_sixtieth(const char **at, double *seconds)
{
    const char *text = *at;
    if (text[0] != ':' || !is_digit(text[1]) || !is_digit(text[2]) || text[1] > '5') return 0;
    *seconds = 60 * *seconds + 10 * (text[1] - '0') + (text[2] - '0');
    *at += 3;
    return 1;
}

/* MM:SS, HH:MM:SS, D-HH:MM:SS; the first number has any size; hours behind days are below 24. */
static int clock_to_duration(const char *text, double *seconds)
{
    char *end;
    if (!is_digit(*text)) return 0;
    double first = (double)strtoll(text, &end, 10), days = 0;
    const char *at = end;
    if (*at == '-') {
        if (!is_digit(at[1])) return 0;
        days = first;
        first = (double)strtoll(at + 1, &end, 10);
        at = end;
        if (first > 23) return 0;
    }
    int sixtieths = take_sixtieth(&at, &first);
    sixtieths += sixtieths && take_sixtieth(&at, &first);
    if (*at || sixtieths == 0 || (days > 0 && sixtieths != 2)) return 0;
    *seconds = days * 86400 + first;
    return 1;
}

int text_to_duration(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits + (text[digits] == ' ');
    char number[32];
    double count;
    if (strcmp(text, "0") == 0) return *seconds = 0, 1;
    snprintf(number, sizeof number, "%.*s", (int)(digits < 31 ? digits : 31), text);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].name) == 0 && digits < 31 && text_to_double(number, &count))
            return *seconds = count * units[i].seconds, 1;
    return clock_to_duration(text, seconds);
}

text_number text_duration(double seconds)
{
    text_number out;
    int64_t s = seconds > 0 && seconds < 9e15 ? (int64_t)seconds : 0, m = s / 60, h = m / 60;
    int minutes = (int)(m % 60), rest = (int)(s % 60);
    if (s < 3600 && (s < 120 || rest))
        snprintf(out.text, sizeof out.text, "%llds", (long long)s);
    else if (s < 3600)
        snprintf(out.text, sizeof out.text, "%lldmin", (long long)m);
    else if (h < 24)
        snprintf(out.text, sizeof out.text, "%lld:%02d:%02d", (long long)h, minutes, rest);
    else
        snprintf(out.text, sizeof out.text, "%lld-%02d:%02d:%02d", (long long)(h / 24),
                 (int)(h % 24), minutes, rest);
    return out;
}

text_number text_thousands(int64_t value)
{
    char digits[24];
    text_number out;
    int n = snprintf(digits, sizeof digits, "%lld", (long long)value), o = 0;
    for (int i = 0; i < n; i++) {
        out.text[o++] = digits[i];
        int left = n - 1 - i;
        if (left && left % 3 == 0 && digits[i] != '-') out.text[o++] = ',';
    }
    out.text[o] = 0;
    return out;
}

size_t text_character(const char *at)
{
    /* by the length: bits of the first byte that say it, and the lowest code point, below which a shorter form exists */
    static const struct {
        unsigned mask, head, lowest;
    } form[] = {{0x80, 0, 1}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    const unsigned char *byte = (const unsigned char *)at;
    size_t more = 0;
    while (more < 4 && (byte[0] & form[more].mask) != form[more].head) more++;
    if (more == 4) return 0;
    unsigned code = byte[0] & ~form[more].mask;
    for (size_t i = 1; i <= more; i++) {
        if ((byte[i] & 0xc0) != 0x80) return 0; /* also at the end of the text */
        code = code << 6 | (byte[i] & 0x3f);
    }
    int is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < form[more].lowest || is_surrogate || code > 0x10ffff ? 0 : more + 1;
}

void text_cut(const char *text, char *out, size_t size)
{
    size_t used = 0, length;
    for (; text[used]; used += length) {
        length = text_character(text + used);
        if (length == 0) length = 1;
        if (used + length >= size) break;
    }
    memcpy(out, text, used);
    out[used] = 0;
}

void text_hex(const unsigned char *bytes, size_t count, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *out++ = digit[bytes[i] >> 4];
        *out++ = digit[bytes[i] & 15];
    }
    *out = 0;
}
