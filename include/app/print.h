/* print.h - texts that several commands print.                                         room: app
 *
 * Rank 0 alone calls these functions.   Threads: one.   Collective: no.   Errors: none.   Test: tests/unit/app_print.c
 */
#ifndef MNIST_DIST_APP_PRINT_H
#define MNIST_DIST_APP_PRINT_H

#include <stdio.h>

#include "app/app.h"
#include "io/json.h"
#include "train/trainer.h"

/* All output that can hold texts from outside goes through these functions. Newlines and tabs stay; other control characters
 * and bytes that are not UTF-8 are printed as \x1b (text_buffer_add_visible). print_out prints on stdout. */
void print_to(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void print_out(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A text as it is; on a terminal as print_out. For formats in which names keep their bytes. */
void print_field(const char *text);

/* Takes over the name by which the program was called, argv[0]. */
void print_set_program(const char *name);
/* That name as a word for bash; "mnist_dist" before print_set_program. */
const char *print_program(void);

/* 1 if the user's locale has UTF-8. */
int print_has_utf8(void);

/* "mnist_dist: TEXT" on stderr. */
void print_failure(const failure *why);
/* "note   TEXT" on stdout. */
void print_note(const char *text);

/* The contents of the first screen of a training. Borrows all of it. */
typedef struct screen {
    const settings *cfg;
    const char *data_name, *data_note, *data_remark; /* note and remark "": none */
    const char *isa;                                 /* of the session */
    int train, validation, test;                     /* images */
    const model *m;
    int steps;          /* of an epoch                                  */
    const char *run;    /* the run directory                            */
    int64_t first_step; /* steps that a resumed run has done already; 0: a new run */
} screen;
void print_screen(const app *a, const screen *s);
/* The screen of a session that is open. */
screen print_screen_of(const session *s, const char *run_folder, int64_t first_step);

/* "1 host, 8 ranks x 1 thread on 2 cores (oversubscribed: waiting ranks sleep)", into out[size]. */
void print_layout(const app *a, char *out, size_t size);

/* Prints the last lines of a training; with --quiet the first of them. */
void print_result(const app *a, const session *s, const train_result *r, const char *run_folder);

/* 0.98712 with 4 digits -> "0.9871"; "-" if the value is not finite. */
typedef struct print_number {
    char text[32];
} print_number;
print_number print_fixed(double value, int digits);
/* Prints a value as JSON in one line on standard output, reals with 9 digits, and `end` behind it. Takes over the value. */
void print_json(json_t *value, const char *end);
/* A new JSON text of the name of a file, a model or a data set: json_path of io/json.h. */
json_t *print_json_text(const char *text);

/* 123456789 -> "117.7 MiB". */
print_number print_bytes(double bytes);

#endif
