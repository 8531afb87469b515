/* app/options.c - the command line, by glibc's argp and the table of settings. */
#include "app/options.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "io/file.h"
#include "options_private.h"
#include "train/recipe.h"

enum { CONFIG_BYTES = 1 << 20 };

static const struct argp_option extra_options[] = {
    {"config", KEY_CONFIG, "FILE", 0,
     "Settings of a RUN/config.json; options given beside it override", 0},
    {"recipe", KEY_RECIPE, "NAME", 0,
     "Tuned settings by name; options given beside it override. fast99: the CNN to 99 % on MNIST "
     "in the fewest seconds",
     0},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "Print data, model, memory and steps, and leave", 0},
    {"quiet", 'q', NULL, 0, "Print the result alone", 0},
    {"verbose", 'v', NULL, 0, "Print more", 0},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
    {"which", KEY_WHICH, "best|last", 0, "Weights of a run directory (best; of verify both)", 0},
    {"format", KEY_FORMAT, "FORMAT", 0,
     "text, csv or json; the latter two with all probabilities (text)", 0},
    {"force", KEY_FORCE, NULL, 0, "Replace FILE where it is there", 0},
    {"out", 'o', "FILE", 0, "The file to write: NAME.weights.h5 or NAME.keras", 0},
    {"inference", KEY_INFERENCE, NULL, 0,
     "Forward passes alone, batch after batch, instead of training steps", 0},
    {"kernel", KEY_KERNEL, "NAME", 0,
     "One kernel, or 'all', at the models' shapes, beside the limits that bound it; a JSON array",
     0},
};
enum { EXTRAS = sizeof extra_options / sizeof extra_options[0] };

static const struct argp_option ask_options[] = {
    {"help", 'h', NULL, 0, "Print this help", 0},
    {"usage", KEY_USAGE, NULL, 0, "Print a short usage", 0},
    {"version", KEY_VERSION, NULL, 0, "Print the program's and its libraries' versions", 0},
};

/* ---- the options of a command ---- */

static int takes_row(const command *c, const char *name)
{
    char word[64];
    snprintf(word, sizeof word, " %s ", name);
    return !c->rows || strstr(c->rows, word) != NULL;
}

static struct argp_option *add_row(struct argp_option *o, const setting *row, int number)
{
    *o++ = (struct argp_option){row->name,       row->letter ? row->letter : KEY_ROWS + number,
                                row->value_name, 0,
                                row->help,       2 * number + 1};
    if (!strcmp(row->name, "learning-rate"))
        *o++ = (struct argp_option){"lr", 0, NULL, OPTION_ALIAS, NULL, 0};
    if (!strcmp(row->name, "shuffle"))
        *o++ = (struct argp_option){
            "no-shuffle", KEY_NO_SHUFFLE, NULL, 0, "The same as --shuffle=no", 2 * number + 2};
    return o;
}

/* Each row is a group of its own, so that argp keeps the table's order. */
void options_build(const command *c, struct argp_option out[OPTIONS_MAX_ROWS])
{
    int rows;
    const setting *table = settings_table(&rows);
    struct argp_option *o = out;
    for (int i = 0; i < rows; i++)
        if (takes_row(c, table[i].name)) o = add_row(o, &table[i], i);
    for (int i = 0; i < EXTRAS; i++)
        if (c->extras & 1 << i) {
            *o = extra_options[i];
            o++->group = 2 * rows + 1 + i;
        }
    for (int i = 0; i < 3; i++) {
        *o = ask_options[i];
        o++->group = 2 * rows + EXTRAS + 1 + i;
    }
    CHECK(o - out < OPTIONS_MAX_ROWS, "%d options", (int)(o - out));
    *o = (struct argp_option){0};
}

/* ---- parsing ---- */

typedef struct parsing {
    options *o;
    message *why;
    status code;
} parsing;

static error_t refuse(parsing *p, status code)
{
    p->code = code;
    return EINVAL;
}

static error_t choose(parsing *p, const char *name, const char *value)
{
    options *o = p->o;
    if (o->choices == OPTIONS_MAX_CHOICES)
        return refuse(p, fail(p->why, STATUS_USAGE, "more than %d options", OPTIONS_MAX_CHOICES));
    o->choice[o->choices++] = (choice){name, value};
    return 0;
}

static error_t take_operand(parsing *p, const char *text)
{
    options *o = p->o;
    if (!o->command->operand)
        return refuse(p, fail(p->why, STATUS_USAGE,
                              "%s takes no operand '%s'; a command comes first, "
                              "an option begins with '-': see mnist_dist --help",
                              o->command->name, text));
    if (o->operand && o->command->more) {
        o->more[o->more_count++] = text;
        return 0;
    }
    if (o->operand)
        return refuse(p, fail(p->why, STATUS_USAGE, "%s takes one %s: '%s' is too many",
                              o->command->name, o->command->operand, text));
    o->operand = text;
    return 0;
}

static error_t take_which(parsing *p, const char *text)
{
    if (strcmp(text, "best") != 0 && strcmp(text, "last") != 0)
        return refuse(
            p, fail(p->why, STATUS_USAGE, "--which=%s: unknown; known are best, last", text));
    p->o->which = text[0] == 'l' ? CHECKPOINT_LAST : CHECKPOINT_BEST;
    p->o->which_given = 1;
    return 0;
}

static error_t take_format(parsing *p, const char *text)
{
    static const char *const words[] = {"text", "csv", "json"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, words[i]) == 0) {
            p->o->format = (output_format)i;
            return 0;
        }
    return refuse(
        p, fail(p->why, STATUS_USAGE, "--format=%s: unknown; known are text, csv, json", text));
}

static const char *row_of_key(int key)
{
    int rows;
    const setting *table = settings_table(&rows);
    if (key >= KEY_ROWS && key < KEY_ROWS + rows) return table[key - KEY_ROWS].name;
    for (int i = 0; i < rows; i++)
        if (table[i].letter && table[i].letter == key) return table[i].name;
    return NULL;
}

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    parsing *p = state->input;
    options *o = p->o;
    const char *row = row_of_key(key);
    if (row) return choose(p, row, argument ? argument : "yes");
    switch (key) {
    case KEY_NO_SHUFFLE:
        return choose(p, "shuffle", "no");
    case KEY_CONFIG:
        o->config = argument;
        return 0;
    case KEY_RECIPE:
        o->recipe = argument;
        return 0;
    case KEY_DRY_RUN:
        o->dry_run = 1;
        return 0;
    case KEY_JSON:
        o->json = 1;
        return 0;
    case KEY_WHICH:
        return take_which(p, argument);
    case KEY_FORMAT:
        return take_format(p, argument);
    case KEY_FORCE:
        o->force = 1;
        return 0;
    case KEY_INFERENCE:
        o->inference = 1;
        return 0;
    case KEY_KERNEL:
        o->kernel = argument;
        return 0;
    case KEY_USAGE:
        o->ask = ASK_USAGE;
        return 0;
    case KEY_VERSION:
        o->ask = ASK_VERSION;
        return 0;
    case 'h':
        o->ask = ASK_HELP;
        return 0;
    case 'q':
        o->verbosity = -1;
        return 0;
    case 'v':
        o->verbosity = 1;
        return 0;
    case ARGP_KEY_ARG:
        return take_operand(p, argument);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The first word, where it is no option, names the command. */
static status find_command(int argc, char **argv, options *o, message *why)
{
    int count;
    const command *all = options_commands(&count);
    o->command = all;
    if (argc < 2 || argv[1][0] == '-') return STATUS_OK;
    const char *names[16];
    for (int i = 0; i < count; i++) {
        names[i] = all[i].name;
        if (strcmp(argv[1], names[i]) == 0) {
            o->command = &all[i];
            return STATUS_OK;
        }
    }
    const char *near = text_nearest(argv[1], names, count);
    if (near)
        return fail(why, STATUS_USAGE, "unknown command '%s'; did you mean '%s'?", argv[1], near);
    return fail(why, STATUS_USAGE, "unknown command '%s'; mnist_dist --help lists them", argv[1]);
}

/* What a configuration file says of its own run's place is no part of another run. */
static status read_config(options *o, message *why)
{
    unsigned char *text;
    size_t length;
    status code = file_read_whole(o->config, CONFIG_BYTES, &text, &length, why);
    if (code) return code;
    message detail = {""};
    code = settings_from_json(&o->cfg, (const char *)text, &detail);
    memory_free(text);
    if (code) return fail(why, code, "%.300s: %.600s", o->config, detail.text);
    o->cfg.out[0] = 0;
    o->cfg.resume = NO;
    if (options_given(o, "optimizer")) settings_forget_optimizer(&o->cfg);
    return STATUS_OK;
}

static status apply_recipe(options *o, message *why)
{
    status code = recipe_apply(o->recipe, &o->cfg, why);
    if (options_given(o, "optimizer")) settings_forget_optimizer(&o->cfg);
    return code;
}

int options_given(const options *o, const char *name)
{
    for (int i = 0; i < o->choices; i++)
        if (strcmp(o->choice[i].name, name) == 0) return 1;
    return 0;
}

status options_apply(const options *o, settings *s, message *why)
{
    status code = STATUS_OK;
    for (int i = 0; i < o->choices && !code; i++)
        code = settings_set(s, o->choice[i].name, o->choice[i].value, why);
    return code;
}

static status parse_options(int argc, char **argv, options *o, message *why)
{
    struct argp_option rows[OPTIONS_MAX_ROWS];
    parsing p = {.o = o, .why = why};
    options_build(o->command, rows);
    if (o->command->more) o->more = memory_take((size_t)argc * sizeof *o->more);
    struct argp parser = {.options = rows, .parser = parse_key};
    if (argp_parse(&parser, argc, argv, ARGP_SILENT, NULL, &p) == 0) return STATUS_OK;
    return p.code ? p.code : options_diagnose(rows, argc, argv, why);
}

status options_parse(int argc, char **argv, options *o, message *why)
{
    *o = (options){.cfg = settings_default(), .which = CHECKPOINT_BEST};
    status code = find_command(argc, argv, o, why);
    if (code) return code;
    int skip = argc > 1 && argv[1][0] != '-';
    code = parse_options(argc - skip, argv + skip, o, why);
    if (code || o->ask) return code;
    if (o->command->operand && !o->operand)
        return fail(why, STATUS_USAGE,
                    "%s needs %s: a run directory, a checkpoint or a Keras "
                    "weights file",
                    o->command->name, o->command->operand);
    if (o->config && o->recipe)
        return fail(why, STATUS_USAGE, "%s",
                    "--config and --recipe exclude each other: both say how to train");
    if (o->config) code = read_config(o, why);
    if (o->recipe) code = apply_recipe(o, why);
    return code ? code : options_apply(o, &o->cfg, why);
}
