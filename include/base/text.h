/* text.h - numbers and names as users write them.                                    room: base
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: none.   Test: tests/unit/base_text.c
 */
#ifndef MNIST_DIST_BASE_TEXT_H
#define MNIST_DIST_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The known name nearest to `word` (Damerau-Levenshtein distance, at most a third of the longer word's letters, in each part
 * between '_' and '-' too), or NULL where none is near. names: `count` strings. */
const char *text_nearest(const char *word, const char *const *names, int count);

/* 1 if the names are equal, where '_' is the same as '-': batch_size and batch-size. */
int text_same_name(const char *a, const char *b);

/* The index of `word` in names, or -1. */
int text_index(const char *word, const char *const *names, int count);

/* What follows "unknown" in a failure: "; did you mean 'adam'? Known are sgd, momentum, adam", the question only where a
 * name is near. Names beyond the text's size are left out, with "..." at the end. */
typedef struct text_hint {
    char text[640];
} text_hint;
text_hint text_suggest(const char *word, const char *const *names, int count);

/* Whole-string conversions: 1 and *value on success, 0 when `text` is empty, has anything left over, is out of range, or
 * (double) is not finite. Integers are decimal. */
int text_to_int(const char *text, int64_t *value);
int text_to_double(const char *text, double *value);

/* A duration in seconds, likewise: "90s", "10min", "2h", "1d", "0.5s", "0", or "MM:SS", "HH:MM:SS", "D-HH:MM:SS" as SLURM
 * writes them. A number without a unit is refused, except 0. */
int text_to_duration(const char *text, double *seconds);
typedef struct text_number {
    char text[32];
} text_number;
/* 54000 -> "54,000". */
text_number text_thousands(int64_t value);
/* Whole seconds as text_to_duration takes them: 60 -> "60s", 600 -> "10min", 7200 -> "2:00:00", 100000 -> "1-03:46:40". */
text_number text_duration(double seconds);

/* Bytes of the UTF-8 character that begins here, 1 to 4, by RFC 3629; 0 at the end of the text, and where none begins. */
size_t text_character(const char *at);

/* The beginning of `text`, at most size - 1 bytes, into out[size]. It is cut between characters; a byte that is not UTF-8
 * counts as one. */
void text_cut(const char *text, char *out, size_t size);

/* Hexadecimal of bytes, most significant first: out receives 2 * bytes characters and a 0. */
void text_hex(const unsigned char *bytes, size_t count, char *out);

#endif
