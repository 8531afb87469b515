/* app/options_help.c - help, and what is wrong with an option. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/file.h"
#include "options_private.h"

/* ---- mistakes ---- */

static int takes_value(const struct argp_option *rows, const struct argp_option *o)
{
    while (o->flags & OPTION_ALIAS && o > rows) o--;
    return o->arg != NULL;
}

/* The option of a long name or an unambiguous beginning of one; NULL otherwise. */
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

static status unknown_long(const struct argp_option *rows, const char *word, message *why)
{
    const char *names[OPTIONS_MAX_ROWS];
    char name[64];
    int count = 0, beginnings = 0;
    size_t length = strcspn(word, "=");
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    for (const struct argp_option *o = rows; o->name; o++) {
        names[count++] = o->name;
        beginnings += strncmp(o->name, name, length) == 0;
    }
    if (beginnings > 1 && length > 0)
        return fail(why, STATUS_USAGE, "option '--%s' is ambiguous; see --help", name);
    const char *near = text_nearest(name, names, count);
    if (near)
        return fail(why, STATUS_USAGE, "unknown option '--%s'; did you mean '--%s'?", name, near);
    return fail(why, STATUS_USAGE, "unknown option '--%s'; see --help", name);
}

/* Looks at a long option; *skip: it takes the next word as its value. */
static status check_long(const struct argp_option *rows, const char *word, int is_last, int *skip,
                         message *why)
{
    const struct argp_option *o = find_long(rows, word, strcspn(word, "="));
    if (!o) return unknown_long(rows, word, why);
    int valued = takes_value(rows, o), given = strchr(word, '=') != NULL;
    if (!valued && given) return fail(why, STATUS_USAGE, "option '--%s' takes no value", o->name);
    if (valued && !given && is_last)
        return fail(why, STATUS_USAGE, "option '--%s' needs a value", o->name);
    *skip = valued && !given;
    return STATUS_OK;
}

static status check_letters(const struct argp_option *rows, const char *letters, int is_last,
                            int *skip, message *why)
{
    for (; *letters; letters++) {
        const struct argp_option *o = rows;
        while (o->name && o->key != *letters) o++;
        if (!o->name) return fail(why, STATUS_USAGE, "unknown option '-%c'; see --help", *letters);
        if (!o->arg) continue;
        if (!letters[1] && is_last)
            return fail(why, STATUS_USAGE, "option '-%c' needs a value", *letters);
        *skip = !letters[1];
        return STATUS_OK;
    }
    return STATUS_OK;
}

status options_diagnose(const struct argp_option *rows, int argc, char **argv, message *why)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        int skip = 0, is_last = i == argc - 1;
        status code = STATUS_OK;
        if (!strncmp(argv[i], "--", 2))
            code = check_long(rows, argv[i] + 2, is_last, &skip, why);
        else if (argv[i][0] == '-')
            code = check_letters(rows, argv[i] + 1, is_last, &skip, why);
        if (code) return code;
        i += skip;
    }
    return fail(why, STATUS_USAGE, "the command line is wrong; see --help");
}

/* ---- help ---- */

static const char examples[] =
    "Examples:\n"
    "  mnist_dist                        train the CNN on one rank, all cores\n"
    "  mpirun -n 8 mnist_dist -e 10      on 8 ranks\n"
    "  mnist_dist -o runs/a --resume     go on where runs/a stopped\n"
    "  mnist_dist -m \"flatten; dense 64 relu; dense 10\" --lr=0.002\n"
    "  mnist_dist evaluate runs/a        report and confusion matrix\n"
    "  mnist_dist COMMAND --help         options of a command\n"
    "\n"
    "Exit codes:\n";

static void add_commands(text_buffer *doc)
{
    int count;
    const command *all = options_commands(&count);
    text_buffer_add(
        doc, "Trains image classifiers on MPI ranks and OpenMP threads; the result is the same, "
             "to the last bit, on every layout. COMMAND is train when omitted; then PATH is a "
             "run directory, a checkpoint or a Keras weights file. Defaults are in parentheses.\n\n"
             "Commands:\n");
    for (int i = 0; i < count; i++) {
        char name[32];
        const char *more = all[i].more && all[i].more[0] != '[' ? all[i].more : "";
        snprintf(name, sizeof name, "%s %s %s", all[i].name, all[i].operand ? all[i].operand : "",
                 more);
        text_buffer_add(doc, "  %-14s %s\n", name, all[i].summary);
    }
    text_buffer_add(doc, "\nOptions of train:\v%s", examples);
#define STATUS_LINE(name, code, meaning) text_buffer_add(doc, "  %3d  %s\n", code, meaning);
    STATUS_TABLE(STATUS_LINE)
#undef STATUS_LINE
}

static void add_one_command(text_buffer *doc, const command *c)
{
    text_buffer_add(doc, "%s: %s.%s", c->name, c->summary,
                    !c->operand ? ""
                    : c->more && c->more[0] != '['
                        ? " Both are run directories, checkpoints or Keras weights files."
                        : " PATH is a run directory, a checkpoint or a Keras weights file.");
}

void options_print_help(const options *o, FILE *out)
{
    struct argp_option rows[OPTIONS_MAX_ROWS];
    text_buffer doc = {0};
    char name[64] = "mnist_dist", operands[64] = "[COMMAND] [PATH]";
    options_build(o->command, rows);
    int is_train = o->command == options_commands(&(int){0});
    if (is_train)
        add_commands(&doc);
    else
        add_one_command(&doc, o->command);
    if (!is_train) {
        const command *c = o->command;
        snprintf(name, sizeof name, "mnist_dist %s", c->name);
        snprintf(operands, sizeof operands, "%s%s%s", c->operand ? c->operand : "",
                 c->more ? " " : "", c->more ? c->more : "");
    }
    struct argp parser = {.options = rows, .args_doc = operands, .doc = doc.text};
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    unsigned whole = ARGP_HELP_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC;
    argp_help(&parser, out, o->ask == ASK_USAGE ? ARGP_HELP_USAGE : whole, name);
    text_buffer_free(&doc);
}
