/* unit/train_settings.c - the table of settings: values set, read back and refused, defaults, JSON, resuming. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "model/presets.h"
#include "train/settings.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void set(settings *s, const char *name, const char *value)
{
    failure why = {""};
    status code = settings_set(s, name, value, &why);
    if (code) print_error("%s\n", why.text);
    assert_int_equal(code, STATUS_OK);
}

/* The value is refused with these words in the message, and nothing changes. */
static void refused(const char *name, const char *value, const char *words)
{
    settings s = settings_default(), before = settings_default();
    failure why = {""};
    assert_int_equal(settings_set(&s, name, value, &why), STATUS_USAGE);
    if (!strstr(why.text, words)) print_error("'%s' lacks '%s'\n", why.text, words);
    assert_non_null(strstr(why.text, words));
    assert_memory_equal(&s, &before, offsetof(settings, learning_rate));
}

static void test_defaults_are_those_of_the_help(void **state)
{
    (void)state;
    settings s = settings_default();
    failure why;
    assert_int_equal(settings_resolve(&s, &why), STATUS_OK);
    assert_string_equal(s.model, "cnn");
    assert_int_equal(s.epochs, 5);
    assert_int_equal(s.batch_size, 128);
    assert_true(s.validation_split == 0.1);
    assert_true(s.learning_rate == 0.001);
    assert_true(s.beta1 == 0.9 && s.beta2 == 0.999 && s.epsilon == 1e-7);
    assert_true(isnan(s.momentum));
    assert_int_equal(s.shuffle, YES);
    assert_int_equal(s.seed, 1);
    assert_int_equal(s.grain, 8);
    assert_string_equal(s.checkpoint_every, "1");
    assert_true(settings_time_limit(&s) == 0 && settings_time_margin(&s) == 60);
    assert_string_equal(s.isa, "auto");
}

static void default_is(const char *name, const char *words)
{
    char found[SETTINGS_TEXT];
    settings_default_words(settings_row(name), found);
    assert_string_equal(found, words);
}

static void test_defaults_in_words(void **state)
{
    (void)state;
    default_is("epochs", "5");
    default_is("reduce", "tree");
    default_is("out", "runs/MODEL-DATA-N");
    default_is("resume", ""); /* a flag */
    default_is("momentum", "0 for rmsprop; otherwise 0.9");
    default_is("epsilon", "1e-07");
    default_is("weight-decay", "0.004 for adamw; otherwise 0");
    char rates[SETTINGS_TEXT];
    settings_default_words(settings_row("learning-rate"), rates);
    assert_non_null(strstr(rates, "1 for lars; "));
    assert_non_null(strstr(rates, "otherwise 0.0"));
    default_is("data", "the first of these that is there: $MNIST_DIR, data/mnist, data/MNIST/raw, "
                       "/usr/share/datasets/mnist, /usr/share/datasets/fashion-mnist; else "
                       "synthetic");
}

/* The row's words are exactly these, with blanks between them. */
static void words_are(const char *name, const char *words)
{
    char found[256] = "";
    const char *word;
    for (int i = 0; (word = settings_word(settings_row(name), i)) != NULL; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), i ? " %s" : "%s", word);
    assert_string_equal(found, words);
}

static void test_words_come_from_the_tables(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned uses;
    } numbers[] = {
        {"optimizer", 0}, {"learning-rate", 0}, {"momentum", USES_MOMENTUM}, {"beta2", USES_BETA2}};
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        char names[256] = "";
        for (int i = 0; optimizer_row(i); i++)
            if ((optimizer_row(i)->uses & numbers[n].uses) == numbers[n].uses)
                snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                         names[0] ? " " : "", optimizer_name(i));
        words_are(numbers[n].name, names);
    }
    words_are("progress", "auto bar plain json none");
    words_are("seed", "");
    int presets = 0;
    for (; presets_name(presets); presets++)
        assert_string_equal(settings_word(settings_row("model"), presets), presets_name(presets));
    assert_null(settings_word(settings_row("model"), presets));
    assert_string_equal(settings_word(settings_row("isa"), 0), "auto");
    assert_string_equal(settings_word(settings_row("isa"), 1), "baseline");
}

/* What --help needs of a row: a group, a text, and words if a text has "{}". */
static void test_every_row_is_complete(void **state)
{
    (void)state;
    int rows, briefs = 0;
    const setting *table = settings_table(&rows);
    for (int i = 0; i < rows; i++) {
        const setting *row = &table[i];
        assert_true(row->name && row->help && row->group < GROUPS);
        assert_true(!strstr(row->help, "{}") || settings_word(row, 0));
        assert_true(!row->value_name || strcmp(row->value_name, "{}") != 0 || row->choices);
        assert_int_equal(row->type == SETTING_CHOICE, row->choices != NULL);
        assert_true(row->value_name || strcmp(row->choices[YES], "yes") == 0);
        assert_true(settings_group_name(row->group)[0] >= 'A');
        assert_ptr_equal(settings_row(row->name), row);
        for (const setting_alias *a = row->aliases; a && a->alias; a++) {
            settings s = settings_default(), t = s;
            set(&s, row->name, a->alias);
            set(&t, row->name, a->word);
            assert_memory_equal(&s, &t, sizeof s);
        }
        briefs += row->brief != NULL;
    }
    assert_int_equal(briefs, 10);
    assert_ptr_equal(settings_row("lr"), settings_row("learning-rate"));
}

static void test_values_are_set_and_read_back(void **state)
{
    (void)state;
    settings s = settings_default();
    set(&s, "epochs", "12");
    set(&s, "lr", "0.1");
    set(&s, "reduce", "mpi");
    set(&s, "shuffle", "no");
    set(&s, "resume", "yes");
    set(&s, "model", "flatten; dense 10");
    assert_int_equal(s.epochs, 12);
    assert_true(s.learning_rate == 0.1);
    assert_int_equal(s.reduce, REDUCE_MPI);
    assert_int_equal(s.shuffle, NO);
    assert_int_equal(s.resume, YES);
    assert_string_equal(s.model, "flatten; dense 10");
    char value[SETTINGS_TEXT];
    settings_value(&s, settings_row("learning-rate"), value);
    assert_string_equal(value, "0.1");
    settings_value(&s, settings_row("reduce"), value);
    assert_string_equal(value, "mpi");
    settings_value(&s, settings_row("momentum"), value);
    assert_string_equal(value, "");
    assert_null(settings_row("epoch"));
}

static void resolves(const char *name, const char *value, const char *words)
{
    settings s = settings_default();
    failure why = {""};
    set(&s, name, value);
    assert_int_equal(settings_resolve(&s, &why), words ? STATUS_USAGE : STATUS_OK);
    if (words && !strstr(why.text, words)) fail_msg("no '%s' in: %s", words, why.text);
}

static void test_times_and_lengths_are_checked(void **state)
{
    (void)state;
    resolves("checkpoint-every", "500steps", NULL);
    resolves("checkpoint-every", "10min", NULL);
    resolves("checkpoint-every", "2hours", "--checkpoint-every=2hours");
    resolves("time-limit", "2h", NULL);
    resolves("time-limit", "1-12:00:00", NULL);
    resolves("time-limit", "90", "--time-limit=90: must be a duration");
    resolves("time-limit", "60s", "leaves no time before --time-margin=60s");
    resolves("time-margin", "soon", "--time-margin=soon");
    refused("epochs", "2epochs", "a whole number");
}

static void test_bad_values_are_refused_in_words(void **state)
{
    (void)state;
    refused("epcohs", "3", "unknown option '--epcohs'; did you mean '--epochs'?");
    refused("zzzz", "3", "unknown option '--zzzz'");
    refused("batch-size", "0", "--batch-size=0: must be a whole number from 1 to 16,777,216");
    refused("batch-size", "12.5", "--batch-size=12.5");
    refused("batch-size", "", "a whole number");
    refused("batch-size", " 8", "a whole number");
    refused("epochs", "99999999999999999999", "a whole number");
    refused("learning-rate", "0", "--learning-rate=0: must be a number above 0");
    refused("learning-rate", "-1", "above 0");
    refused("learning-rate", "nan", "above 0");
    refused("validation-split", "1", "--validation-split=1: must be a number from 0 to below 1");
    refused("reduce", "tre", "did you mean 'tree'?");
    refused("progress", "loud", "--progress=loud: unknown; known are auto, bar, plain, json, none");
    refused("monitor", "val_accurcy", "did you mean 'val_accuracy'?");
    refused("monitor", "validation_los", "did you mean 'validation_loss'?");
    refused("monitor", "v_accuracy", "did you mean 'val_accuracy'?"); /* not 'accuracy' */
    char longest[SETTINGS_TEXT + 1] = "";
    memset(longest, 'x', SETTINGS_TEXT);
    refused("data", longest, "longer than 1023 characters");
}

static void resolves_to(const char *optimizer, double rate, double momentum, double beta1)
{
    settings s = settings_default();
    failure why;
    set(&s, "optimizer", optimizer);
    assert_int_equal(settings_resolve(&s, &why), STATUS_OK);
    assert_true(s.learning_rate == rate);
    assert_true(isnan(momentum) ? isnan(s.momentum) : s.momentum == momentum);
    assert_true(isnan(beta1) ? isnan(s.beta1) : s.beta1 == beta1);
    assert_true(settings_optimizer(&s).learning_rate == rate);
}

static void cannot_resolve(const char *name, const char *value, const char *other, const char *also,
                           const char *words)
{
    settings s = settings_default();
    failure why = {""};
    set(&s, name, value);
    if (other) set(&s, other, also);
    assert_int_equal(settings_resolve(&s, &why), STATUS_USAGE);
    assert_non_null(strstr(why.text, words));
}

static void test_resolving(void **state)
{
    (void)state;
    double none = (double)NAN;
    resolves_to("adam", 0.001, none, 0.9);
    resolves_to("sgd", 0.01, none, none);
    resolves_to("momentum", 0.01, 0.9, none);
    resolves_to("nesterov", 0.01, 0.9, none);
    resolves_to("adamw", 0.001, none, 0.9);
    resolves_to("lars", 1, 0.9, none);
    resolves_to("lamb", 0.001, none, 0.9);
    cannot_resolve("schedule", "cosin", NULL, NULL, "did you mean 'cosine'?");
    cannot_resolve("warmup", "2weeks", NULL, NULL, "--warmup='2weeks'");
    cannot_resolve("hang-timeout", "0.5s", "hang-timeout", "0.5s", "from 1s up");
    cannot_resolve("hang-timeout", "30", "hang-timeout", "30", "must be a duration");
    cannot_resolve("target-accuracy", "0.9", "validation-split", "0", "needs a validation set");
    cannot_resolve("optimizer", "lars", "epsilon", "1e-8", "--epsilon has no meaning");
    cannot_resolve("optimizer", "adm", NULL, NULL, "did you mean 'adam'?");
    cannot_resolve("momentum", "0.5", NULL, NULL,
                   "use --optimizer=momentum, nesterov, rmsprop or lars");
    cannot_resolve("optimizer", "sgd", "beta1", "0.5",
                   "--beta1 has no meaning for --optimizer=sgd");
    cannot_resolve("resume", "yes", NULL, NULL, "-o DIR");
    cannot_resolve("optimizer-state", "yes", NULL, NULL, "--weights PATH");
    cannot_resolve("accept-numerics", "yes", "out", "runs/a", "give --resume or --resume-from");
    cannot_resolve("out", "weights.h5", NULL, NULL, "--out=weights.h5: must be a folder");
    cannot_resolve("out", "runs/a.onnx", NULL, NULL,
                   "tools/export_onnx.py (.onnx) writes the model");
    cannot_resolve("resume", "yes", "resume-from", "runs/a", "exclude each other");
    cannot_resolve("weights", "a.weights.h5", "resume-from", "runs/a", "exclude each other");
}

static void test_the_rate_grows_with_the_batch(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        double want;
    } cases[] = {{"none", 0.001}, {"linear", 0.004}, {"sqrt", 0.002}};
    for (int i = 0; i < 3; i++) {
        settings s = settings_default();
        failure why;
        set(&s, "batch-size", "512");
        set(&s, "lr-scaling", cases[i].rule);
        assert_int_equal(settings_resolve(&s, &why), STATUS_OK);
        assert_true(settings_optimizer(&s).learning_rate == cases[i].want);
        assert_true(s.learning_rate == 0.001); /* what a configuration keeps is scaled once */
    }
}

static void test_weight_decay_follows_the_optimizer(void **state)
{
    (void)state;
    settings s = settings_default(), adamw = settings_default();
    failure why;
    set(&adamw, "optimizer", "adamw");
    assert_int_equal(settings_resolve(&s, &why), STATUS_OK);
    assert_int_equal(settings_resolve(&adamw, &why), STATUS_OK);
    assert_true(s.weight_decay == 0 && adamw.weight_decay == 0.004);
    settings_forget_optimizer(&adamw);
    assert_true(isnan(adamw.weight_decay));
}

static void test_resolving_keeps_what_was_set(void **state)
{
    (void)state;
    settings s = settings_default();
    failure why;
    set(&s, "optimizer", "momentum");
    set(&s, "momentum", "0.5");
    set(&s, "learning-rate", "0.25");
    assert_int_equal(settings_resolve(&s, &why), STATUS_OK);
    optimizer_cfg o = settings_optimizer(&s);
    assert_string_equal(o.type->name, "momentum");
    assert_true(o.momentum == 0.5 && o.learning_rate == 0.25);
}

/* A value of every row, in the order of the rows. */
static const char *const round_trip[][2] = {
    {"model", "flatten; dense 10"},
    {"data", "a \"b\"\\c\n\xc3\xa9"},
    {"classes", "10"},
    {"epochs", "7"},
    {"batch-size", "60"},
    {"validation-split", "0.3333333333333333"},
    {"optimizer", "nesterov"},
    {"learning-rate", "1.2345678901234568e-05"},
    {"lr-scaling", "sqrt"},
    {"schedule", "cosine 0.1"},
    {"warmup", "2epochs"},
    {"momentum", "0.7"},
    {"beta1", "0.1"},
    {"beta2", "0.2"},
    {"epsilon", "1e-09"},
    {"weight-decay", "0.01"},
    {"clip-norm", "1.5"},
    {"label-smoothing", "0.1"},
    {"augment", "shift 2; erase 6"},
    {"shuffle", "no"},
    {"seed", "9007199254740991"},
    {"threads", "3"},
    {"out", "x"},
    {"resume", "yes"},
    {"resume-from", "y"},
    {"accept-numerics", "yes"},
    {"weights", "z.weights.h5"},
    {"optimizer-state", "yes"},
    {"checkpoint-every", "500steps"},
    {"keep", "3"},
    {"time-limit", "2h"},
    {"time-margin", "90s"},
    {"monitor", "accuracy"},
    {"patience", "4"},
    {"min-delta", "0.25"},
    {"target-accuracy", "0.75"},
    {"limit", "100"},
    {"max-steps", "9"},
    {"digest-every", "20"},
    {"audit", "100"},
    {"hang-timeout", "10min"},
    {"reduce", "mpi"},
    {"eval-on", "root"},
    {"share", "off"},
    {"exchange", "halving"},
    {"gemm", "blis"},
    {"precision", "bf16"},
    {"exact-conv", "yes"},
    {"progress", "json"},
    {"profile", "yes"},
    {"grain", "4"},
    {"isa", "avx2"},
};

/* Each of them is unchanged after writing and reading JSON. */
static void test_json_round_trip(void **state)
{
    (void)state;
    int rows;
    const setting *table = settings_table(&rows);
    assert_int_equal(rows, sizeof round_trip / sizeof *round_trip);
    settings s = settings_default(), back = settings_default();
    for (int i = 0; i < rows; i++) {
        assert_string_equal(round_trip[i][0], table[i].name);
        set(&s, round_trip[i][0], round_trip[i][1]);
    }
    char *json = settings_to_json(&s, SETTING_PLACE);
    failure why = {""};
    assert_int_equal(settings_from_json(&back, json, &why), STATUS_OK);
    char *again = settings_to_json(&back, SETTING_PLACE);
    assert_string_equal(json, again);
    for (int i = 0; i < rows; i++) {
        char value[SETTINGS_TEXT];
        settings_value(&back, &table[i], value);
        assert_string_equal(value, round_trip[i][1]);
    }
    memory_free(json);
    memory_free(again);
}

static void test_json_holds_the_roles_asked_for(void **state)
{
    (void)state;
    settings s = settings_default();
    char *bits = settings_to_json(&s, SETTING_BITS), *grows = settings_to_json(&s, SETTING_GROWS);
    assert_non_null(strstr(bits, "\"batch-size\": 128"));
    assert_null(strstr(bits, "epochs"));
    assert_null(strstr(bits, "threads"));
    assert_null(strstr(bits, "momentum\":")); /* not set: left out */
    assert_non_null(strstr(grows, "\"epochs\": 5"));
    assert_null(strstr(grows, "threads"));
    memory_free(bits);
    memory_free(grows);
}

static void bad_json(const char *json, const char *words)
{
    settings s = settings_default();
    failure why = {""};
    assert_int_equal(settings_from_json(&s, json, &why), STATUS_USAGE);
    assert_non_null(strstr(why.text, words));
}

static void test_bad_json_is_refused(void **state)
{
    (void)state;
    bad_json("", "no JSON object");
    bad_json("[1]", "not an object");
    bad_json("{\"epochs\": 3", "no JSON object");
    bad_json("{\"epochs\": true}", "\"epochs\" is neither a text nor a number");
    bad_json("{\"epochs\": 0}", "--epochs=0");
    bad_json("{\"epcohs\": 3}", "did you mean '--epochs'?");
    bad_json("{\"epochs\": 3, \"epochs\": 4}", "no JSON object");
}

static void test_match_compares_what_defines_the_bits(void **state)
{
    (void)state;
    settings s = settings_default();
    failure why = {""};
    assert_int_equal(settings_resolve(&s, &why), STATUS_OK);
    char *stored = settings_to_json(&s, SETTING_BITS);
    set(&s, "epochs", "50");
    set(&s, "learning-rate", "0.5");
    set(&s, "threads", "7");
    assert_int_equal(settings_match(&s, stored, &why), STATUS_OK);
    set(&s, "seed", "2");
    assert_int_equal(settings_match(&s, stored, &why), STATUS_USAGE);
    assert_non_null(strstr(why.text, "--seed is 2, but the checkpoint was made with 1"));
    memory_free(stored);
}

/* If the schedule is stretched over all epochs, all learning rates depend on their number. */
static void test_epochs_must_match_where_the_schedule_spans_them(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        status more;
    } cases[] = {{"constant", STATUS_OK},  {"step 2 0.5", STATUS_OK}, {"plateau", STATUS_OK},
                 {"cosine", STATUS_USAGE}, {"linear", STATUS_USAGE},  {"one-cycle", STATUS_USAGE}};
    for (int i = 0; i < 6; i++) {
        settings s = settings_default();
        failure why = {""};
        set(&s, "schedule", cases[i].spec);
        assert_int_equal(settings_resolve(&s, &why), STATUS_OK);
        char *stored = settings_to_json(&s, SETTING_BITS);
        assert_int_equal(strstr(stored, "\"epochs\": 5") != NULL, cases[i].more != STATUS_OK);
        assert_int_equal(settings_match(&s, stored, &why), STATUS_OK);
        set(&s, "patience", "2");
        assert_int_equal(settings_match(&s, stored, &why), STATUS_OK);
        set(&s, "epochs", "6");
        assert_int_equal(settings_match(&s, stored, &why), cases[i].more);
        assert_true(cases[i].more == STATUS_OK ||
                    strstr(why.text, "--epochs is 6, but the checkpoint was made with 5, over "
                                     "which its schedule is stretched"));
        set(&s, "schedule", i == 0 ? "cosine" : "constant");
        assert_int_equal(settings_match(&s, stored, &why), STATUS_USAGE);
        assert_non_null(strstr(why.text, "--schedule is "));
        memory_free(stored);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rate_grows_with_the_batch),
        cmocka_unit_test(test_weight_decay_follows_the_optimizer),
        cmocka_unit_test(test_epochs_must_match_where_the_schedule_spans_them),
        cmocka_unit_test(test_defaults_are_those_of_the_help),
        cmocka_unit_test(test_defaults_in_words),
        cmocka_unit_test(test_words_come_from_the_tables),
        cmocka_unit_test(test_every_row_is_complete),
        cmocka_unit_test(test_values_are_set_and_read_back),
        cmocka_unit_test(test_times_and_lengths_are_checked),
        cmocka_unit_test(test_bad_values_are_refused_in_words),
        cmocka_unit_test(test_resolving),
        cmocka_unit_test(test_resolving_keeps_what_was_set),
        cmocka_unit_test(test_json_round_trip),
        cmocka_unit_test(test_json_holds_the_roles_asked_for),
        cmocka_unit_test(test_bad_json_is_refused),
        cmocka_unit_test(test_match_compares_what_defines_the_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
