/* What differs between two checkpoints or records is named: member, step, tensor, element, bits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "io/difference.h"
#include "io/one_folder.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void put(const char *name, const void *bytes, size_t length)
{
    failure why = {""};
    if (file_write_whole(fixture_path(folder, name), bytes, length, &why)) fail_msg("%s", why.text);
}

static checkpoint_file *file_of(const char *name, const checkpoint *c, int of_keras)
{
    unsigned char *bytes;
    size_t length;
    checkpoint_file *file;
    failure why = {""};
    status code = of_keras ? checkpoint_build_keras(c, &bytes, &length, &why)
                           : checkpoint_build(c, &bytes, &length, &why);
    if (code) fail_msg("%s", why.text);
    put(name, bytes, length);
    memory_free(bytes);
    if (checkpoint_open(fixture_path(folder, name), &file, &why)) fail_msg("%s", why.text);
    return file;
}

static differences compared(const checkpoint *a, const checkpoint *b, int b_of_keras)
{
    differences d = {0};
    failure why = {""};
    checkpoint_file *left = file_of("a.weights.h5", a, 0),
                    *right = file_of("b.weights.h5", b, b_of_keras);
    if (difference_of_checkpoints(left, right, &d, &why)) fail_msg("%s", why.text);
    checkpoint_close(left);
    checkpoint_close(right);
    return d;
}

/* One line, and this one. */
static void says(differences d, const char *line)
{
    assert_int_equal(d.found, 1);
    assert_string_equal(d.lines.text, line);
    differences_free(&d);
}

static void the_same_state_does_not_differ(void **state)
{
    (void)state;
    arena memory = {0};
    differences d = compared(fixture_cnn(&memory), fixture_cnn(&memory), 0);
    assert_int_equal(d.found, 0);
    assert_int_equal(d.tensors, 8 + 16 + 2); /* slots, iteration and learning rate, too */
    assert_int_equal(d.values, 3 * 225034 + 2);
    arena_free(&memory);
}

static void a_step_of_the_optimizer_is_found(void **state)
{
    (void)state;
    arena memory = {0};
    checkpoint *a = fixture_cnn(&memory), *b = fixture_cnn(&memory);
    b->iteration = a->iteration + 1;
    says(compared(a, b, 0), "/optimizer/vars/0 (), int64: 1 of 1 elements differ; the first is []: "
                            "4220 and 4221\n");
    arena_free(&memory);
}

/* The same position, and a history that lost an epoch. */
static void an_epoch_of_the_history_is_found(void **state)
{
    (void)state;
    arena memory = {0};
    checkpoint *a = fixture_cnn(&memory), *b = fixture_cnn(&memory);
    a->state = "{\"epoch\":2,\"history\":[{\"epoch\":1},{\"epoch\":2}]}";
    b->state = "{\"epoch\":2,\"history\":[{\"epoch\":1}]}";
    says(compared(a, b, 0), "history: 2 and 1 epochs\n");
    arena_free(&memory);
}

static void one_bit_is_found(void **state)
{
    (void)state;
    arena memory = {0};
    checkpoint *a = fixture_cnn(&memory), *b = fixture_cnn(&memory);
    uint32_t bits;
    float *value = &b->layer[2].tensor[0].values[64 * (32 * 4 + 3) + 5]; /* [1, 1, 3, 5] */
    memcpy(&bits, value, sizeof bits);
    uint32_t flipped = bits ^ 1;
    memcpy(value, &flipped, sizeof flipped);
    char line[512];
    double apart = fabs((double)*value - (double)a->layer[2].tensor[0].values[64 * 131 + 5]);
    snprintf(line, sizeof line,
             "/layers/conv2d_1/vars/0 (3, 3, 32, 64): 1 of 18432 elements differ; the first is [1, "
             "1, 3, 5]: %.9g (0x%08x) and %.9g (0x%08x); the largest difference is %.3g\n",
             (double)a->layer[2].tensor[0].values[64 * 131 + 5], bits, (double)*value, flipped,
             apart);
    says(compared(a, b, 0), line);
    arena_free(&memory);
}

static void zeros_of_either_sign_and_nans_are_bits(void **state)
{
    (void)state;
    arena memory = {0};
    checkpoint *a = fixture_small(&memory), *b = fixture_small(&memory);
    float *left = a->layer[1].tensor[1].values, *right = b->layer[1].tensor[1].values;
    left[0] = 0.0f, right[0] = -0.0f;
    left[1] = right[1] = (float)NAN;
    left[2] = 1.0f, right[2] = 4.0f;
    says(compared(a, b, 0),
         "/layers/dense/vars/1 (4,): 2 of 4 elements differ; the first is [0]: 0 (0x00000000) and "
         "-0 (0x80000000); the largest difference is 3\n");
    left[3] = (float)INFINITY;
    differences d = compared(a, b, 0);
    assert_non_null(strstr(d.lines.text, "3 of 4 elements"));
    assert_non_null(strstr(d.lines.text, "the largest difference is inf"));
    differences_free(&d);
    arena_free(&memory);
}

static void slots_count(void **state)
{
    (void)state;
    arena memory = {0};
    checkpoint *a = fixture_lstm(&memory), *b = fixture_lstm(&memory);
    b->slot_values[0][1][7] += 1.0f;
    differences d = compared(a, b, 0);
    assert_int_equal(d.found, 1);
    assert_non_null(strstr(d.lines.text, "/optimizer/vars/3 (16, 64): 1 of 1024 elements differ"));
    differences_free(&d);
    arena_free(&memory);
}

static void settings_and_state_are_named(void **state)
{
    (void)state;
    arena memory = {0};
    checkpoint *a = fixture_small(&memory), *b = fixture_small(&memory);
    b->configuration = "{\"model\":\"cnn\",\"seed\":2,\"grain\":8}";
    b->state = "{\"epoch\":3,\"step\":4221,\"history\":[0.5,0.125]}";
    differences d = compared(a, b, 0);
    assert_int_equal(d.found, 4);
    assert_string_equal(d.lines.text, "settings: seed: 1 and 2\n"
                                      "settings: grain: none and 8\n"
                                      "state: step: 4220 and 4221\n"
                                      "history: epoch 2: 0.25 and 0.125\n");
    differences_free(&d);
    arena_free(&memory);
}

/* A checkpoint of the time before numbers is one of number 1. */
static void numerics_without_a_number_are_number_1(void **state)
{
    (void)state;
    arena memory = {0};
    checkpoint *a = fixture_small(&memory), *b = fixture_small(&memory);
    a->state = "{\"step\":4,\"history\":[]}";
    b->state = "{\"step\":4,\"numerics\":1,\"history\":[]}";
    assert_int_equal(compared(a, b, 0).found, 0);
    assert_int_equal(compared(b, a, 0).found, 0);
    b->state = "{\"step\":4,\"numerics\":2,\"history\":[]}";
    says(compared(a, b, 0), "state: numerics: 1 and 2\n");
    says(compared(b, a, 0), "state: numerics: 2 and 1\n");
    arena_free(&memory);
}

static void other_models_are_named(void **state)
{
    (void)state;
    arena memory = {0};
    differences d = compared(fixture_small(&memory), fixture_lstm(&memory), 1);
    assert_int_equal(d.found, 5);
    assert_non_null(strstr(d.lines.text, "/layers/dense/vars/0: (6, 4) and (16, 10)\n"));
    assert_non_null(strstr(d.lines.text, "/layers/lstm/cell/vars/2: none and (64,)\n"));
    differences_free(&d);
    d = compared(fixture_lstm(&memory), fixture_small(&memory), 1);
    assert_non_null(strstr(d.lines.text, "/layers/lstm/cell/vars/2: (64,) and none\n"));
    differences_free(&d);
    arena_free(&memory);
}

/* A file of Keras has parameters alone. */
static void a_keras_file_is_compared_by_its_layers(void **state)
{
    (void)state;
    arena memory = {0};
    checkpoint *a = fixture_cnn(&memory);
    differences d = compared(a, a, 1);
    assert_int_equal(d.found, 0);
    assert_int_equal(d.values, 225034);
    arena_free(&memory);
}

/* ---- records ---- */

#define STEP(n, loss, rate)                                                                        \
    "{\"kind\":\"step\",\"epoch\":1,\"step\":" #n ",\"loss\":" #loss                               \
    ",\"images_per_second\":" #rate "}\n"
#define DIGEST(n, loss, digest)                                                                    \
    "{\"kind\":\"step\",\"epoch\":1,\"step\":" #n ",\"loss\":" #loss                               \
    ",\"parameters_digest\":\"" digest "\"}\n"
#define EPOCH(loss, seconds)                                                                       \
    "{\"kind\":\"epoch\",\"epoch\":1,\"step\":2,\"val_loss\":" #loss ",\"seconds\":" #seconds      \
    ",\"phase_s\":{\"forward\":" #seconds "}}\n"

static differences records(const char *a, const char *b)
{
    char left[FILE_PATH];
    differences d = {0};
    failure why = {""};
    put("a.jsonl", a, strlen(a));
    put("b.jsonl", b, strlen(b));
    snprintf(left, sizeof left, "%s", fixture_path(folder, "a.jsonl"));
    if (difference_of_records(left, fixture_path(folder, "b.jsonl"), &d, &why))
        fail_msg("%s", why.text);
    return d;
}

static void clocks_do_not_count(void **state)
{
    (void)state;
    differences d = records(STEP(1, 0.5, 7) STEP(2, 0.4, 8) EPOCH(0.25, 1),
                            STEP(1, 0.5, 9) STEP(2, 0.4, 3) EPOCH(0.25, 2) "{\"kind\":\"st");
    assert_int_equal(d.found, 0);
    assert_int_equal(d.records, 3);
}

/* Another version of the program may write 1 where this one writes 1.0. */
static void numbers_are_compared_as_numbers(void **state)
{
    (void)state;
    assert_int_equal(records(STEP(1, 1, 7), STEP(1, 1.0, 7)).found, 0);
    says(records(STEP(1, 1, 7), STEP(1, 1.5, 7)), "step 1 (epoch 1): loss 1 and 1.5\n");
}

static void the_first_step_is_named(void **state)
{
    (void)state;
    says(records(STEP(1, 0.5, 7) STEP(2, 0.4, 8), STEP(1, 0.5, 7) STEP(2, 0.40000001, 8)),
         "step 2 (epoch 1): loss 0.4 and 0.40000001\n");
    says(records(STEP(1, 0.5, 7) STEP(2, 0.4, 8) EPOCH(1, 1),
                 STEP(1, 1, 7) STEP(2, 1, 8) EPOCH(1, 1)),
         "step 1 (epoch 1): loss 0.5 and 1\nrecords: 2 of 3 differ\n");
    says(records(EPOCH(null, 1), EPOCH(0.25, 1)),
         "end of epoch 1 (step 2): val_loss null and 0.25\n");
    says(records(STEP(1, 0.5, 7), STEP(1, 0.5, 7) STEP(2, 0.4, 8)),
         "step 2 (epoch 1): only in the second\n");
    says(records(STEP(1, 0.5, 7), STEP(2, 0.5, 7)), "step 1 (epoch 1): step 1 and 2\n");
}

static void digests_count_where_both_have_them(void **state)
{
    (void)state;
    assert_int_equal(records(DIGEST(1, 0.5, "ab"), STEP(1, 0.5, 7)).found, 0);
    assert_int_equal(records(STEP(1, 0.5, 7), DIGEST(1, 0.5, "ab")).found, 0);
    says(records(DIGEST(1, 0.5, "ab"), DIGEST(1, 0.5, "ac")),
         "step 1 (epoch 1): parameters_digest \"ab\" and \"ac\"\n");
}

static void add_steps(text_buffer *b, int from, int to)
{
    for (int step = from; step <= to; step++)
        text_buffer_add(b, "{\"kind\":\"step\",\"epoch\":1,\"step\":%d,\"loss\":0.5}\n", step);
}

/* Nothing is kept of a record that is compared: however long the files are, they take no memory. */
static void a_late_step_is_found_without_memory(void **state)
{
    (void)state;
    text_buffer a = {0}, b = {0};
    failure why = {""};
    char left[FILE_PATH], right[FILE_PATH];
    add_steps(&a, 1, 20000);
    add_steps(&b, 1, 19998);
    text_buffer_add(&b, STEP(19999, 0.25, 1));
    add_steps(&b, 20000, 20001);
    put("a.jsonl", a.text, a.length);
    put("b.jsonl", b.text, b.length);
    snprintf(left, sizeof left, "%s", fixture_path(folder, "a.jsonl"));
    snprintf(right, sizeof right, "%s", fixture_path(folder, "b.jsonl"));
    differences d = {0};
    size_t before = memory_requests();
    assert_int_equal(difference_of_records(left, left, &d, &why), STATUS_OK);
    assert_int_equal(memory_requests() - before, 0);
    assert_int_equal(d.found, 0);
    assert_int_equal(d.records, 20000);
    d = (differences){0};
    assert_int_equal(difference_of_records(left, right, &d, &why), STATUS_OK);
    assert_int_equal(memory_requests() - before, 3); /* two values as text, and what differs */
    assert_int_equal(d.records, 20001);
    says(d, "step 19999 (epoch 1): loss 0.5 and 0.25\n"
            "records: 2 of 20001 differ\n");
    text_buffer_free(&a);
    text_buffer_free(&b);
}

static void torn_ends_are_left_out(void **state)
{
    (void)state;
    static char torn[9000];
    memset(torn, 'x', sizeof torn - 1); /* longer than any record */
    assert_int_equal(records("", "").records, 0);
    assert_int_equal(records("{\"kind", torn).records, 0);
    memcpy(torn, STEP(1, 0.5, 7), strlen(STEP(1, 0.5, 7)));
    differences d = records(torn, STEP(1, 0.5, 8) "{");
    assert_int_equal(d.found, 0);
    assert_int_equal(d.records, 1);
    says(records(torn, STEP(1, 0.5, 8) STEP(2, 0.5, 8)), "step 2 (epoch 1): only in the second\n");
}

/* A whole line of zeros or of more letters than a record has is damage, in the middle as at the end. */
static void damaged_lines_are_refused(void **state)
{
    (void)state;
    differences d = {0};
    failure why = {""};
    static char text[9000];
    const char *path = fixture_path(folder, "c.jsonl");
    size_t first = strlen(STEP(1, 0.5, 7));
    memcpy(text, STEP(1, 0.5, 7), first);
    put("c.jsonl", text, sizeof text); /* no newline: torn */
    assert_int_equal(difference_of_records(path, path, &d, &why), STATUS_OK);
    text[sizeof text - 1] = '\n';
    put("c.jsonl", text, sizeof text);
    assert_int_equal(difference_of_records(path, path, &d, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "c.jsonl: line 2 is no record"));
    text[first] = '{';
    memset(text + first + 1, ' ', sizeof text - first - 3);
    text[sizeof text - 2] = '}'; /* JSON, but longer than what is ever written */
    put("c.jsonl", text, sizeof text);
    assert_int_equal(difference_of_records(path, path, &d, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "c.jsonl: line 2 is no record"));
    put("c.jsonl", "{\"a\":1\0}\n", 10);
    assert_int_equal(difference_of_records(path, path, &d, &why), STATUS_BAD_DATA);
    differences_free(&d);
}

static void what_is_no_record_is_refused(void **state)
{
    (void)state;
    differences d = {0};
    failure why = {""};
    put("a.jsonl", "{}\nnonsense\n", 12);
    const char *path = fixture_path(folder, "a.jsonl");
    assert_int_equal(difference_of_records(path, path, &d, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "a.jsonl: line 2 is no record"));
    assert_int_equal(difference_of_records(path, fixture_path(folder, "none"), &d, &why),
                     STATUS_NO_INPUT);
    differences_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_state_does_not_differ),
        cmocka_unit_test(a_step_of_the_optimizer_is_found),
        cmocka_unit_test(an_epoch_of_the_history_is_found),
        cmocka_unit_test(one_bit_is_found),
        cmocka_unit_test(zeros_of_either_sign_and_nans_are_bits),
        cmocka_unit_test(slots_count),
        cmocka_unit_test(settings_and_state_are_named),
        cmocka_unit_test(numerics_without_a_number_are_number_1),
        cmocka_unit_test(other_models_are_named),
        cmocka_unit_test(a_keras_file_is_compared_by_its_layers),
        cmocka_unit_test(clocks_do_not_count),
        cmocka_unit_test(numbers_are_compared_as_numbers),
        cmocka_unit_test(the_first_step_is_named),
        cmocka_unit_test(digests_count_where_both_have_them),
        cmocka_unit_test(a_late_step_is_found_without_memory),
        cmocka_unit_test(torn_ends_are_left_out),
        cmocka_unit_test(damaged_lines_are_refused),
        cmocka_unit_test(what_is_no_record_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
