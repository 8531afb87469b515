/* base/text_buffer.c - a text that grows. */
#include "base/text_buffer.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum { FIRST_BYTES = 4096 };

/* Room for `more` letters and the 0: the text moves to twice the memory. */
static void make_room(text_buffer *b, size_t more)
{
    if (b->text && b->size - b->length > more) return;
    size_t size = b->size ? b->size : FIRST_BYTES;
    while (size - b->length <= more) size *= 2;
    char *text = memory_take(size);
    if (b->text) memcpy(text, b->text, b->length);
    memory_free(b->text);
    b->text = text;
    b->size = size;
}

void text_buffer_add_list(text_buffer *b, const char *format, va_list values)
{
    va_list again;
    va_copy(again, values);
    make_room(b, 0);
    int need = vsnprintf(b->text + b->length, b->size - b->length, format, values);
    CHECK(need >= 0, "format %s", format);
    if ((size_t)need >= b->size - b->length) {
        make_room(b, (size_t)need);
        vsnprintf(b->text + b->length, b->size - b->length, format, again);
    }
    b->length += (size_t)need;
    va_end(again);
}

void text_buffer_add(text_buffer *b, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    text_buffer_add_list(b, format, values);
    va_end(values);
}

void text_buffer_add_bytes(text_buffer *b, const char *bytes, size_t count)
{
    make_room(b, count);
    memcpy(b->text + b->length, bytes, count);
    b->length += count;
    b->text[b->length] = 0;
}

/* Bytes of the character that a text begins with; 0 if it is no UTF-8, or a control character (C0, DEL, C1). */
static size_t character_of(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    int is_control = byte[0] < 0x20 || byte[0] == 0x7f || (byte[0] == 0xc2 && byte[1] < 0xa0);
    return is_control ? 0 : text_character(text);
}

void text_buffer_add_visible(text_buffer *b, const char *text, text_lines lines)
{
    for (const char *at = text; *at;) {
        size_t bytes = character_of(at);
        if (lines == TEXT_LINES && (*at == '\n' || *at == '\t')) bytes = 1;
        if (bytes)
            text_buffer_add_bytes(b, at, bytes);
        else
            text_buffer_add(b, "\\x%02x", (unsigned char)*at);
        at += bytes ? bytes : 1;
    }
}

/* A character in quotes: 'it'\''s'; what a terminal must not see: $'\x1b'. */
void text_buffer_add_word(text_buffer *b, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_@%+=:,./-";
    if (word[0] && !word[strspn(word, plain)]) {
        text_buffer_add(b, "%s", word);
        return;
    }
    text_buffer_add(b, "'");
    for (const char *at = word; *at;) {
        size_t bytes = character_of(at);
        if (*at == '\'')
            text_buffer_add(b, "'\\''");
        else if (bytes)
            text_buffer_add_bytes(b, at, bytes);
        else
            text_buffer_add(b, "'$'\\x%02x''", (unsigned char)*at);
        at += bytes ? bytes : 1;
    }
    text_buffer_add(b, "'");
}

void text_buffer_free(text_buffer *b)
{
    memory_free(b->text);
    *b = (text_buffer){0};
}
