/* app/options_help.c - --help, made from the tables. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text_buffer.h"
#include "model/spec.h"
#include "options_private.h"
#include "train/recipe.h"

enum {
    HEADINGS_FROM = 20, /* shorter lists of options have no headings        */
    SHORT_DEFAULT = 20  /* longer defaults are left out on the first screen */
};

/* ---- options ---- */

/* A copy of `text` with "{}" replaced by the option's words. */
static const char *with_words(arena *memory, const char *text, const option_meaning *m,
                              const char *separator)
{
    text_buffer out = {0};
    const char *at = text ? strstr(text, "{}") : NULL, *word;
    if (!at) return text;
    text_buffer_add(&out, "%.*s", (int)(at - text), text);
    for (int i = 0; (word = options_word(m, i)) != NULL; i++)
        text_buffer_add(&out, "%s%s", i ? separator : "", word);
    text_buffer_add(&out, "%s", at + 2);
    const char *copy = arena_text(memory, out.text);
    text_buffer_free(&out);
    return copy;
}

static const char *with_default(arena *memory, const char *help, const char *otherwise)
{
    text_buffer out = {0};
    if (!otherwise || !otherwise[0]) return help;
    text_buffer_add(&out, "%s (default: %s)", help, otherwise);
    const char *copy = arena_text(memory, out.text);
    text_buffer_free(&out);
    return copy;
}

/* The text of an option in a command's --help. */
static const char *text_of(arena *memory, const command *c, const option_meaning *m)
{
    char words[SETTINGS_TEXT];
    if (m->row)
        return with_default(memory, with_words(memory, m->row->help, m, ", "), m->row->otherwise);
    settings_default_words(m->set, words);
    int of_path = c->settings_of_path &&
                  (m->set->role == SETTING_BITS || m->set->group == GROUP_MODEL);
    return with_default(memory, with_words(memory, m->set->help, m, ", "), of_path ? NULL : words);
}

/* Its text on the first screen. */
static const char *brief_of(arena *memory, const option_meaning *m)
{
    char words[SETTINGS_TEXT];
    settings_default_words(m->set, words);
    return with_default(memory, with_words(memory, m->set->brief, m, ", "),
                        strlen(words) > SHORT_DEFAULT ? NULL : words);
}

static void complete(arena *memory, const command *c, option_list *list, int headings)
{
    for (int i = 0; i < list->count; i++) {
        struct argp_option *o = &list->argp[i];
        const option_meaning *m = &list->meaning[i];
        o->group = m->group == OPTIONS_LAST_GROUP ? -1 : headings ? m->group + 1 : 1;
        if (o->flags & (OPTION_ALIAS | OPTION_HIDDEN)) continue;
        o->arg = with_words(memory, o->arg, m, "|");
        o->doc = text_of(memory, c, m);
    }
}

/* A heading for each group that has options. */
static void add_headings(option_list *list)
{
    int count = list->count;
    for (int g = 0; g < GROUPS; g++) {
        int i = 0;
        while (i < count && list->meaning[i].group != g) i++;
        if (i == count) continue;
        CHECK(list->count < OPTIONS_MOST - 1, "%d options", list->count);
        list->argp[list->count++] = (struct argp_option){
            .doc = settings_group_name((setting_group)g), .group = g + 1};
    }
}

/* Keeps the options of the first screen alone, and completes them. */
static void keep_common(arena *memory, option_list *list)
{
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        const option_meaning *m = &list->meaning[i];
        struct argp_option o = list->argp[i];
        if (o.flags || !m->set || !m->set->brief) continue;
        o.arg = with_words(memory, o.arg, m, "|");
        o.doc = brief_of(memory, m);
        o.group = 1;
        list->argp[kept++] = o;
    }
    list->argp[kept++] = (struct argp_option){.doc = "The options that most people need:",
                                              .group = 1};
    list->argp[kept] = (struct argp_option){0};
}

/* ---- texts around them ---- */

static void add_commands(text_buffer *doc)
{
    int count;
    const command *all = options_commands(&count);
    for (int i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s%s%s", all[i].name, all[i].operands ? " " : "",
                 all[i].operands ? all[i].operands : "");
        text_buffer_add(doc, "  %-24s %s\n", name, all[i].summary);
    }
}

/* ---- tables behind the options ---- */

enum { MOST_LINES = 40 };

/* Lines of two columns, which argp formats. */
typedef struct table {
    int count;
    struct argp_option line[MOST_LINES]; /* ends with a row of zeros */
} table;

/* Each line is a group of its own, so that argp keeps their order. text: the second column, or NULL. */
static void add_line(table *t, const char *words, const char *text)
{
    CHECK(t->count < MOST_LINES - 1, "%d lines", t->count);
    t->line[t->count] = (struct argp_option){
        .name = words, .flags = OPTION_DOC, .doc = text, .group = t->count + 1};
    t->count++;
}

static void print_table(const table *t, const char *title, FILE *out)
{
    struct argp parser = {.options = t->line};
    char program[] = "mnist_dist";
    fprintf(out, "\n%s\n", title);
    argp_help(&parser, out, ARGP_HELP_LONG, program);
}

/* Activations have one line together. */
static void print_layers(arena *memory, FILE *out)
{
    const layer_type *type;
    table t = {0};
    text_buffer activations = {0};
    for (int i = 0; (type = layer_kind(i)) != NULL; i++) {
        char form[160];
        spec_form(type, form, sizeof form);
        if (type->act == ACTIVATION_NONE)
            add_line(&t, arena_text(memory, form), NULL);
        else
            text_buffer_add(&activations, "%s%s", activations.length ? ", " : "", form);
    }
    text_buffer_add(&activations, ": also layers of their own");
    add_line(&t, "ACTIVATION", activations.text);
    print_table(&t, "Layers of --model, with ';' between them:", out);
    text_buffer_free(&activations);
}

static void print_schedules(arena *memory, FILE *out)
{
    const schedule_type *type;
    table t = {0};
    for (int i = 0; (type = schedule_row(i)) != NULL; i++)
        add_line(&t, type->form, with_default(memory, type->help, type->defaults));
    print_table(&t, "Forms of --schedule; parameters can be left out:", out);
}

static void print_recipes(FILE *out)
{
    table t = {0};
    for (int i = 0; recipe_name(i); i++) add_line(&t, recipe_name(i), recipe_about(i));
    print_table(&t, "Recipes of --recipe:", out);
}

static void print_exit_codes(arena *memory, FILE *out)
{
    table t = {0};
    char number[16];
#define STATUS_LINE(name, code, meaning)                                                           \
    snprintf(number, sizeof number, "%d", code);                                                   \
    add_line(&t, arena_text(memory, number), meaning);
    STATUS_TABLE(STATUS_LINE)
#undef STATUS_LINE
    print_table(&t, "Exit codes:", out);
}

/* ---- the three kinds of help ---- */

/* doc: the text before the options, \v, the text after them. */
static void print(const option_list *list, const char *doc, FILE *out)
{
    struct argp parser = {.options = list->argp, .doc = doc};
    char program[] = "mnist_dist";
    argp_help(&parser, out, ARGP_HELP_LONG | ARGP_HELP_DOC, program);
}

static void print_overview(option_list *list, arena *memory, FILE *out)
{
    text_buffer doc = {0};
    text_buffer_add(&doc, "Trains image classifiers on many processes (MPI) and threads. The "
                          "result is the same, to the last bit, however many there are.\n\n"
                          "Commands (train if none is given):\n");
    add_commands(&doc);
    text_buffer_add(&doc, "\v"
                          "Examples:\n"
                          "  mnist_dist --epochs 3 --out runs/a\n"
                          "  mpirun -n 8 mnist_dist --model lstm\n"
                          "  mnist_dist evaluate runs/a\n\n"
                          "All options and the exit codes: mnist_dist train --help. About a "
                          "command: mnist_dist help COMMAND. About everything: docs/README.md.");
    fprintf(out, "Usage: mnist_dist [COMMAND] [OPTION...] [PATH...]\n");
    keep_common(memory, list);
    print(list, doc.text, out);
    text_buffer_free(&doc);
}

static void print_command(const command *c, option_list *list, arena *memory, FILE *out)
{
    text_buffer doc = {0};
    int is_train = c->place == COMMAND_TRAINING, headings = list->count >= HEADINGS_FROM;
    text_buffer_add(&doc, "%s%s%s\n\v%s", c->about, c->operands_are ? " " : "",
                    c->operands_are ? c->operands_are : "", c->examples);
    complete(memory, c, list, headings);
    if (headings) add_headings(list);
    fprintf(out,
            is_train ? "Usage: mnist_dist [%s] [OPTION...]" : "Usage: mnist_dist %s [OPTION...]",
            c->name);
    fprintf(out, "%s%s\n", c->operands ? " " : "", c->operands ? c->operands : "");
    print(list, doc.text, out);
    text_buffer_free(&doc);
    if (options_takes(c, "model") && !c->settings_of_path) print_layers(memory, out);
    if (options_takes(c, "schedule")) print_schedules(memory, out);
    if (options_takes(c, "recipe")) print_recipes(out);
    if (is_train) print_exit_codes(memory, out);
}

/* The names of all options, as argp lists them. */
static void print_usage(const command *c, const option_list *list, FILE *out)
{
    struct argp parser = {.options = list->argp, .args_doc = c->operands};
    char name[64];
    snprintf(name, sizeof name, "mnist_dist %s", c->name);
    argp_help(&parser, out, ARGP_HELP_USAGE, name);
}

void options_print_help(const options *o, FILE *out)
{
    option_list list;
    arena memory = {0};
    setenv("ARGP_HELP_FMT", "no-dup-args-note,opt-doc-col=28,header-col=0", 0);
    options_collect(o->command, &list);
    if (o->ask == ASK_OVERVIEW)
        print_overview(&list, &memory, out);
    else if (o->ask == ASK_HELP)
        print_command(o->command, &list, &memory, out);
    else
        print_usage(o->command, &list, out);
    arena_free(&memory);
}
