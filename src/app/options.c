/* app/options.c - the command line, by glibc's argp and two tables. */
#include "app/options.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

#include "app/print.h"
#include "base/arena.h"
#include "io/file.h"
#include "options_private.h"
#include "train/recipe.h"

enum { CONFIG_BYTES = 1 << 20 };

/* ---- words ---- */

typedef struct parsing {
    options *o;
    option_list list;
    status code;
    failure *why;
} parsing;

static int names_command(const char *word)
{
    int count;
    const command *all = options_commands(&count);
    while (count > 0 && strcmp(all[count - 1].name, word) != 0) count--;
    return count > 0;
}

static status take_operand(options *o, const char *text, failure *why)
{
    const command *c = o->command;
    if (o->operands < c->most) {
        o->operand[o->operands++] = text;
        return STATUS_OK;
    }
    if (c->most > 0)
        return fail(why, STATUS_USAGE, "%s takes only %s: '%s' is too many", c->name, c->operands,
                    text);
    if (names_command(text))
        return fail(why, STATUS_USAGE, "the command comes first: %s %s ...", print_program(), text);
    return fail(why, STATUS_USAGE,
                "%s takes no operand '%s'; a command comes first, an option begins with '-': see "
                "%s --help",
                c->name, text, print_program());
}

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    parsing *p = state->input;
    options *o = p->o;
    if (key == ARGP_KEY_ARG) {
        p->code = take_operand(o, argument, p->why);
        return p->code ? EINVAL : 0;
    }
    const option_meaning *m = options_of_key(&p->list, key);
    if (!m) return ARGP_ERR_UNKNOWN;
    if (argument && !argument[0])
        p->code = fail(
            p->why, STATUS_USAGE,
            "option '--%s' has an empty value: name one, or leave out the option (is a variable of "
            "the shell empty?)",
            m->set ? m->set->name : m->row->name);
    if (p->code) return EINVAL;
    if (m->set)
        p->code = choices_add(&o->chosen, m->set->name, m->value ? m->value : argument, p->why);
    else
        p->code = m->row->take((char *)o + m->row->offset, m->row, argument, p->why);
    return p->code ? EINVAL : 0;
}

/* A copy of the words in which names of options have '-' where they had '_': --batch_size. */
static char **with_dashes(const option_list *list, int argc, char **argv, options *o)
{
    char **words = arena_take(&o->memory, ((size_t)argc + 1) * sizeof *words);
    for (int i = 0; i < argc; i++) {
        words[i] = argv[i];
        if (strncmp(argv[i], "--", 2) != 0 || !options_is_name(list, argv[i] + 2)) continue;
        words[i] = arena_text(&o->memory, argv[i]);
        for (char *at = words[i]; *at && *at != '='; at++)
            if (*at == '_') *at = '-';
    }
    return words;
}

static status parse_words(int argc, char **argv, options *o, failure *why)
{
    parsing p = {.o = o, .why = why};
    options_collect(o->command, &p.list);
    argv = with_dashes(&p.list, argc, argv, o);
    status code = options_check_dashes(&p.list, argc, argv, why);
    if (code) return code;
    struct argp parser = {.options = p.list.argp, .parser = parse_key};
    if (argp_parse(&parser, argc, argv, ARGP_SILENT, NULL, &p) == 0) return STATUS_OK;
    return p.code ? p.code : options_diagnose(o->command, &p.list, argc, argv, why);
}

/* ---- commands ---- */

/* Sets o->command: train if word is NULL. */
static status find_command(const char *word, options *o, failure *why)
{
    int count;
    const command *all = options_commands(&count);
    o->command = all;
    if (!word) return STATUS_OK;
    for (int i = 0; i < count; i++)
        if (strcmp(word, all[i].name) == 0) {
            o->command = &all[i];
            return STATUS_OK;
        }
    return options_unknown_command(word, why);
}

/* mnist_dist help [COMMAND] */
static status ask_for_help(options *o, failure *why)
{
    o->ask = o->operands ? ASK_HELP : ASK_OVERVIEW;
    return find_command(o->operands ? o->operand[0] : NULL, o, why);
}

static status check_operands(const options *o, failure *why)
{
    const command *c = o->command;
    if (o->operands >= c->least) return STATUS_OK;
    return fail(why, STATUS_USAGE, "%s needs %s; %s", c->name, c->operands, c->operands_are);
}

static status check_layout(const options *o, failure *why)
{
    if (o->dry_run || o->trace || (!o->ranks && !o->hosts)) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--ranks and --hosts are of --dry-run and --write-trace; mpirun starts the ranks: "
                "mpirun -n %d %s",
                o->ranks ? o->ranks : o->hosts, print_program());
}

/* ---- settings ---- */

/* The text of a configuration: without the byte order mark that some editors write. A text ends at a 0, so that none may be
 * in it. */
static status check_text(const options *o, const unsigned char *text, size_t length,
                         const char **begin, failure *why)
{
    static const char mark[] = "\xef\xbb\xbf";
    *begin = (const char *)text;
    if (length >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return fail(why, STATUS_USAGE, "%.300s: is UTF-16: save it as UTF-8", o->config);
    if (strlen(*begin) < length)
        return fail(why, STATUS_USAGE,
                    "%.300s: holds a 0 byte at position %zu: no JSON text, or a damaged file",
                    o->config, strlen(*begin));
    if (strncmp(*begin, mark, sizeof mark - 1) == 0) *begin += sizeof mark - 1;
    return STATUS_OK;
}

/* A run that takes over the settings of another one does not take over its place. */
static status read_config(options *o, failure *why)
{
    unsigned char *text;
    size_t length;
    status code = file_read_whole(o->config, CONFIG_BYTES, &text, &length, why);
    if (code) return code;
    failure detail = {""};
    const char *begin;
    code = check_text(o, text, length, &begin, why);
    if (!code && settings_from_json(&o->cfg, begin, &detail) != STATUS_OK)
        code = fail(why, STATUS_USAGE, "%.300s: %.600s", o->config, detail.text);
    memory_free(text);
    if (code) return code;
    o->cfg.out[0] = 0;
    o->cfg.resume = NO;
    return STATUS_OK;
}

static status take_settings(options *o, failure *why)
{
    status code = STATUS_OK;
    if (o->config && o->recipe)
        return fail(why, STATUS_USAGE, "%s",
                    "--config and --recipe exclude each other: both say how to train");
    if (o->config) code = read_config(o, why);
    if (o->recipe) code = recipe_apply(o->recipe, &o->cfg, why);
    if (choices_given(&o->chosen, "optimizer")) settings_forget_optimizer(&o->cfg);
    return code ? code : choices_apply(&o->chosen, &o->cfg, why);
}

status options_parse(int argc, char **argv, options *o, failure *why)
{
    *o = (options){.cfg = settings_default(), .which = -1};
    int named = argc > 1 && argv[1][0] != '-';
    status code = find_command(named ? argv[1] : NULL, o, why);
    if (code) return code;
    o->operand = memory_take((size_t)argc * sizeof *o->operand);
    code = parse_words(argc - named, argv + named, o, why);
    if (code) return code;
    if (o->ask == ASK_HELP && !named) o->ask = ASK_OVERVIEW;
    if (o->ask) return STATUS_OK;
    if (!o->command->run) return ask_for_help(o, why);
    code = check_operands(o, why);
    if (!code) code = check_layout(o, why);
    return code ? code : take_settings(o, why);
}

void options_free(options *o)
{
    memory_free(o->operand);
    arena_free(&o->memory);
    o->operand = NULL;
}
