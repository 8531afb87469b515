/* The state of a sealed checkpoint: each member that does not fit the others, or the session, is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../../src/train/progress.h"
#include "train/numerics.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

enum { MOST = 8 };

/* 100 samples in batches of 30: 4 steps an epoch, the last of 10 samples. */
static session *make_session(void)
{
    session *s = memory_take(sizeof *s);
    snprintf(s->data.digest, sizeof s->data.digest, "aa");
    snprintf(s->data.name, sizeof s->data.name, "synthetic");
    s->data.height = s->data.width = 28;
    s->data.channels = 1;
    s->data.classes = 10;
    snprintf(s->m.spec, sizeof s->m.spec, "flatten; dense 10");
    s->order = (sampler){.count = 100, .batch = 30};
    return s;
}

static const char epoch_1[] = "{\"epoch\":1,\"step\":4,\"loss\":2.0,\"accuracy\":0.25,"
                              "\"val_loss\":null,\"val_accuracy\":0.5}";
static const char whole[] =
    "{\"epoch\":1,\"step\":6,\"epoch_loss\":90.5,\"epoch_correct\":30,"
    "\"epoch_samples\":60,\"best_epoch\":1,\"best_value\":0.5,"
    "\"code_version\":\"1\",\"data_digest\":\"aa\",\"data_shape\":[28,28,10],"
    "\"model_spec\":\"flatten; dense 10\",\"history\":[%s]}";

static status parse(const char *text, progress_state *p, metrics_epoch *history, failure *why)
{
    session *s = make_session();
    *p = (progress_state){.history = history};
    *why = (failure){""};
    status code = progress_parse(s, text, p, MOST, why);
    memory_free(s);
    return code;
}

static void a_whole_state(void **state)
{
    (void)state;
    char text[2048];
    progress_state p;
    metrics_epoch history[MOST];
    failure why;
    snprintf(text, sizeof text, whole, epoch_1);
    assert_int_equal(parse(text, &p, history, &why), STATUS_OK);
    assert_int_equal(p.epoch, 1);
    assert_int_equal(p.step, 6);
    assert_int_equal(p.epoch_samples, 60);
    assert_int_equal(p.epochs, 1);
    assert_int_equal(history[0].step, 4);
    assert_true(p.epoch_loss == 90.5 && history[0].val_accuracy == 0.5);
    assert_int_equal(p.iteration_offset, 0);
}

/* A run that began with an optimiser's state says how many steps that had done; other runs have no such member. */
static void a_state_with_an_offset(void **state)
{
    (void)state;
    session *s = make_session();
    metrics_epoch history[MOST], back[MOST];
    failure why;
    progress_state p = {.step = 2, .epoch_samples = 60, .history = history}, again;
    for (int offset = 0; offset <= 7; offset += 7) {
        history_text rows = {.epochs = 0};
        p.iteration_offset = offset;
        text_buffer text = progress_text(s, &p, &rows);
        assert_int_equal(strstr(text.text, "\"iteration_offset\":7,") != NULL, offset == 7);
        assert_int_equal(strstr(text.text, "offset") != NULL, offset == 7);
        assert_int_equal(parse(text.text, &again, back, &why), STATUS_OK);
        assert_int_equal(again.iteration_offset, offset);
        text_buffer_free(&text);
        text_buffer_free(&rows.rows);
    }
    memory_free(s);
}

/* What a run of numerics `number` says when it goes on; 0: a checkpoint of the time before numbers. */
static status parse_numerics(int number, int accepts, progress_state *p, failure *why)
{
    static metrics_epoch history[MOST];
    char text[2048], changed[4096], member[32] = "";
    session *s = make_session();
    s->cfg.accept_numerics = accepts;
    snprintf(text, sizeof text, whole, epoch_1);
    if (number) snprintf(member, sizeof member, "\"numerics\":%d,", number);
    snprintf(changed, sizeof changed, "{%s%s", member, text + 1);
    *p = (progress_state){.history = history};
    *why = (failure){""};
    status code = progress_parse(s, changed, p, MOST, why);
    memory_free(s);
    return code;
}

static void numerics_of_another_number_are_accepted_by_the_user_alone(void **state)
{
    (void)state;
    progress_state p;
    failure why;
    assert_int_equal(parse_numerics(NUMERICS, NO, &p, &why), STATUS_OK);
    assert_int_equal(p.numerics_before, 0);
    assert_int_equal(parse_numerics(0, NO, &p, &why),
                     NUMERICS == NUMERICS_FIRST ? STATUS_OK : STATUS_USAGE);
    assert_int_equal(parse_numerics(NUMERICS + 6, NO, &p, &why), STATUS_USAGE);
    char words[64];
    snprintf(words, sizeof words, "was made with numerics %d, this program computes with",
             NUMERICS + 6);
    assert_non_null(strstr(why.text, words));
    assert_non_null(strstr(why.text, "--accept-numerics"));
    assert_int_equal(parse_numerics(NUMERICS + 6, YES, &p, &why), STATUS_OK);
    assert_int_equal(p.numerics_before, NUMERICS + 6);
    assert_int_equal(p.numerics_since, 6);
    assert_int_equal(parse_numerics(-1, YES, &p, &why), STATUS_BAD_DATA);
}

/* A run of two numbers keeps the first one, and the step of the change. */
static void a_state_of_two_numbers(void **state)
{
    (void)state;
    session *s = make_session();
    metrics_epoch history[MOST], back[MOST];
    failure why;
    history_text rows = {.epochs = 0};
    progress_state p = {.step = 2, .epoch_samples = 60, .history = history}, again;
    text_buffer text = progress_text(s, &p, &rows);
    assert_null(strstr(text.text, "numerics_before"));
    text_buffer_free(&text);
    p.numerics_before = 9, p.numerics_since = 1;
    text = progress_text(s, &p, &rows);
    assert_int_equal(parse(text.text, &again, back, &why), STATUS_OK);
    assert_int_equal(again.numerics_before, 9);
    assert_int_equal(again.numerics_since, 1);
    text_buffer_free(&text);
    text_buffer_free(&rows.rows);
    memory_free(s);
}

/* A run that stopped in its first epoch has no best value yet. */
static void a_state_of_the_first_epoch(void **state)
{
    (void)state;
    static const char *const best[] = {"0.0", "null"};
    for (size_t i = 0; i < sizeof best / sizeof *best; i++) {
        char text[2048];
        progress_state p;
        metrics_epoch history[MOST];
        failure why;
        snprintf(text, sizeof text,
                 "{\"epoch\":0,\"step\":2,\"epoch_loss\":90.5,\"epoch_correct\":30,"
                 "\"epoch_samples\":60,\"best_epoch\":0,\"best_value\":%s,"
                 "\"code_version\":\"1\",\"data_digest\":\"aa\",\"data_shape\":[28,28,10],"
                 "\"model_spec\":\"flatten; dense 10\",\"history\":[]}",
                 best[i]);
        assert_int_equal(parse(text, &p, history, &why), STATUS_OK);
        assert_int_equal(p.best_epoch, 0);
    }
}

/* What is put in the place of a part of the whole text, and what the failure says of it. */
static void each_member(void **state)
{
    (void)state;
    static const struct {
        const char *part, *instead, *says;
    } fault[] = {
        {"\"epoch\":1,\"step\":6", "\"epoch\":0,\"step\":6", "state: step is 6, expected 0 to 4"},
        {"\"epoch\":1,\"step\":6", "\"epoch\":-1,\"step\":6",
         "state: epoch is -1, expected 0 to 8"},
        {"\"epoch\":1,\"step\":6", "\"epoch\":9,\"step\":36", "state: epoch is 9"},
        {"\"epoch\":1,\"step\":6", "\"epoch\":1.5,\"step\":6", "state: epoch is 1.5"},
        {"\"epoch\":1,\"step\":6", "\"epoch\":\"1\",\"step\":6", "state: epoch is \"1\""},
        {"\"epoch\":1,\"step\":6", "\"step\":6", "state: epoch is missing"},
        {"\"step\":6", "\"step\":9", "state: step is 9, expected 4 to 8"},
        {"\"step\":6", "\"step\":5", "state: epoch_samples is 60, expected 30"},
        {"\"step\":6", "\"step\":8", "state: epoch_samples is 60, expected 100"},
        {"\"epoch_samples\":60", "\"epoch_samples\":61", "state: epoch_samples is 61, expected 60"},
        {"\"epoch_correct\":30", "\"epoch_correct\":61", "state: epoch_correct is 61"},
        {"\"epoch_loss\":90.5", "\"epoch_loss\":-1.0", "state: epoch_loss is -1.0"},
        {"\"epoch_loss\":90.5", "\"epoch_loss\":null", "state: epoch_loss is null"},
        {"\"best_epoch\":1", "\"best_epoch\":2", "state: best_epoch is 2, expected 0 to 1"},
        {"\"best_epoch\":1", "\"best_epoch\":0", "state: best_value is 0.5, expected null or 0"},
        {"\"best_value\":0.5", "\"best_value\":0.75", "state: best_value is 0.75"},
        {"[28,28,10]", "[-28,28,10]", "state: data_shape is [-28,28,10], expected [28,28,10]"},
        {"[28,28,10]", "[65536,65536,10]", "state: data_shape is [65536,65536,10]"},
        {"[28,28,10]", "\"28\"", "state: data_shape is \"28\""},
        {"\"epoch\":1,\"step\":6", "\"iteration_offset\":0,\"epoch\":1,\"step\":6",
         "state: iteration_offset is 0, expected 1 to"},
        {"\"epoch\":1,\"step\":6", "\"iteration_offset\":-3,\"epoch\":1,\"step\":6",
         "state: iteration_offset is -3"},
        {"\"epoch\":1,\"step\":6", "\"numerics_before\":0,\"epoch\":1,\"step\":6",
         "state: numerics_before is 0, expected 1 to"},
        {"\"epoch\":1,\"step\":6",
         "\"numerics_before\":9,\"numerics_since\":7,\"epoch\":1,\"step\":6",
         "state: numerics_since is 7, expected 0 to 6"},
        {"dense 10\"", "dense 11\"", "state: model_spec is \"flatten; dense 11\""},
        {"\"epoch\":1,\"step\":4", "\"epoch\":2,\"step\":4", "history, epoch 1: epoch is 2"},
        {"\"epoch\":1,\"step\":4", "\"epoch\":1,\"step\":3", "history, epoch 1: step is 3"},
        {"\"accuracy\":0.25", "\"accuracy\":1.5", "history, epoch 1: accuracy is 1.5"},
        {"\"history\":[", "\"history\":[{},", "history has 2 epochs, its state says epoch 1"},
        {"\"history\":[", "\"future\":[", "history has 0 epochs, its state says epoch 1"},
    };
    char text[2048], changed[2048];
    snprintf(text, sizeof text, whole, epoch_1);
    for (size_t i = 0; i < sizeof fault / sizeof *fault; i++) {
        progress_state p;
        metrics_epoch history[MOST];
        failure why;
        const char *at = strstr(text, fault[i].part);
        assert_non_null(at);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, fault[i].instead,
                 at + strlen(fault[i].part));
        assert_int_equal(parse(changed, &p, history, &why), STATUS_BAD_DATA);
        if (!strstr(why.text, fault[i].says)) fail_msg("'%s' lacks '%s'", why.text, fault[i].says);
    }
}

static void other_data_is_a_matter_of_usage(void **state)
{
    (void)state;
    progress_state p;
    metrics_epoch history[MOST];
    failure why;
    assert_int_equal(parse("{\"data_digest\":\"bb\"}", &p, history, &why), STATUS_USAGE);
    assert_non_null(strstr(why.text, "other data (digest bb) than synthetic (digest aa)"));
    assert_int_equal(parse("{", &p, history, &why), STATUS_BAD_DATA);
}

static void other_bits_are_named(void **state)
{
    (void)state;
    progress_state p;
    metrics_epoch history[MOST];
    failure why;
    char text[2048], changed[4096];
    snprintf(text, sizeof text, whole, epoch_1);
    snprintf(changed, sizeof changed, "{\"isa\":\"baseline\",%s", text + 1);
    assert_int_equal(parse(changed, &p, history, &why), STATUS_USAGE);
    assert_non_null(strstr(why.text, "by an older mnist_dist with --isa=baseline"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_state),
        cmocka_unit_test(a_state_with_an_offset),
        cmocka_unit_test(numerics_of_another_number_are_accepted_by_the_user_alone),
        cmocka_unit_test(a_state_of_two_numbers),
        cmocka_unit_test(a_state_of_the_first_epoch),
        cmocka_unit_test(each_member),
        cmocka_unit_test(other_data_is_a_matter_of_usage),
        cmocka_unit_test(other_bits_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
