/* The command line: which command, which settings, which words for a mistake. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "app/progress.h"
#include "base/arena.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

enum { MAX_WORDS = 16 };

/* Parses words separated by one blank. */
static status parse(const char *line, options *o, message *why)
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
    message why;
    status code = parse(line, &o, &why);
    if (code) print_error("'%s': %s\n", line, why.text);
    assert_int_equal(code, STATUS_OK);
    return o;
}

static void bad(const char *line, status code, const char *words)
{
    options o;
    message why;
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
    assert_int_equal(o.choices, 0);
    o = good("-e 3 --batch-size=64 --lr 0.5 -t2 --no-shuffle --resume -o x");
    assert_string_equal(o.command->name, "train");
    assert_int_equal(o.cfg.epochs, 3);
    assert_int_equal(o.cfg.batch_size, 64);
    assert_true(o.cfg.learning_rate == 0.5);
    assert_int_equal(o.cfg.threads, 2);
    assert_int_equal(o.cfg.shuffle, NO);
    assert_int_equal(o.cfg.resume, YES);
    assert_string_equal(o.cfg.out, "x");
    assert_true(options_given(&o, "epochs") && options_given(&o, "shuffle"));
    assert_false(options_given(&o, "seed"));
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
    assert_string_equal(o.operand, "runs/a");
    assert_int_equal(o.which, CHECKPOINT_LAST);
    assert_int_equal(o.json, 1);
    assert_int_equal(good("inspect x").which, CHECKPOINT_BEST);
    assert_int_equal(good("summary").command->place, COMMAND_ALONE);
    assert_int_equal(good("train -q").verbosity, -1);
    assert_int_equal(good("bench -v").verbosity, 1);
    bad("evalute runs/a", STATUS_USAGE, "unknown command 'evalute'; did you mean 'evaluate'?");
    bad("xyzzy", STATUS_USAGE, "mnist_dist --help lists them");
    bad("evaluate", STATUS_USAGE, "evaluate needs PATH");
    bad("evaluate a b", STATUS_USAGE, "'b' is too many");
    bad("train a", STATUS_USAGE, "train takes no operand 'a'");
    bad("-e 3 evaluate", STATUS_USAGE, "a command comes first");
}

static void test_mistakes_in_options(void **state)
{
    (void)state;
    bad("--epcohs 3", STATUS_USAGE, "unknown option '--epcohs'; did you mean '--epochs'?");
    bad("--epcohs=3", STATUS_USAGE, "unknown option '--epcohs'; did you mean '--epochs'?");
    bad("-e 3 --qqqqqq", STATUS_USAGE, "unknown option '--qqqqqq'; see --help");
    bad("--e 3", STATUS_USAGE, "option '--e' is ambiguous");
    bad("--epochs", STATUS_USAGE, "option '--epochs' needs a value");
    bad("-e", STATUS_USAGE, "option '-e' needs a value");
    bad("-vz", STATUS_USAGE, "unknown option '-z'");
    bad("--resume=x", STATUS_USAGE, "option '--resume' takes no value");
    bad("evaluate x --epochs 3", STATUS_USAGE, "unknown option '--epochs'");
    bad("evaluate x --which=first", STATUS_USAGE, "known are best, last");
    bad("-b 0", STATUS_USAGE, "--batch-size=0");
    bad("--config /nowhere/config.json", STATUS_NO_INPUT, "/nowhere/config.json");
}

/* A recipe sets options; those given beside it, before or behind, override. */
static void test_recipes(void **state)
{
    (void)state;
    options o = good("--recipe=fast99");
    assert_int_equal(o.cfg.epochs, 2);
    assert_true(o.cfg.validation_split == 0);
    assert_string_equal(o.cfg.schedule, "one-cycle");
    o = good("-e 7 --recipe fast99 --lr 0.25");
    assert_int_equal(o.cfg.epochs, 7);
    assert_true(o.cfg.learning_rate == 0.25);
    o = good("--optimizer=sgd --recipe fast99");
    assert_true(isnan(o.cfg.learning_rate)); /* adam's rate is none of sgd's */
    bad("--recipe=fast9", STATUS_USAGE, "did you mean 'fast99'?");
    bad("--recipe=fast99 --config x.json", STATUS_USAGE, "exclude each other");
    bad("evaluate x --recipe=fast99", STATUS_USAGE, "unknown option '--recipe'");
}

static void test_questions_win_over_the_rest(void **state)
{
    (void)state;
    assert_int_equal(good("--help").ask, ASK_HELP);
    assert_int_equal(good("evaluate --help").ask, ASK_HELP);
    assert_int_equal(good("--usage").ask, ASK_USAGE);
    assert_int_equal(good("--version").ask, ASK_VERSION);
}

/* A configuration is the ground on which the command line stands. */
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
    message why;
    assert_int_equal(settings_resolve(&o.cfg, &why),
                     STATUS_OK); /* adam's beta1 does not stay behind */
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
    message why;
    assert_int_equal(options_apply(&o, &s, &why), STATUS_OK);
    assert_int_equal(s.threads, 3);
    assert_string_equal(s.isa, "avx2");
    assert_int_equal(s.seed, 77);
}

static void test_progress_style(void **state)
{
    (void)state;
    options o = good("");
    assert_int_equal(progress_choose(&o, 1, 1), PROGRESS_BAR);
    assert_int_equal(progress_choose(&o, 1, 0), PROGRESS_PLAIN); /* under mpirun */
    assert_int_equal(progress_choose(&o, 0, 1), PROGRESS_PLAIN);
    o = good("-q");
    assert_int_equal(progress_choose(&o, 1, 1), PROGRESS_NONE);
    o = good("--progress=json -q");
    assert_int_equal(progress_choose(&o, 1, 1), PROGRESS_JSON);
}

/* Help is made of the table: every option is in it. */
static void test_help_has_every_option(void **state)
{
    (void)state;
    static char text[16384];
    options o = good("--help");
    FILE *f = tmpfile();
    assert_non_null(f);
    options_print_help(&o, f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    int rows, count;
    const setting *table = settings_table(&rows);
    for (int i = 0; i < rows; i++) {
        char word[64];
        snprintf(word, sizeof word, "--%s", table[i].name);
        assert_non_null(strstr(text, word));
    }
    const command *all = options_commands(&count);
    for (int i = 0; i < count; i++) assert_non_null(strstr(text, all[i].summary));
}

static void test_files_of_predict_and_export(void **state)
{
    (void)state;
    options o = good("predict runs/a one.png --format=csv two.png three.idx");
    assert_string_equal(o.operand, "runs/a");
    assert_int_equal(o.more_count, 3);
    assert_string_equal(o.more[0], "one.png");
    assert_string_equal(o.more[2], "three.idx");
    assert_int_equal(o.format, FORMAT_CSV);
    memory_free(o.more);
    o = good("export runs/a -o a.keras --which=last");
    assert_string_equal(o.cfg.out, "a.keras");
    assert_false(o.force);
    assert_true(good("export runs/a --force --out=a.keras").force);
    bad("export runs/a b.keras", STATUS_USAGE, "'b.keras' is too many");
    bad("evaluate runs/a --force", STATUS_USAGE, "unknown option '--force'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_is_the_default),
        cmocka_unit_test(test_the_last_of_equal_options_counts),
        cmocka_unit_test(test_commands_and_operands),
        cmocka_unit_test(test_mistakes_in_options),
        cmocka_unit_test(test_recipes),
        cmocka_unit_test(test_questions_win_over_the_rest),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_apply_sets_only_what_was_given),
        cmocka_unit_test(test_progress_style),
        cmocka_unit_test(test_help_has_every_option),
        cmocka_unit_test(test_files_of_predict_and_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
