/* app/options_rows.c - the options that are no settings of a run, and which options a command takes. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "options_private.h"
#include "train/recipe.h"

enum { MOST_RANKS = 524287 }; /* comm/comm.h */

/* ---- what an option does with its text ---- */

static status take_text(void *place, const option_row *row, const char *text, failure *why)
{
    (void)row;
    (void)why;
    *(const char **)place = text;
    return STATUS_OK;
}

static status take_value(void *place, const option_row *row, const char *text, failure *why)
{
    (void)text;
    (void)why;
    *(int *)place = row->value;
    return STATUS_OK;
}

static status take_count(void *place, const option_row *row, const char *text, failure *why)
{
    int64_t count;
    if (!text_to_int(text, &count) || count < 1 || count > MOST_RANKS)
        return fail(why, STATUS_USAGE, "--%s=%s: must be a whole number from 1 to %s", row->name,
                    text, text_thousands(MOST_RANKS).text);
    *(int *)place = (int)count;
    return STATUS_OK;
}

/* Writes the index of the word. */
static status take_word(void *place, const option_row *row, const char *text, failure *why)
{
    int words = 0;
    while (row->words[words]) words++;
    int found = text_index(text, row->words, words);
    if (found < 0)
        return fail(why, STATUS_USAGE, "--%s=%s: unknown%s", row->name, text,
                    text_suggest(text, row->words, words).text);
    *(int *)place = found;
    return STATUS_OK;
}

/* ---- the table ---- */

static const char *const roles[] = {"last", "best", NULL};          /* checkpoint_role */
static const char *const formats[] = {"text", "csv", "json", NULL}; /* output_format   */

#define AT(member, take_) .offset = offsetof(options, member), .take = take_

static const option_row table[] = {
    {.name = "config",
     .group = GROUP_RUN,
     .value_name = "FILE",
     .help = "Take the settings of a run's config.json; options given beside it override",
     AT(config, take_text)},
    {.name = "recipe",
     .group = GROUP_RUN,
     .value_name = "NAME",
     .help = "Take tuned settings, listed below: {}; options given beside it override",
     AT(recipe, take_text),
     .known = recipe_name},
    {.name = "dry-run",
     .group = GROUP_RUN,
     .help = "Print data, model, memory and steps, and write nothing",
     AT(dry_run, take_value),
     .value = 1},
    {.name = "ranks",
     .group = GROUP_RUN,
     .value_name = "N",
     .help = "Plan for N ranks, without starting them: --dry-run, --write-trace",
     .otherwise = "those started",
     AT(ranks, take_count)},
    {.name = "hosts",
     .group = GROUP_RUN,
     .value_name = "N",
     .help = "Plan for N hosts like this one, likewise",
     .otherwise = "those started",
     AT(hosts, take_count)},
    {.name = "quiet",
     .letter = 'q',
     .group = GROUP_OUTPUT,
     .help = "Print only the result",
     AT(verbosity, take_value),
     .value = -1},
    {.name = "verbose",
     .letter = 'v',
     .group = GROUP_OUTPUT,
     .help = "Print more",
     AT(verbosity, take_value),
     .value = 1},
    {.name = "json",
     .group = GROUP_OUTPUT,
     .help = "Print one JSON object",
     AT(json, take_value),
     .value = 1},
    {.name = "which",
     .group = GROUP_MODEL,
     .value_name = "{}",
     .help = "Weights of a run directory: of its last step, or of its best epoch",
     .otherwise = "last; verify: both",
     AT(which, take_word),
     .words = roles},
    {.name = "format",
     .group = GROUP_OUTPUT,
     .value_name = "{}",
     .help = "csv and json have the probabilities of all classes",
     .otherwise = "text",
     AT(format, take_word),
     .words = formats},
    {.name = "force",
     .group = GROUP_OUTPUT,
     .help = "Replace the file if it is there",
     AT(force, take_value),
     .value = 1},
    {.name = "out",
     .letter = 'o',
     .group = GROUP_OUTPUT,
     .value_name = "FILE",
     .help = "The file to write: NAME.weights.h5 or NAME.keras",
     AT(file, take_text)},
    {.name = "as-is",
     .group = GROUP_OUTPUT,
     .help = "Scale PNG files whole: look for no paper, lines and digit in them",
     AT(as_is, take_value),
     .value = 1},
    {.name = "inference",
     .group = GROUP_MODEL,
     .help = "Time forward passes, batch after batch, instead of training steps",
     AT(inference, take_value),
     .value = 1},
    {.name = "kernel",
     .group = GROUP_MODEL,
     .value_name = "NAME",
     .help = "Time one kernel, or 'all', at the models' shapes, beside the limit that bounds it",
     AT(kernel, take_text)},
    {.name = "per-rank",
     .group = GROUP_OUTPUT,
     .help = "Also print the times of every rank, step by step",
     AT(per_rank, take_value),
     .value = 1},
    {.name = "write-trace",
     .group = GROUP_OUTPUT,
     .value_name = "DIR",
     .help =
         "Time nothing: write what the ranks of --ranks and --hosts would do in --max-steps steps "
         "(10), as traces for SimGrid",
     AT(trace, take_text)},
    /* the options of all commands: the last OPTIONS_OF_ALL rows */
    {.name = "help",
     .letter = 'h',
     .group = OPTIONS_LAST_GROUP,
     .help = "Print this help",
     AT(ask, take_value),
     .value = ASK_HELP},
    {.name = "usage",
     .group = OPTIONS_LAST_GROUP,
     .help = "Print the names of all options",
     AT(ask, take_value),
     .value = ASK_USAGE},
    {.name = "version",
     .group = OPTIONS_LAST_GROUP,
     .help = "Print the program's and its libraries' versions",
     AT(ask, take_value),
     .value = ASK_VERSION},
};
enum { ROWS = sizeof table / sizeof table[0] };

/* ---- the options of a command ---- */

static int is_listed(const char *list, const char *name)
{
    char word[64];
    snprintf(word, sizeof word, " %s ", name);
    return list && strstr(list, word) != NULL;
}

static int takes_setting(const command *c, const setting *row)
{
    return !c->settings || is_listed(c->settings, row->name);
}

static int takes_row(const command *c, const option_row *row)
{
    return row >= table + ROWS - OPTIONS_OF_ALL || is_listed(c->options, row->name);
}

/* Adds an option and its meaning. The caller fills in the rest of the row that is returned. */
static struct argp_option *add(option_list *list, const char *name, int letter, option_meaning m)
{
    int i = list->count++;
    CHECK(i < OPTIONS_MOST - 1, "more than %d options", OPTIONS_MOST);
    list->meaning[i] = m;
    list->argp[i] = (struct argp_option){.name = name,
                                         .key = letter ? letter : OPTIONS_FIRST_KEY + i};
    return &list->argp[i];
}

static void add_setting(option_list *list, const setting *row)
{
    option_meaning m = {.set = row, .value = row->value_name ? NULL : "yes", .group = row->group};
    add(list, row->name, row->letter, m)->arg = row->value_name;
    if (row->alias) {
        struct argp_option *alias = add(list, row->alias, 0, m);
        alias->flags = OPTION_ALIAS;
        alias->key = 0; /* argp then takes the key of the row before it */
    }
    m.value = "no";
    if (row->opposite) add(list, row->opposite, 0, m)->flags = OPTION_HIDDEN;
}

void options_collect(const command *c, option_list *list)
{
    int count;
    const setting *set = settings_table(&count);
    memset(list, 0, sizeof *list);
    for (int i = 0; i < count; i++)
        if (takes_setting(c, &set[i])) add_setting(list, &set[i]);
    for (const option_row *row = table; row < table + ROWS; row++)
        if (takes_row(c, row))
            add(list, row->name, row->letter, (option_meaning){.row = row, .group = row->group})
                ->arg = row->value_name;
}

int options_takes(const command *c, const char *name)
{
    const setting *set = settings_row(name);
    if (set && takes_setting(c, set)) return 1;
    for (const option_row *row = table; row < table + ROWS; row++)
        if (text_same_name(row->name, name) && takes_row(c, row)) return 1;
    return 0;
}

int options_is_name(const option_list *list, const char *word)
{
    char name[64];
    size_t length = strcspn(word, "=");
    if (length >= sizeof name) return 0;
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    for (int i = 0; i < list->count; i++)
        if (text_same_name(list->argp[i].name, name)) return 1;
    return 0;
}

/* ---- options as pairs of texts ---- */

void options_add_pair(text_buffer *out, const char *name, const char *value)
{
    text_buffer_add(out, "%s%c%s%c", name, 0, value, 0);
}

static const char *text_of(const options *o, const option_row *row)
{
    const void *place = (const char *)o + row->offset;
    if (row->take == take_text) {
        const char *text = *(const char *const *)place;
        return text ? text : "";
    }
    int value = *(const int *)place;
    if (row->take == take_word) return value < 0 ? "" : row->words[value];
    return value == row->value ? "yes" : "no";
}

void options_add_rows(const options *o, text_buffer *out)
{
    for (const option_row *row = table; row < table + ROWS - OPTIONS_OF_ALL; row++) {
        char name[64];
        int as_settings = row->offset == offsetof(options, config) ||
                          row->offset == offsetof(options, recipe);
        if (as_settings || !takes_row(o->command, row)) continue;
        snprintf(name, sizeof name, "--%s", row->name);
        options_add_pair(out, name, text_of(o, row));
    }
}

const option_meaning *options_of_key(const option_list *list, int key)
{
    for (int i = 0; i < list->count; i++)
        if (list->argp[i].key == key && !(list->argp[i].flags & OPTION_ALIAS))
            return &list->meaning[i];
    return NULL;
}

const char *options_word(const option_meaning *m, int index)
{
    if (m->set) return settings_word(m->set, index);
    if (m->row->words) return m->row->words[index];
    return m->row->known ? m->row->known(index) : NULL;
}
