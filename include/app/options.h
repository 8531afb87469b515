/* options.h - the command line: commands, options, help.                               layer: app
 *
 *   mnist_dist [COMMAND] [OPTION...] [PATH]      COMMAND is train when omitted
 *
 * A command takes rows of settings_table and a few options of its own; glibc's argp parses and formats them. Every rank
 * parses the same line before MPI starts, so all of them know of a mistake without talking.
 *
 * Threads: one.   Collective: no.   Prints: only options_print_help.   Test: tests/unit/app_options.c, tests/e2e/cli.sh
 */
#ifndef MNIST_DIST_APP_OPTIONS_H
#define MNIST_DIST_APP_OPTIONS_H

#include <stdio.h>

#include "io/checkpoint.h"
#include "train/settings.h"

struct app;

/* Options that are no settings of a run; a command's set of them is a sum. */
typedef enum option_extra {
    EXTRA_CONFIG = 1,
    EXTRA_RECIPE = 2,
    EXTRA_DRY_RUN = 4,
    EXTRA_QUIET = 8,
    EXTRA_VERBOSE = 16,
    EXTRA_JSON = 32,
    EXTRA_WHICH = 64,
    EXTRA_FORMAT = 128,
    EXTRA_FORCE = 256,
    EXTRA_FILE = 512,
    EXTRA_INFERENCE = 1024,
    EXTRA_KERNEL = 2048
} option_extra;

typedef enum command_place {
    COMMAND_ALONE, /* rank 0 does it without the others, and without MPI */
    COMMAND_RANKS  /* all ranks together */
} command_place;

typedef struct command {
    const char *name;
    const char *operand; /* in --help: "PATH", or NULL: takes none */
    const char *summary; /* a line in the list of commands         */
    const char *rows;    /* settings it takes, between blanks: " model data "; NULL: all */
    int extras;
    command_place place;
    status (*run)(struct app *a, message *why);
    const char *more; /* in --help: further operands, "[IMAGE...]"; NULL: none */
} command;

/* All commands, train first. */
const command *options_commands(int *count);

typedef enum options_ask { ASK_NOTHING, ASK_HELP, ASK_USAGE, ASK_VERSION } options_ask;

enum { OPTIONS_MAX_CHOICES = 64 };

/* A setting as it was given on the command line; borrows argv. */
typedef struct choice {
    const char *name, *value;
} choice;

typedef enum output_format { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON } output_format;

typedef struct options {
    const command *command;
    options_ask ask;
    settings cfg; /* defaults, then --config or --recipe, then the command line; not yet resolved */
    int choices;
    choice choice[OPTIONS_MAX_CHOICES];
    const char *operand, *config, *recipe, *kernel; /* NULL: not given */
    int dry_run, verbosity;                         /* verbosity: -1 quiet, 0, 1 verbose */
    const char **more;                              /* operands behind the first */
    int more_count;
    int json, force, inference;
    output_format format;
    checkpoint_role which;
    int which_given;
} options;

/* STATUS_USAGE with the nearest known word; the status of reading --config. o->command is always set. */
status options_parse(int argc, char **argv, options *o, message *why);

/* Sets in s what was given on the command line, and only that. */
status options_apply(const options *o, settings *s, message *why);

/* 1 if the setting was given on the command line. */
int options_given(const options *o, const char *name);

void options_print_help(const options *o, FILE *out);

#endif
