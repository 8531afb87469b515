/* app/options_mistake.c - what is wrong with a command line, and what to write instead. */
#include <stdio.h>
#include <string.h>

#include "app/print.h"
#include "base/text.h"
#include "base/text_buffer.h"
#include "io/file.h"
#include "options_private.h"

/* ---- commands ---- */

enum { MOST_COMMANDS = 16 };

/* Names from other programs, and the command that does the same. */
static const struct foreign_command {
    const char *name, *own;
} foreign_commands[] = {
    {"fit", "train"},       {"run", "train"},
    {"test", "evaluate"},   {"eval", "evaluate"},
    {"score", "evaluate"},  {"infer", "predict"},
    {"convert", "export"},  {"save", "export"},
    {"compare", "verify"},  {"diff", "verify"},
    {"benchmark", "bench"}, {"info", "env"},
    {"show", "inspect"},    {"resume", "train --resume -o RUN"},
};

static status path_for_command(const char *path, failure *why)
{
    text_buffer word = {0};
    text_buffer_add_word(&word, path);
    fail(why, STATUS_USAGE,
         "unknown command '%.300s'; a command comes before a path: %s evaluate %s", path,
         print_program(), word.text);
    text_buffer_free(&word);
    return STATUS_USAGE;
}

status options_unknown_command(const char *word, failure *why)
{
    const char *names[MOST_COMMANDS];
    int count;
    const command *all = options_commands(&count);
    CHECK(count <= MOST_COMMANDS, "%d commands", count);
    for (int i = 0; i < count; i++) names[i] = all[i].name;
    const char *near = text_nearest(word, names, count);
    for (size_t i = 0; i < sizeof foreign_commands / sizeof *foreign_commands; i++)
        if (strcmp(word, foreign_commands[i].name) == 0 && !file_exists(word))
            return fail(why, STATUS_USAGE, "unknown command '%s'; it is %s here", word,
                        foreign_commands[i].own);
    if (strchr(word, '/') || (!near && file_exists(word))) return path_for_command(word, why);
    if (near)
        return fail(why, STATUS_USAGE, "unknown command '%s'; did you mean '%s'?", word, near);
    return fail(why, STATUS_USAGE, "unknown command '%s'; %s --help lists them", word,
                print_program());
}

/* ---- options that this command does not take ---- */

#define STARTS_RANKS "mpirun starts the ranks: mpirun -n 4 "
#define ONE_LOSS     "the loss is always the cross-entropy of the classes"
#define CPUS         "it runs on processor cores: --threads, or mpirun -n"
#define NO_WORKERS   "all images are in memory; --threads sets the threads of a rank"

#define SELECTS "it is measured after each epoch; --monitor names what chooses the best one"

/* Names from other programs, and what does the same here. */
static const struct foreign {
    const char *name, *advice;
} foreign[] = {
    {"n", STARTS_RANKS},
    {"np", STARTS_RANKS},
    {"ranks", STARTS_RANKS},
    {"beta-1", "it is --beta1 here"},
    {"beta-2", "it is --beta2 here"},
    {"rho", "it is --beta2 here"},
    {"clipnorm", "it is --clip-norm here"},
    {"global-clipnorm", "it is --clip-norm here"},
    {"val-split", "it is --validation-split here"},
    {"early-stopping", "it is --patience here"},
    {"restore-best-weights", "give --which best to evaluate, predict or export"},
    {"save-best-only", "best.weights.h5 is always written; give --which best to evaluate"},
    {"val-accuracy", SELECTS},
    {"val-acc", SELECTS},
    {"val-loss", SELECTS},
    {"validation-accuracy", SELECTS},
    {"validation-loss", SELECTS},
    {"num-epochs", "it is --epochs here"},
    {"n-epochs", "it is --epochs here"},
    {"max-epochs", "it is --epochs here"},
    {"nb-epoch", "it is --epochs here"},
    {"step-size", "it is --learning-rate here"},
    {"random-state", "it is --seed here"},
    {"random-seed", "it is --seed here"},
    {"checkpoint", "--weights begins with the weights of a file, --resume continues a run"},
    {"dropout", "it is a layer: --model \"flatten; dropout 0.2; dense 10\""},
    {"hidden-size", "it is a number of the model: --model \"flatten; dense 64 relu; dense 10\""},
    {"verbose", "--progress chooses what is shown, --quiet shows less"},
    {"output", "it is --out here"},
    {"output-dir", "it is --out here"},
    {"save-dir", "it is --out here"},
    {"loss", ONE_LOSS},
    {"criterion", ONE_LOSS},
    {"metrics", "loss and accuracy are always measured"},
    {"device", CPUS},
    {"gpu", CPUS},
    {"gpus", CPUS},
    {"num-workers", NO_WORKERS},
    {"workers", NO_WORKERS},
};

/* Writes it into out[size]; "" if there is none. */
static void advice_for(const char *name, char *out, size_t size)
{
    out[0] = 0;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (text_same_name(foreign[i].name, name))
            snprintf(out, size, "%s%s", foreign[i].advice,
                     strcmp(foreign[i].advice, STARTS_RANKS) == 0 ? print_program() : "");
}

/* "train, bench": the commands that take the option, into out[size]. */
static void list_takers(const char *name, char *out, size_t size)
{
    int count;
    const command *all = options_commands(&count);
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < count && used < size; i++)
        if (options_takes(&all[i], name))
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                     all[i].name);
}

/* The long name of the setting of this letter; the letter itself if there is none. */
static const char *name_of_letter(const char *letter)
{
    int rows;
    const setting *table = settings_table(&rows);
    for (int i = 0; i < rows; i++)
        if (table[i].letter == letter[0]) return table[i].name;
    return letter;
}

/* dashes: "-" or "--". near: a similar name, or NULL. */
static status unknown(const command *c, const char *dashes, const char *name, const char *near,
                      failure *why)
{
    char takers[128], advice[512];
    advice_for(name, advice, sizeof advice);
    list_takers(dashes[1] ? name : name_of_letter(name), takers, sizeof takers);
    if (advice[0])
        return fail(why, STATUS_USAGE, "unknown option '%s%s'; %s", dashes, name, advice);
    if (takers[0])
        return fail(why, STATUS_USAGE,
                    "%s has no option '%s%s': it belongs to %s; leave it out, or see %s help %s",
                    c->name, dashes, name, takers, print_program(), c->name);
    if (near)
        return fail(why, STATUS_USAGE, "unknown option '%s%s'; did you mean '--%s'?", dashes, name,
                    near);
    return fail(why, STATUS_USAGE, "unknown option '%s%s'; see %s help %s", dashes, name,
                print_program(), c->name);
}

/* ---- words ---- */

typedef struct line {
    const command *c;
    const option_list *list;
    int is_last; /* 1: no word follows                              */
    int skip;    /* out, 1: the option takes the next word as its value */
} line;

static int takes_value(const struct argp_option *rows, const struct argp_option *o)
{
    while (o->flags & OPTION_ALIAS && o > rows) o--;
    return o->arg != NULL;
}

/* The option of this name, or the only one whose name begins so; else NULL. */
static const struct argp_option *find_long(const struct argp_option *rows, const char *name,
                                           size_t length)
{
    const struct argp_option *found = NULL;
    int beginnings = 0;
    for (const struct argp_option *o = rows; o->name; o++) {
        if (strncmp(o->name, name, length) != 0) continue;
        if (strlen(o->name) == length) return o;
        found = o;
        beginnings++;
    }
    return beginnings == 1 ? found : NULL;
}

static status unknown_long(const line *l, const char *word, failure *why)
{
    const char *names[OPTIONS_MOST];
    char name[64];
    int count = 0, beginnings = 0;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (const struct argp_option *o = l->list->argp; o->name; o++) {
        names[count++] = o->name;
        beginnings += strncmp(o->name, name, strlen(name)) == 0;
    }
    if (beginnings > 1 && name[0])
        return fail(why, STATUS_USAGE, "option '--%s' is ambiguous; see %s help %s", name,
                    print_program(), l->c->name);
    return unknown(l->c, "--", name, text_nearest(name, names, count), why);
}

static status check_long(line *l, const char *word, failure *why)
{
    const struct argp_option *rows = l->list->argp, *o = find_long(rows, word, strcspn(word, "="));
    if (!o) return unknown_long(l, word, why);
    int valued = takes_value(rows, o), given = strchr(word, '=') != NULL;
    if (!valued && given) return fail(why, STATUS_USAGE, "option '--%s' takes no value", o->name);
    if (valued && !given && l->is_last)
        return fail(why, STATUS_USAGE, "option '--%s' needs a value", o->name);
    l->skip = valued && !given;
    return STATUS_OK;
}

static status check_letters(line *l, const char *letters, failure *why)
{
    for (; *letters; letters++) {
        const char name[] = {*letters, 0};
        const struct argp_option *o = l->list->argp;
        while (o->name && o->key != *letters) o++;
        if (!o->name) return unknown(l->c, "-", name, NULL, why);
        if (!o->arg) continue;
        if (!letters[1] && l->is_last)
            return fail(why, STATUS_USAGE, "option '-%c' needs a value", *letters);
        l->skip = !letters[1];
        return STATUS_OK;
    }
    return STATUS_OK;
}

status options_diagnose(const command *c, const option_list *list, int argc, char **argv,
                        failure *why)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        line l = {.c = c, .list = list, .is_last = i == argc - 1};
        status code = STATUS_OK;
        if (!strncmp(argv[i], "--", 2))
            code = check_long(&l, argv[i] + 2, why);
        else if (argv[i][0] == '-')
            code = check_letters(&l, argv[i] + 1, why);
        if (code) return code;
        i += l.skip;
    }
    return fail(why, STATUS_USAGE, "the command line is wrong; see %s help %s", print_program(),
                c->name);
}

status options_check_dashes(const option_list *list, int argc, char **argv, failure *why)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *name = argv[i] + 1;
        size_t length = strcspn(name, "=");
        if (argv[i][0] != '-' || argv[i][1] == '-' || length < 2) continue;
        for (const struct argp_option *o = list->argp; o->name; o++)
            if (strlen(o->name) == length && strncmp(o->name, name, length) == 0)
                return fail(why, STATUS_USAGE, "'-%s': a long name has two dashes: --%s", o->name,
                            o->name);
    }
    return STATUS_OK;
}
