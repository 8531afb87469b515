/* Records reach the file as documented; a resumed run cuts them back and is then the same as one never stopped. */
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "io/json.h"
#include "io/metrics.h"
#include "io/one_folder.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static failure remark;

static metrics_step step_of(int64_t step)
{
    return (metrics_step){.epoch = (int)((step - 1) / 4) + 1,
                          .step = step,
                          .loss = 2.3 / (double)step,
                          .accuracy = 1.0 - 1.0 / (double)(step + 1),
                          .learning_rate = 0.001,
                          .images_per_second = 20000.0 + (double)step / 3.0};
}

static metrics_epoch epoch_of(int epoch)
{
    metrics_epoch e = {.epoch = epoch,
                       .step = 4 * epoch,
                       .loss = 1.0 / (double)epoch,
                       .accuracy = 0.9,
                       .val_loss = epoch == 1 ? (double)NAN : 1.0 / 3.0,
                       .val_accuracy = 0.875,
                       .seconds = 2.0 / 3.0,
                       .images_per_second = 12345.678,
                       .phases = 2};
    e.phase[0] = (metrics_phase){
        .name = "forward", .min_s = 0.1, .mean_s = 0.2, .max_s = 0.3, .rank = 1};
    e.phase[1] = (metrics_phase){
        .name = "exchange", .min_s = 0.01, .mean_s = 0.02, .max_s = 0.04, .rank = 0};
    return e;
}

/* Steps first..last, with the epoch's record after every fourth. */
static void add_records(metrics *m, int64_t first, int64_t last)
{
    failure why = {""};
    for (int64_t step = first; step <= last; step++) {
        metrics_step s = step_of(step);
        assert_int_equal(metrics_add_step(m, &s, &why), STATUS_OK);
        if (step % 4) continue;
        metrics_epoch e = epoch_of((int)(step / 4));
        assert_int_equal(metrics_add_epoch(m, &e, &why), STATUS_OK);
    }
    assert_int_equal(metrics_finish(m, &why), STATUS_OK);
}

static metrics *open_at(int64_t last_step)
{
    metrics *m;
    failure why = {""};
    if (metrics_open(folder, last_step, (int)last_step, &m, &remark, &why))
        fail_msg("%s", why.text);
    return m;
}

typedef struct content {
    unsigned char *bytes;
    size_t length;
} content;

static content content_of(const char *name)
{
    content c;
    failure why = {""};
    if (file_read_whole(fixture_path(folder, name), SIZE_MAX, &c.bytes, &c.length, &why))
        fail_msg("%s", why.text);
    return c;
}

static void assert_same_content(content *a, content *b)
{
    assert_int_equal(a->length, b->length);
    assert_memory_equal(a->bytes, b->bytes, a->length);
    memory_free(a->bytes);
    memory_free(b->bytes);
}

/* Records of epochs that are in the file. */
static int count_epochs(void)
{
    int count = 0;
    content c = content_of("metrics.jsonl");
    for (const char *at = (const char *)c.bytes; (at = strstr(at, "\"kind\":\"epoch\"")); at++)
        count++;
    memory_free(c.bytes);
    return count;
}

static void test_lines(void **state)
{
    (void)state;
    metrics *m = open_at(-1);
    add_records(m, 3, 4);
    metrics_close(m);
    content c = content_of("metrics.jsonl");
    assert_string_equal(
        (const char *)c.bytes,
        "{\"kind\":\"step\",\"epoch\":1,\"step\":3,\"loss\":0.766666667,\"accuracy\":0.75,"
        "\"learning_rate\":0.001,\"images_per_second\":20001.0}\n"
        "{\"kind\":\"step\",\"epoch\":1,\"step\":4,\"loss\":0.575,\"accuracy\":0.8,"
        "\"learning_rate\":0.001,\"images_per_second\":20001.3}\n"
        "{\"kind\":\"epoch\",\"epoch\":1,\"step\":4,\"loss\":1.0,\"accuracy\":0.9,\"val_loss\":"
        "null,"
        "\"val_accuracy\":0.875,\"seconds\":0.666667,\"images_per_second\":12345.7,\"phase_s\":{"
        "\"forward\":{\"min\":0.1,\"mean\":0.2,\"max\":0.3,\"rank\":1},"
        "\"exchange\":{\"min\":0.01,\"mean\":0.02,\"max\":0.04,\"rank\":0}}}\n");
    memory_free(c.bytes);
}

/* A step's digest is in its line, and stays there when the run goes on. */
static void test_digests(void **state)
{
    (void)state;
    failure why = {""};
    metrics *m = open_at(-1);
    for (int64_t step = 1; step <= 3; step++) {
        metrics_step s = step_of(step);
        if (step == 2) s.parameters_digest = "0123456789abcdef0123456789abcdef";
        assert_int_equal(metrics_add_step(m, &s, &why), STATUS_OK);
    }
    metrics_close(m);
    metrics_close(open_at(2));
    content c = content_of("metrics.jsonl");
    assert_string_equal(
        (const char *)c.bytes,
        "{\"kind\":\"step\",\"epoch\":1,\"step\":1,\"loss\":2.3,\"accuracy\":0.5,"
        "\"learning_rate\":0.001,\"images_per_second\":20000.3}\n"
        "{\"kind\":\"step\",\"epoch\":1,\"step\":2,\"loss\":1.15,\"accuracy\":0.666666667,"
        "\"learning_rate\":0.001,\"images_per_second\":20000.7,"
        "\"parameters_digest\":\"0123456789abcdef0123456789abcdef\"}\n");
    memory_free(c.bytes);
}

/* float32 values survive nine digits. */
static void test_float32_round_trip(void **state)
{
    (void)state;
    metrics *m = open_at(-1);
    failure why;
    for (uint32_t i = 0; i < 500; i++) {
        rng_key key = {.seed = 5, .stream = RNG_AUGMENT};
        metrics_epoch e = {.epoch = (int)i + 1, .step = i + 1, .loss = (double)rng_float(key, i)};
        assert_int_equal(metrics_add_epoch(m, &e, &why), STATUS_OK);
    }
    metrics_close(m);
    content c = content_of("metrics.jsonl");
    const char *line = (const char *)c.bytes;
    for (uint32_t i = 0; i < 500; i++, line = strchr(line, '\n') + 1) {
        rng_key key = {.seed = 5, .stream = RNG_AUGMENT};
        json_t *record = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
        assert_true((float)json_real_of(record, "loss") == rng_float(key, i));
        json_decref(record);
    }
    assert_int_equal(*line, 0);
    memory_free(c.bytes);
}

/* 12 steps at once, against 10 steps, a stop, and 12 from the checkpoint at `cut`. */
static void resume_at(int64_t cut, const char *torn)
{
    metrics *m = open_at(-1);
    add_records(m, 1, 12);
    metrics_close(m);
    content lines = content_of("metrics.jsonl"), table = content_of("metrics.h5");
    m = open_at(-1);
    add_records(m, 1, 10);
    metrics_close(m);
    FILE *file = fopen(fixture_path(folder, "metrics.jsonl"), "a");
    fputs(torn, file);
    fclose(file);
    m = open_at(cut);
    assert_int_equal(count_epochs(), cut / 4);
    add_records(m, cut + 1, 12);
    metrics_close(m);
    content lines_again = content_of("metrics.jsonl"), table_again = content_of("metrics.h5");
    assert_same_content(&lines, &lines_again);
    assert_same_content(&table, &table_again);
}

static void test_resume_is_as_never_stopped(void **state)
{
    (void)state;
    resume_at(10, "");
    resume_at(8, "");
    resume_at(7, "{\"kind\":\"step\",\"epoch\":3,\"st");
    resume_at(0, "{\"kind\":\"step\",\"epoch\":3,\"step\":11}");
    resume_at(10, "garbage\n");
}

/* All steps of an epoch are done, the epoch is not: its line goes. */
static void test_an_epoch_that_was_not_ended(void **state)
{
    (void)state;
    metrics *m = open_at(-1);
    failure why = {""};
    add_records(m, 1, 8);
    metrics_close(m);
    assert_int_equal(metrics_open(folder, 8, 1, &m, &remark, &why), STATUS_OK);
    assert_int_equal(count_epochs(), 1);
    metrics_close(m);
    content c = content_of("metrics.jsonl");
    assert_non_null(strstr((const char *)c.bytes, "\"kind\":\"step\",\"epoch\":2,\"step\":8,"));
    assert_null(strstr((const char *)c.bytes, "\"kind\":\"epoch\",\"epoch\":2"));
    memory_free(c.bytes);
}

/* What is missing or twice is said; a line of a later step hides none behind it. */
static void test_gaps_are_told(void **state)
{
    (void)state;
    metrics *m = open_at(-1);
    failure why = {""};
    for (int64_t step = 1; step <= 8; step++) {
        metrics_step s = step_of(step == 3 ? 3000 : step == 6 ? 5 : step);
        assert_int_equal(metrics_add_step(m, &s, &why), STATUS_OK);
    }
    metrics_close(m);
    remark.text[0] = 0;
    assert_int_equal(metrics_open(folder, 8, 1, &m, &remark, &why), STATUS_OK);
    metrics_close(m);
    assert_non_null(strstr(remark.text,
                           "/metrics.jsonl: lacks 2 of 8 steps (the first: 3) and 1 of 1 epochs "
                           "(the first: 1); tables and curves will lack them too; has 1 line of a "
                           "step or an epoch that has one before, left out"));
    content c = content_of("metrics.jsonl");
    assert_non_null(strstr((const char *)c.bytes, "\"step\":8,"));
    assert_null(strstr((const char *)c.bytes, "3000"));
    memory_free(c.bytes);
    m = open_at(-1);
    add_records(m, 1, 8);
    metrics_close(m);
    remark.text[0] = 0;
    assert_int_equal(metrics_open(folder, 8, 2, &m, &remark, &why), STATUS_OK);
    metrics_close(m);
    assert_string_equal(remark.text, "");
}

static void test_damage_in_the_middle(void **state)
{
    (void)state;
    metrics *m;
    failure why = {""};
    const char text[] = "{\"kind\":\"step\",\"epoch\":1,\"step\":1}\nnonsense\n{\"kind\":\"step\","
                        "\"epoch\":1,\"step\":2}\n";
    assert_int_equal(
        file_write_whole(fixture_path(folder, "metrics.jsonl"), text, sizeof text - 1, &why),
        STATUS_OK);
    assert_int_equal(metrics_open(folder, 2, 0, &m, &remark, &why), STATUS_BAD_DATA);
    assert_null(m);
    assert_non_null(strstr(why.text, "metrics.jsonl: line 2 is no record"));
    content c = content_of("metrics.jsonl"); /* untouched */
    assert_string_equal((const char *)c.bytes, text);
    memory_free(c.bytes);
}

/* What a host that went down may leave at the end: zeros, more of them than a line has. And a 0 inside is no record. */
static void test_zeros(void **state)
{
    (void)state;
    metrics *m = open_at(-1);
    add_records(m, 1, 8);
    metrics_close(m);
    content whole = content_of("metrics.jsonl");
    static const char zeros[9000];
    FILE *file = fopen(fixture_path(folder, "metrics.jsonl"), "a");
    fwrite(zeros, 1, sizeof zeros, file);
    fclose(file);
    metrics_close(open_at(8));
    content again = content_of("metrics.jsonl");
    assert_same_content(&whole, &again);
    file = fopen(fixture_path(folder, "metrics.jsonl"), "r+");
    fseek(file, 100, SEEK_SET); /* in the first line */
    fputc(0, file);
    fclose(file);
    failure why = {""};
    assert_int_equal(metrics_open(folder, 8, 2, &m, &remark, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "metrics.jsonl: line 1 is no record"));
}

static void test_resume_without_a_file(void **state)
{
    (void)state;
    remove(fixture_path(folder, "metrics.jsonl"));
    metrics_close(open_at(100));
    assert_int_equal(count_epochs(), 0);
}

static void test_cannot_write(void **state)
{
    (void)state;
    metrics *m;
    failure why = {""};
    assert_int_equal(metrics_open(fixture_path(folder, "absent"), -1, 0, &m, &remark, &why),
                     STATUS_CANNOT_WRITE);
    assert_null(m);
    assert_non_null(
        strstr(why.text, "absent/metrics.jsonl: cannot write: No such file or directory"));
}

static double column_value(hid_t file, const char *table, const char *column, hsize_t row)
{
    double values[16];
    hid_t array = H5Dopen2(file, table, H5P_DEFAULT);
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(double));
    H5Tinsert(type, column, 0, H5T_NATIVE_DOUBLE);
    assert_true(array >= 0);
    assert_true(H5Dread(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    assert_true(H5Aexists(array, column) > 0); /* its description */
    H5Tclose(type);
    H5Dclose(array);
    return values[row];
}

static void test_tables(void **state)
{
    (void)state;
    metrics *m = open_at(-1);
    add_records(m, 1, 9);
    metrics_close(m);
    hid_t file = H5Fopen(fixture_path(folder, "metrics.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    assert_true(column_value(file, "steps", "step", 8) == 9.0);
    assert_true(column_value(file, "steps", "epoch", 8) == 3.0);
    assert_true(column_value(file, "steps", "loss", 2) == 0.766666667);
    assert_true(isnan(column_value(file, "epochs", "val_loss", 0)));
    assert_true(column_value(file, "epochs", "val_loss", 1) == 0.333333333);
    assert_true(column_value(file, "epochs", "step", 1) == 8.0);
    assert_true(column_value(file, "epochs", "exchange_max_s", 1) == 0.04);
    assert_true(column_value(file, "epochs", "forward_rank", 0) == 1.0);
    H5Fclose(file);
}

static hsize_t rows_of_table(void)
{
    hsize_t rows;
    hid_t file = H5Fopen(fixture_path(folder, "metrics.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t table = H5Dopen2(file, "steps", H5P_DEFAULT), space = H5Dget_space(table);
    H5Sget_simple_extent_dims(space, &rows, NULL);
    H5Sclose(space);
    H5Dclose(table);
    H5Fclose(file);
    return rows;
}

/* Flushed after every step: all lines are there each time, the table not always, and rarely when it is long. */
static void test_table_is_rebuilt_rarely(void **state)
{
    (void)state;
    enum { STEPS = 2000 };
    failure why = {""};
    metrics *m = open_at(-1);
    hsize_t rows = 0, rebuilt = 0, written = 0;
    for (int64_t step = 1; step <= STEPS; step++) {
        metrics_step s = step_of(step);
        assert_int_equal(metrics_add_step(m, &s, &why), STATUS_OK);
        assert_int_equal(metrics_flush(m, &why), STATUS_OK);
        assert_int_equal(metrics_tabulate(m, &why), STATUS_OK);
        hsize_t now = rows_of_table();
        assert_true(now == rows || now == (hsize_t)step);
        assert_true((double)now >= (double)step / 1.125 - 1);
        if (now != rows) rebuilt++, written += now;
        rows = now;
    }
    assert_in_range(rebuilt, 20, 70);
    assert_true(written < 10 * STEPS);
    content lines = content_of("metrics.jsonl");
    assert_non_null(strstr((const char *)lines.bytes, "\"step\":2000,"));
    memory_free(lines.bytes);
    assert_true(rows < STEPS);
    assert_int_equal(metrics_finish(m, &why), STATUS_OK);
    assert_int_equal(rows_of_table(), STEPS);
    metrics_close(m);
}

static void test_empty_tables(void **state)
{
    (void)state;
    failure why = {""};
    metrics *m = open_at(-1);
    assert_int_equal(metrics_flush(m, &why), STATUS_OK);
    metrics_close(m);
    assert_true(H5Fis_hdf5(fixture_path(folder, "metrics.h5")) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_float32_round_trip),
        cmocka_unit_test(test_resume_is_as_never_stopped),
        cmocka_unit_test(test_an_epoch_that_was_not_ended),
        cmocka_unit_test(test_damage_in_the_middle),
        cmocka_unit_test(test_gaps_are_told),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_resume_without_a_file),
        cmocka_unit_test(test_cannot_write),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_table_is_rebuilt_rarely),
        cmocka_unit_test(test_empty_tables),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
