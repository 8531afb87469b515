/* text_buffer.h - a text that grows, for files and failures that are built whole.        room: base
 *
 * Threads: one buffer, one thread.   Collective: no.   Test: tests/unit/base_text_buffer.c
 */
#ifndef MNIST_DIST_BASE_TEXT_BUFFER_H
#define MNIST_DIST_BASE_TEXT_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

/* {0} is an empty buffer. text: `length` characters and a 0, or NULL before the first addition; the buffer owns it. */
typedef struct text_buffer {
    char *text;
    size_t length; /* characters, without the 0 */
    size_t size;   /* bytes of memory           */
} text_buffer;

/* Appends what printf would print. The text may move. */
void text_buffer_add(text_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with a list of values. */
void text_buffer_add_list(text_buffer *b, const char *format, va_list values)
    __attribute__((format(printf, 2, 0)));

/* Appends bytes, which may hold zeros. */
void text_buffer_add_bytes(text_buffer *b, const char *bytes, size_t count);

/* Which control characters of a text stay as they are. */
typedef enum text_lines {
    TEXT_LINES,   /* newline and tab */
    TEXT_ONE_LINE /* none            */
} text_lines;

/* Appends a text from outside (a file name, a string of a file) as a terminal may show it: control characters (C0, C1, DEL)
 * and bytes that are not UTF-8 become \x1b, two digits for each byte. */
void text_buffer_add_visible(text_buffer *b, const char *text, text_lines lines);

/* Appends a word for bash: as it is, or in quotes where it has characters that bash would interpret. */
void text_buffer_add_word(text_buffer *b, const char *word);

/* Frees the text; the buffer is empty again. */
void text_buffer_free(text_buffer *b);

#endif
