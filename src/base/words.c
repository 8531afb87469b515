/* base/words.c - option texts cut into words. */
#include "base/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define BLANKS " \t\n"

int words_next_phrase(const char **at, const char **phrase, size_t *length)
{
    while (**at) {
        const char *begin = *at + strspn(*at, BLANKS), *end = begin + strcspn(begin, ";");
        *at = end + (*end == ';');
        while (end > begin && strchr(BLANKS, end[-1])) end--;
        if (end == begin) continue;
        *phrase = begin;
        *length = (size_t)(end - begin);
        return 1;
    }
    return 0;
}

status words_cut(words *w, const char *option, const char *phrase, size_t length, failure *why)
{
    const char *end = phrase + length;
    memset(w, 0, sizeof *w);
    w->option = option;
    snprintf(w->phrase, sizeof w->phrase, "%.*s",
             length < WORDS_PHRASE ? (int)length : WORDS_PHRASE, phrase);
    for (const char *at = phrase; at < end;) {
        size_t blanks = strspn(at, BLANKS), letters = strcspn(at + blanks, BLANKS);
        at += blanks;
        if (at >= end) break;
        if (letters > (size_t)(end - at)) letters = (size_t)(end - at);
        if (w->count == WORDS_MOST || letters >= WORDS_LENGTH)
            return fail(why, STATUS_USAGE, "--%s='%s': too long at word %d, '%.*s'", option,
                        w->phrase, w->count + 1,
                        letters < WORDS_LENGTH ? (int)letters : WORDS_LENGTH, at);
        memcpy(w->word[w->count++], at, letters);
        at += letters;
    }
    return STATUS_OK;
}

const char *words_peek(const words *w)
{
    return w->next < w->count ? w->word[w->next] : "";
}

int words_accept(words *w, const char *word)
{
    if (w->next == w->count || strcmp(words_peek(w), word) != 0) return 0;
    w->next++;
    return 1;
}

/* What is wrong where a word has a sign that other programs write between layers or numbers; NULL: it has none. */
static const char *wrong_sign(const words *w)
{
    const char *word = words_peek(w);
    if (strpbrk(word, "()[]"))
        return "without brackets: write blanks between a word and its numbers";
    if (!strpbrk(word, WORDS_FOREIGN_SIGNS) && strcmp(word, "+") != 0) return NULL;
    if (strcmp(w->option, "model") == 0)
        return "the separator of layers is ';', that of words a blank";
    if (strcmp(w->option, "augment") == 0) return "the separator is ';', that of words a blank";
    return "the separator of words is a blank";
}

status words_refuse(const words *w, failure *why, const char *reason, ...)
{
    failure text;
    const char *sign = wrong_sign(w);
    if (sign)
        return fail(why, STATUS_USAGE, "--%s='%s': word %d, '%s': %s", w->option, w->phrase,
                    w->next + 1, words_peek(w), sign);
    va_list values;
    va_start(values, reason);
    vsnprintf(text.text, sizeof text.text, reason, values);
    va_end(values);
    return fail(why, STATUS_USAGE, "--%s='%s': word %d, '%s': %.700s", w->option, w->phrase,
                w->next + 1, words_peek(w), text.text);
}

status words_take_real(words *w, const char *must, double low, double high, double *value,
                       failure *why)
{
    double number;
    if (!text_to_double(words_peek(w), &number) || number < low || number > high)
        return words_refuse(w, why, "%s", must);
    *value = number;
    w->next++;
    return STATUS_OK;
}

status words_take_int(words *w, const char *must, int64_t low, int64_t high, int64_t *value,
                      failure *why)
{
    int64_t number;
    if (!text_to_int(words_peek(w), &number) || number < low || number > high)
        return words_refuse(w, why, "%s", must);
    *value = number;
    w->next++;
    return STATUS_OK;
}

static int is_unit(const char *word, words_unit *unit)
{
    static const struct {
        const char *word;
        words_unit unit;
    } known[] = {{"epoch", WORDS_EPOCHS},
                 {"epochs", WORDS_EPOCHS},
                 {"step", WORDS_STEPS},
                 {"steps", WORDS_STEPS}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(word, known[i].word) == 0) return *unit = known[i].unit, 1;
    return 0;
}

status words_take_length(words *w, int64_t low, words_length *length, failure *why)
{
    const char *word = words_peek(w);
    size_t digits = strspn(word, "0123456789");
    char number[WORDS_LENGTH];
    words_length read = {0, WORDS_EPOCHS};
    snprintf(number, sizeof number, "%.*s", (int)digits, word);
    if (!text_to_int(number, &read.count) || read.count < low || read.count > INT32_MAX ||
        (word[digits] && !is_unit(word + digits, &read.unit)))
        return words_refuse(w, why, "must be a length%s: 2, 2epochs or 500steps",
                            low > 0 ? " above 0" : "");
    w->next++;
    if (!word[digits] && is_unit(words_peek(w), &read.unit)) w->next++;
    *length = read;
    return STATUS_OK;
}

status words_end(const words *w, const char *form, failure *why)
{
    if (w->next == w->count) return STATUS_OK;
    return words_refuse(w, why, "one word too many; the form is %s", form);
}
