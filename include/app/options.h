/* options.h - the command line: commands, options, help.                               room: app
 *
 *   mnist_dist [COMMAND] [OPTION...] [PATH...]      COMMAND is train if it is left out
 *
 * A command takes rows of settings_table (train/settings.h) and rows of the table in src/app/options_rows.c; glibc's argp
 * reads the words and formats the help. Every rank reads its line before MPI starts; all of them learn of a mistake in
 * launch_begin (app/launch.h).
 *
 * Memory: options_free frees it.   Threads: one.   Collective: no.   Prints: only options_print_help.
 * Test: tests/unit/app_options.c, tests/e2e/cli.sh
 */
#ifndef MNIST_DIST_APP_OPTIONS_H
#define MNIST_DIST_APP_OPTIONS_H

#include <stdio.h>

#include "app/choices.h"
#include "base/arena.h"
#include "io/checkpoint.h"

struct app;

typedef enum command_place {
    COMMAND_ALONE,   /* on rank 0, without MPI                                               */
    COMMAND_RANKS,   /* on all ranks                                                         */
    COMMAND_TRAINING /* on all ranks; signals and a time limit stop it with a checkpoint     */
} command_place;

typedef struct command {
    const char *name;
    const char *operands; /* in --help: "PATH [IMAGE...]"; NULL: takes none            */
    int least, most;      /* number of operands                                        */
    const char *summary;  /* one line, for the list of commands                        */
    const char *settings; /* names of the settings it takes, " model data "; NULL: all */
    const char *options;  /* names of rows of options_rows.c, likewise; NULL: none      */
    int settings_of_path; /* 1: settings that are not given are those of PATH          */
    command_place place;
    status (*run)(struct app *a, failure *why); /* NULL: the command help */

    /* Texts of --help. */
    const char *about;        /* sentences                                            */
    const char *operands_are; /* a sentence, "PATH is a run directory ..."; or NULL   */
    const char *examples;     /* lines, with their heading                            */
} command;

/* All commands, train first. */
const command *options_commands(int *count);

typedef enum options_ask {
    ASK_NOTHING,
    ASK_OVERVIEW, /* --help without a command: one screen */
    ASK_HELP,     /* of the command                       */
    ASK_USAGE,
    ASK_VERSION
} options_ask;

typedef enum output_format { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON } output_format;

typedef struct options {
    const command *command;
    int ask;        /* options_ask                                                          */
    settings cfg;   /* defaults, then --config or --recipe, then `chosen`; not yet resolved */
    choices chosen; /* settings of the command line                                         */
    int operands;
    const char **operand;                        /* [operands]; the texts are borrowed from argv */
    arena memory;                                /* of words that are not those of argv          */
    const char *config, *recipe, *kernel, *file; /* NULL: not given; file: --out of export       */
    const char *trace;                           /* folder of --write-trace, or NULL */
    int dry_run, json, force, inference, as_is, per_rank; /* 1: given                         */
    int ranks, hosts; /* of --dry-run and --write-trace; 0: those of this start */
    int verbosity;    /* -1: --quiet, 0, 1: --verbose                 */
    int format;       /* output_format                                */
    int which;        /* checkpoint_role; -1: not given               */
} options;

/* Reads the command line into *o. o->command is set after an error too. Errors: STATUS_USAGE, with the nearest known word or
 * with what to write instead; --config: as file_read_whole. */
status options_parse(int argc, char **argv, options *o, failure *why);

/* Frees what options_parse has taken, after an error too. */
void options_free(options *o);

/* Which weights of a run directory to take: --which, else the last. */
static inline checkpoint_role options_which(const options *o)
{
    return o->which < 0 ? CHECKPOINT_LAST : (checkpoint_role)o->which;
}

/* Prints the help that o->ask asks for (not ASK_VERSION), at most 80 columns wide. */
void options_print_help(const options *o, FILE *out);

#endif
