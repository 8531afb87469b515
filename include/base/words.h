/* words.h - option texts as words: "shift 2; rotate 10", "one-cycle 0.3 25 1e4", "2 epochs".    room: base
 *
 * A text consists of phrases with ';' between them; a phrase consists of words with blanks between them. A reader cuts a
 * phrase with words_cut and takes its words from the left. Every refusal names the option, the phrase and the word:
 *
 *   --schedule='step 0 0.5': word 2, '0': must be a length above 0: 2, 2epochs or 500steps
 *
 * Threads: any, each with words of its own.   Collective: no.   Memory: none; `option` is borrowed.
 * Errors: STATUS_USAGE.   Test: tests/unit/base_words.c
 */
#ifndef MNIST_DIST_BASE_WORDS_H
#define MNIST_DIST_BASE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What other programs write between layers, words or numbers. No word that an option takes has one of them. */
#define WORDS_FOREIGN_SIGNS ",|/:&>()[]"

enum { WORDS_MOST = 12, WORDS_LENGTH = 40, WORDS_PHRASE = 160 };

typedef struct words {
    const char *option;        /* without its dashes */
    char phrase[WORDS_PHRASE]; /* for failures; a longer one is cut */
    int count, next;
    char word[WORDS_MOST][WORDS_LENGTH];
} words;

/* The next phrase of a text that is not blank: 1, with *length characters from *phrase on, without blanks at its ends, and
 * *at behind its ';'. 0 where the text ends. *at: the text, or what the call before left. */
int words_next_phrase(const char **at, const char **phrase, size_t *length);

/* Cuts a phrase of `length` characters. Refused: more than WORDS_MOST words, a word of WORDS_LENGTH characters or more. */
status words_cut(words *w, const char *option, const char *phrase, size_t length, failure *why);

/* The next word, "" behind the last one. */
const char *words_peek(const words *w);

/* Takes the next word if it is this one: 1, else 0. */
int words_accept(words *w, const char *word);

/* Refuses the next word: returns STATUS_USAGE with the place and the formatted reason. */
status words_refuse(const words *w, failure *why, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the next word as a number from `low` to `high`, both included. `must`: what the word must be, for the failure:
 * "must be a number from 0 to 1". A missing word is refused too. */
status words_take_real(words *w, const char *must, double low, double high, double *value,
                       failure *why);
status words_take_int(words *w, const char *must, int64_t low, int64_t high, int64_t *value,
                      failure *why);

typedef enum words_unit { WORDS_EPOCHS, WORDS_STEPS } words_unit;

/* A length of training: a number of epochs or of optimiser steps. */
typedef struct words_length {
    int64_t count;
    words_unit unit;
} words_length;

/* Takes "2", "2epochs", "500steps", or a number and its unit as two words; the unit is epochs if it is missing. `low` is
 * the least count that is allowed, 0 or 1. */
status words_take_length(words *w, int64_t low, words_length *length, failure *why);

/* STATUS_OK if all words are taken; else the next one is refused. form: how the phrase is written, for the failure. */
status words_end(const words *w, const char *form, failure *why);

#endif
