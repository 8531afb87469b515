/* options_private.h - the options of a command, as the files options*.c share them.        private to src/app
 *
 *   options.c -> options_mistake.c -> options_rows.c          options_help.c -> options_rows.c
 */
#ifndef MNIST_DIST_APP_OPTIONS_PRIVATE_H
#define MNIST_DIST_APP_OPTIONS_PRIVATE_H

#include <argp.h>

#include "app/options.h"
#include "base/text_buffer.h"

enum {
    OPTIONS_OF_ALL = 3, /* rows of the table that belong to every command */
    OPTIONS_MOST = 80,
    OPTIONS_FIRST_KEY = 300,    /* of argp's keys that are no letters        */
    OPTIONS_LAST_GROUP = GROUPS /* behind all headings: help, usage, version */
};

/* An option that is no setting of a run. */
typedef struct option_row {
    const char *name;
    int letter;             /* the short option, or 0 */
    int group;              /* setting_group, or OPTIONS_LAST_GROUP             */
    const char *value_name; /* in --help; "{}": the words; NULL: takes no value */
    const char *help;       /* in --help; "{}" stands for the words             */
    const char *otherwise;  /* in --help: the default; NULL: none               */
    size_t offset;          /* of its place in options                          */
    /* Writes the text to its place. */
    status (*take)(void *place, const struct option_row *row, const char *text, failure *why);
    int value;                       /* what an option without a value writes     */
    const char *const *words;        /* allowed words, then NULL                  */
    const char *(*known)(int index); /* names that exist, NULL past the last      */
} option_row;

/* What one of a command's options does: it gives a setting its text (or `value`), or it is a row of the table. */
typedef struct option_meaning {
    const setting *set;
    const char *value; /* of an option without a value: what it sets */
    const option_row *row;
    int group; /* setting_group, or OPTIONS_LAST_GROUP */
} option_meaning;

/* The options of a command in the form of argp, without headings and texts between them. */
typedef struct option_list {
    int count;
    struct argp_option argp[OPTIONS_MOST]; /* ends with a row of zeros */
    option_meaning meaning[OPTIONS_MOST];
} option_list;

void options_collect(const command *c, option_list *list);

/* 1 if the command takes the option or alias of this name. */
int options_takes(const command *c, const char *name);

/* 1 if this is the name of an option, before its end or '='; '_' counts as '-'. */
int options_is_name(const option_list *list, const char *word);

/* The option of argp's key, or NULL. */
const option_meaning *options_of_key(const option_list *list, int key);

/* Appends a name and a value, each with a 0 behind it. */
void options_add_pair(text_buffer *out, const char *name, const char *value);

/* Appends a pair for each option of the command that is no setting; except --config and --recipe, which are in the settings,
 * and the options of all commands, which are in `ask`. */
void options_add_rows(const options *o, text_buffer *out);

/* A word that the option's value can be or begin with; NULL past the last. */
const char *options_word(const option_meaning *m, int index);

/* STATUS_USAGE for "-epochs", a long option with one dash, which argp would take for letters. */
status options_check_dashes(const option_list *list, int argc, char **argv, failure *why);

/* STATUS_USAGE, and why argp refused this line: which option is unknown, lacks its value or has one too many. */
status options_diagnose(const command *c, const option_list *list, int argc, char **argv,
                        failure *why);

/* STATUS_USAGE for a first word that is no command. */
status options_unknown_command(const char *word, failure *why);

#endif
