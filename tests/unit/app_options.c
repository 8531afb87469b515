/* unit/app_options.c - the command line: commands, settings, messages, help. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "app/progress.h"
#include "model/spec.h"
#include "train/recipe.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

enum { MAX_WORDS = 16 };

/* Parses words separated by one blank. */
static status parse(const char *line, options *o, failure *why)
{
    static char text[512], name[] = "mnist_dist";
    char *argv[MAX_WORDS + 1] = {name};
    int argc = 1;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word && argc < MAX_WORDS; word = strtok(NULL, " "))
        argv[argc++] = word;
    why->text[0] = 0;
    return options_parse(argc, argv, o, why);
}

static options good(const char *line)
{
    options o;
    failure why;
    status code = parse(line, &o, &why);
    if (code) print_error("'%s': %s\n", line, why.text);
    assert_int_equal(code, STATUS_OK);
    return o;
}

static void bad(const char *line, status code, const char *words)
{
    options o;
    failure why;
    assert_int_equal(parse(line, &o, &why), code);
    if (!strstr(why.text, words)) print_error("'%s': '%s' lacks '%s'\n", line, why.text, words);
    assert_non_null(strstr(why.text, words));
    assert_null(strchr(why.text, '\n'));
}

static void test_train_is_the_default(void **state)
{
    (void)state;
    options o = good("");
    assert_string_equal(o.command->name, "train");
    assert_int_equal(o.chosen.count, 0);
    o = good("-e 3 --batch-size=64 --lr 0.5 -t2 --no-shuffle --resume -o x");
    assert_string_equal(o.command->name, "train");
    assert_int_equal(o.cfg.epochs, 3);
    assert_int_equal(o.cfg.batch_size, 64);
    assert_true(o.cfg.learning_rate == 0.5);
    assert_int_equal(o.cfg.threads, 2);
    assert_int_equal(o.cfg.shuffle, NO);
    assert_int_equal(o.cfg.resume, YES);
    assert_string_equal(o.cfg.out, "x");
    assert_true(choices_given(&o.chosen, "epochs") && choices_given(&o.chosen, "shuffle"));
    assert_true(choices_given(&o.chosen, "learning-rate"));
    assert_false(choices_given(&o.chosen, "seed"));
}

static void test_the_last_of_equal_options_counts(void **state)
{
    (void)state;
    assert_int_equal(good("-e 3 -e 4").cfg.epochs, 4);
    assert_int_equal(good("--no-shuffle --shuffle=yes").cfg.shuffle, YES);
    assert_int_equal(good("--epo=6").cfg.epochs, 6); /* an unambiguous beginning */
}

static void test_commands_and_operands(void **state)
{
    (void)state;
    options o = good("evaluate --which=last runs/a --json");
    assert_string_equal(o.command->name, "evaluate");
    assert_int_equal(o.operands, 1);
    assert_string_equal(o.operand[0], "runs/a");
    assert_int_equal(options_which(&o), CHECKPOINT_LAST);
    assert_int_equal(o.json, 1);
    o = good("inspect x");
    assert_int_equal(o.which, -1);
    assert_int_equal(options_which(&o), CHECKPOINT_LAST);
    o = good("verify a --which best b");
    assert_int_equal(o.operands, 2);
    assert_string_equal(o.operand[1], "b");
    assert_int_equal(o.which, CHECKPOINT_BEST);
    assert_int_equal(good("summary").command->place, COMMAND_ALONE);
    assert_int_equal(good("train -q").verbosity, -1);
    assert_int_equal(good("bench -v").verbosity, 1);
    bad("evalute runs/a", STATUS_USAGE, "unknown command 'evalute'; did you mean 'evaluate'?");
    bad("xyzzy", STATUS_USAGE, "mnist_dist --help lists them");
    bad("evaluate", STATUS_USAGE, "evaluate needs PATH; PATH is a run directory");
    bad("verify a", STATUS_USAGE, "verify needs A B; A and B are run directories");
    bad("verify a b c", STATUS_USAGE, "verify takes only A B: 'c' is too many");
    bad("evaluate a b", STATUS_USAGE, "'b' is too many");
    bad("train a", STATUS_USAGE, "train takes no operand 'a'");
    bad("-e 3 evaluate", STATUS_USAGE, "the command comes first: mnist_dist evaluate");
    bad("-e 3 x", STATUS_USAGE, "a command comes first");
    bad("runs/laptop", STATUS_USAGE,
        "a command comes before a path: mnist_dist evaluate runs/laptop");
}

static void test_underscores_are_dashes(void **state)
{
    (void)state;
    options o = good("--batch_size 3 --learning_rate=0.25 --no_shuffle -o a_b --model=my_model");
    assert_int_equal(o.cfg.batch_size, 3);
    assert_true(o.cfg.learning_rate == 0.25);
    assert_int_equal(o.cfg.shuffle, NO);
    assert_string_equal(o.cfg.out, "a_b");
    assert_string_equal(o.cfg.model, "my_model");
    options_free(&o);
}

static void test_mistakes_in_options(void **state)
{
    (void)state;
    bad("--epcohs 3", STATUS_USAGE, "unknown option '--epcohs'; did you mean '--epochs'?");
    bad("--epcohs=3", STATUS_USAGE, "unknown option '--epcohs'; did you mean '--epochs'?");
    bad("-e 3 --qqqqqq", STATUS_USAGE, "unknown option '--qqqqqq'; see mnist_dist help train");
    bad("--e 3", STATUS_USAGE, "option '--e' is ambiguous");
    bad("--epochs", STATUS_USAGE, "option '--epochs' needs a value");
    bad("-e", STATUS_USAGE, "option '-e' needs a value");
    bad("-vz", STATUS_USAGE, "unknown option '-z'");
    bad("--resume=x", STATUS_USAGE, "option '--resume' takes no value");
    bad("evaluate x --epochs 3", STATUS_USAGE,
        "evaluate has no option '--epochs': it belongs to train; leave it out, or see "
        "mnist_dist help evaluate");
    bad("evaluate x -e 3", STATUS_USAGE, "evaluate has no option '-e': it belongs to train;");
    bad("summary --seed 3", STATUS_USAGE,
        "summary has no option '--seed': it belongs to train, bench;");
    bad("-n 4", STATUS_USAGE,
        "unknown option '-n'; mpirun starts the ranks: mpirun -n 4 mnist_dist");
    bad("-np 4", STATUS_USAGE, "mpirun -n 4 mnist_dist");
    bad("--ranks=4", STATUS_USAGE, "mpirun -n 4 mnist_dist");
    bad("--dry-run --ranks 0", STATUS_USAGE, "--ranks=0: must be a whole number from 1 to 524,287");
    bad("-epochs 3", STATUS_USAGE, "'-epochs': a long name has two dashes: --epochs");
    bad("-lr=3", STATUS_USAGE, "'-lr': a long name has two dashes: --lr");
    bad("--batch_sise 3", STATUS_USAGE, "did you mean '--batch-size'?");
    bad("evaluate x --batch_size 3", STATUS_USAGE, "evaluate has no option '--batch_size'");
    bad("--my_thing 3", STATUS_USAGE, "unknown option '--my_thing'");
    bad("--out= -e 3", STATUS_USAGE, "option '--out' has an empty value");
    bad("--beta_1 0.8", STATUS_USAGE, "unknown option '--beta_1'; it is --beta1 here");
    bad("--num-workers 4", STATUS_USAGE, "--threads sets the threads of a rank");
    bad("evaluate x --which=first", STATUS_USAGE, "known are last, best");
    bad("-b 0", STATUS_USAGE, "--batch-size=0");
    bad("--config /nowhere/config.json", STATUS_NO_INPUT, "/nowhere/config.json");
}

/* A recipe sets options; options given before or after it override. */
static void test_recipes(void **state)
{
    (void)state;
    options o = good("--recipe=fast99");
    assert_int_equal(o.cfg.epochs, 1);
    assert_int_equal(o.cfg.batch_size, 64);
    assert_int_equal(o.cfg.limit, 42000);
    assert_true(o.cfg.validation_split == 0);
    assert_true(o.cfg.beta2 == 0.99);
    assert_true(o.cfg.label_smoothing == 0.1);
    assert_string_equal(o.cfg.schedule, "one-cycle 0.2 10 1e4");
    o = good("--recipe=fast995");
    assert_string_equal(o.cfg.model, "cnn");
    assert_int_equal(o.cfg.epochs, 3);
    assert_int_equal(o.cfg.limit, 0);
    assert_true(o.cfg.validation_split == 0);
    assert_true(o.cfg.learning_rate == 0.004);
    assert_string_equal(o.cfg.augment, "shift 1; rotate 10; scale 0.1");
    o = good("-e 7 --recipe fast99 --lr 0.25");
    assert_int_equal(o.cfg.epochs, 7);
    assert_true(o.cfg.learning_rate == 0.25);
    o = good("--optimizer=sgd --recipe fast99");
    assert_true(isnan(o.cfg.learning_rate)); /* adam's rate is none of sgd's */
    bad("--recipe=fast9", STATUS_USAGE, "did you mean 'fast99'?");
    bad("--recipe=fast99 --config x.json", STATUS_USAGE, "exclude each other");
    bad("evaluate x --recipe=fast99", STATUS_USAGE, "evaluate has no option '--recipe'");
}

static void test_questions_win_over_the_rest(void **state)
{
    (void)state;
    assert_int_equal(good("--help").ask, ASK_OVERVIEW);
    assert_int_equal(good("-e 3 --help").ask, ASK_OVERVIEW);
    assert_int_equal(good("train --help").ask, ASK_HELP);
    assert_int_equal(good("evaluate --help").ask, ASK_HELP);
    assert_int_equal(good("help").ask, ASK_OVERVIEW);
    options o = good("help evaluate");
    assert_int_equal(o.ask, ASK_HELP);
    assert_string_equal(o.command->name, "evaluate");
    o = good("help --help");
    assert_int_equal(o.ask, ASK_HELP);
    assert_string_equal(o.command->name, "help");
    bad("help evalute", STATUS_USAGE, "did you mean 'evaluate'?");
    bad("help a b", STATUS_USAGE, "'b' is too many");
    assert_int_equal(good("--usage").ask, ASK_USAGE);
    assert_int_equal(good("--version").ask, ASK_VERSION);
}

/* The command line overrides a configuration. */
static void test_config(void **state)
{
    (void)state;
    const char *path = "app_options_config.json";
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(
        "{\"epochs\": 9, \"seed\": 4, \"beta1\": 0.5, \"out\": \"runs/old\", \"resume\": \"yes\"}",
        f);
    fclose(f);
    options o = good("--config app_options_config.json -e 2");
    assert_int_equal(o.cfg.epochs, 2);
    assert_int_equal(o.cfg.seed, 4);
    assert_true(o.cfg.beta1 == 0.5);
    assert_string_equal(o.cfg.out, "");
    assert_int_equal(o.cfg.resume, NO);
    o = good("--optimizer sgd --config app_options_config.json");
    failure why;
    /* adam's beta1 does not stay */
    assert_int_equal(settings_resolve(&o.cfg, &why), STATUS_OK);
    f = fopen(path, "w");
    fputs("{\"epcohs\": 9}", f);
    fclose(f);
    bad("--config app_options_config.json", STATUS_USAGE,
        "app_options_config.json: unknown option '--epcohs'");
    remove(path);
}

static void test_apply_sets_only_what_was_given(void **state)
{
    (void)state;
    options o = good("evaluate x -t 3 --isa=avx2");
    settings s = settings_default();
    s.seed = 77;
    failure why;
    assert_int_equal(choices_apply(&o.chosen, &s, &why), STATUS_OK);
    assert_int_equal(s.threads, 3);
    assert_string_equal(s.isa, "avx2");
    assert_int_equal(s.seed, 77);
}

static void test_progress_style(void **state)
{
    (void)state;
    options o = good("");
    assert_int_equal(progress_choose(&o, 1, 1, "xterm"), PROGRESS_BAR);
    assert_int_equal(progress_choose(&o, 1, 0, "xterm"), PROGRESS_PLAIN); /* under mpirun */
    assert_int_equal(progress_choose(&o, 0, 1, "xterm"), PROGRESS_PLAIN);
    assert_int_equal(progress_choose(&o, 1, 1, "dumb"), PROGRESS_PLAIN);
    assert_int_equal(progress_choose(&o, 1, 1, ""), PROGRESS_PLAIN);
    assert_int_equal(progress_choose(&o, 1, 1, NULL), PROGRESS_PLAIN);
    o = good("-q");
    assert_int_equal(progress_choose(&o, 1, 1, "xterm"), PROGRESS_NONE);
    o = good("--progress=json -q");
    assert_int_equal(progress_choose(&o, 1, 1, "xterm"), PROGRESS_JSON);
}

/* ---- help ---- */

static const char *help_of(const char *line)
{
    static char text[32768];
    options o = good(line);
    FILE *f = tmpfile();
    assert_non_null(f);
    options_print_help(&o, f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

/* Every line has at most 80 columns and no blank at its end. Returns their number. */
static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; lines++) {
        size_t length = strcspn(text, "\n");
        if (length > 80 || (length && text[length - 1] == ' '))
            fail_msg("line %d: '%.*s'", lines + 1, (int)length, text);
        text += length + (text[length] == '\n');
    }
    return lines;
}

/* How often an option is described: its name is at the beginning of a line, not inside a text. */
static int times_described(const char *text, const char *name)
{
    int times = 0;
    char word[64];
    int length = snprintf(word, sizeof word, "--%s", name);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length) {
        const char *line = at;
        while (line > text && line[-1] != '\n') line--;
        int is_first = at - line == 6 && line[0] == ' ' && line[1] == ' ';
        times += is_first && strchr("=,\n ", at[length]) != NULL;
    }
    return times;
}

static void test_the_first_screen(void **state)
{
    (void)state;
    const char *text = help_of("--help");
    int rows, count;
    const setting *table = settings_table(&rows);
    assert_true(count_lines(text) <= 40);
    for (int i = 0; i < rows; i++)
        assert_int_equal(times_described(text, table[i].name), table[i].brief != NULL);
    const command *all = options_commands(&count);
    for (int i = 0; i < count; i++) assert_non_null(strstr(text, all[i].summary));
    assert_non_null(strstr(text, "mnist_dist train --help"));
}

/* Every setting and every option is under exactly one heading, and the headings have their order. */
static void test_help_of_train_has_every_option_once(void **state)
{
    (void)state;
    static const char *const options_of_train[] = {"config", "recipe", "dry-run", "ranks",
                                                   "hosts",  "quiet",  "verbose", "help",
                                                   "usage",  "version"};
    const char *text = help_of("train --help"), *heading[GROUPS], *end;
    int rows;
    const setting *table = settings_table(&rows);
    count_lines(text);
    for (int g = 0; g < GROUPS; g++) {
        char line[64];
        snprintf(line, sizeof line, "\n%s\n", settings_group_name((setting_group)g));
        heading[g] = strstr(text, line);
        assert_non_null(heading[g]);
        assert_true(g == 0 || heading[g] > heading[g - 1]);
    }
    end = text + strlen(text);
    for (int i = 0; i < rows; i++) {
        char word[64];
        const char *next = table[i].group + 1 < GROUPS ? heading[table[i].group + 1] : end;
        snprintf(word, sizeof word, "      --%s", table[i].name);
        if (table[i].letter)
            snprintf(word, sizeof word, "  -%c, --%s", table[i].letter, table[i].name);
        if (times_described(text, table[i].name) != 1) fail_msg("--%s", table[i].name);
        const char *at = strstr(heading[table[i].group], word);
        if (!at || at > next) fail_msg("--%s is not under its heading", table[i].name);
    }
    for (size_t i = 0; i < sizeof options_of_train / sizeof *options_of_train; i++)
        assert_int_equal(times_described(text, options_of_train[i]), 1);
    const char *codes = strstr(text, "\nExit codes:\n  0 ");
    assert_non_null(codes);
    assert_non_null(strstr(codes, "\n  130 "));
    assert_non_null(strstr(text, "--lr"));
    assert_non_null(strstr(text, "--no-shuffle"));
    assert_null(strstr(text, "{}"));
}

/* The text with every line break and its blanks replaced by one blank, so that lists can be found in it. */
static const char *unwrapped(const char *text)
{
    static char out[32768];
    size_t used = 0;
    for (; *text; text++) {
        char letter = *text == '\n' ? ' ' : *text;
        if (letter != ' ' || used == 0 || out[used - 1] != ' ') out[used++] = letter;
    }
    out[used] = 0;
    return out;
}

static void test_lists_in_help_have_every_row(void **state)
{
    (void)state;
    const char *text = unwrapped(help_of("train --help"));
    int rows;
    const setting *table = settings_table(&rows);
    for (int i = 0; i < rows; i++) {
        char list[512] = "";
        const char *word;
        int by_name = table[i].value_name && strcmp(table[i].value_name, "{}") == 0;
        for (int w = 0; (word = settings_word(&table[i], w)) != NULL; w++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
                     !w        ? ""
                     : by_name ? "|"
                               : ", ",
                     word);
        if ((by_name || strstr(table[i].help, "{}")) && !strstr(text, list))
            fail_msg("--%s: no '%s'", table[i].name, list);
    }
    for (int i = 0; recipe_name(i); i++) assert_non_null(strstr(text, recipe_about(i)));
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++) {
        char form[160];
        spec_form(type, form, sizeof form);
        assert_non_null(strstr(text, form));
    }
    for (int i = 0; schedule_row(i); i++) {
        assert_non_null(strstr(text, schedule_row(i)->form));
        assert_non_null(strstr(text, schedule_row(i)->help));
    }
}

/* The help of each command has its usage, all of its options, and an example. */
static void test_help_of_commands(void **state)
{
    (void)state;
    int count;
    const command *all = options_commands(&count);
    for (int i = 0; i < count; i++) {
        char line[64], usage[64], names[512];
        snprintf(line, sizeof line, "help %s", all[i].name);
        snprintf(usage, sizeof usage, i ? "Usage: mnist_dist %s" : "Usage: mnist_dist [%s]",
                 all[i].name);
        const char *text = help_of(line);
        count_lines(text);
        assert_memory_equal(text, usage, strlen(usage));
        assert_non_null(strstr(text, "\nExample"));
        snprintf(names, sizeof names, "%s %s", all[i].settings ? all[i].settings : "",
                 all[i].options ? all[i].options : "");
        for (char *name = strtok(names, " "); name; name = strtok(NULL, " "))
            if (times_described(text, name) != 1) fail_msg("%s: --%s", all[i].name, name);
        assert_int_equal(times_described(text, "epochs"), i == 0);
    }
    assert_null(strstr(help_of("help evaluate"), "default: cnn")); /* PATH's own */
    assert_non_null(strstr(help_of("help summary"), "default: cnn"));
}

static void test_files_of_predict_and_export(void **state)
{
    (void)state;
    options o = good("predict runs/a one.png --format=csv two.png three.idx");
    assert_int_equal(o.operands, 4);
    assert_string_equal(o.operand[0], "runs/a");
    assert_string_equal(o.operand[1], "one.png");
    assert_string_equal(o.operand[3], "three.idx");
    assert_int_equal(o.format, FORMAT_CSV);
    options_free(&o);
    assert_null(o.operand);
    o = good("export runs/a -o a.keras --which=last");
    assert_string_equal(o.file, "a.keras");
    assert_string_equal(o.cfg.out, "");
    assert_false(o.force);
    assert_true(good("export runs/a --force --out=a.keras").force);
    bad("export runs/a b.keras", STATUS_USAGE, "'b.keras' is too many");
    bad("evaluate runs/a --force", STATUS_USAGE,
        "evaluate has no option '--force': it belongs to export");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_is_the_default),
        cmocka_unit_test(test_the_last_of_equal_options_counts),
        cmocka_unit_test(test_commands_and_operands),
        cmocka_unit_test(test_underscores_are_dashes),
        cmocka_unit_test(test_mistakes_in_options),
        cmocka_unit_test(test_recipes),
        cmocka_unit_test(test_questions_win_over_the_rest),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_apply_sets_only_what_was_given),
        cmocka_unit_test(test_progress_style),
        cmocka_unit_test(test_the_first_screen),
        cmocka_unit_test(test_help_of_train_has_every_option_once),
        cmocka_unit_test(test_lists_in_help_have_every_row),
        cmocka_unit_test(test_help_of_commands),
        cmocka_unit_test(test_files_of_predict_and_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
