/* What checkpoint_write puts on the disk comes back to the bit; equal states are equal files; other models are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "io/checkpoint_fixture.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static arena memory;

static void assert_same_values(const checkpoint *a, const checkpoint *b)
{
    int variable = 0;
    for (int l = 0; l < a->layers; l++)
        for (int t = 0; t < a->layer[l].tensors; t++, variable++) {
            size_t bytes = shape_length(a->layer[l].tensor[t].shape) * sizeof(float);
            assert_memory_equal(a->layer[l].tensor[t].values, b->layer[l].tensor[t].values, bytes);
            for (int s = 0; s < a->slots; s++)
                assert_memory_equal(a->slot_values[s][variable], b->slot_values[s][variable],
                                    bytes);
        }
}

static void round_trip(const checkpoint *c)
{
    failure why = {""}, note;
    char path[FILE_PATH];
    double seconds = -1.0;
    size_t bytes = 0;
    checkpoint_file *file;
    const char *folder = fixture_folder();
    assert_int_equal(checkpoint_write(folder, CHECKPOINT_LAST, c, &seconds, &bytes, &why),
                     STATUS_OK);
    assert_true(seconds >= 0.0 && bytes > 512);
    assert_int_equal(checkpoint_open_run(folder, CHECKPOINT_LAST, &file, path, &note, &why),
                     STATUS_OK);
    assert_string_equal(note.text, "");
    assert_string_equal(path, fixture_path(folder, "last.weights.h5"));
    checkpoint *back = fixture_blank(&memory, c);
    assert_int_equal(checkpoint_read(file, back, 1, &why), STATUS_OK);
    assert_same_values(c, back);
    assert_int_equal(back->iteration, c->iteration);
    assert_memory_equal(&back->learning_rate, &c->learning_rate, sizeof(float));
    assert_int_equal(checkpoint_has_state(file), 1);
    assert_string_equal(checkpoint_configuration(file), c->configuration);
    assert_string_equal(checkpoint_state(file), c->state);
    checkpoint_close(file);
    fixture_remove(folder);
}

static void test_round_trip_adam(void **state)
{
    (void)state;
    round_trip(fixture_cnn(&memory));
}

static void test_round_trip_momentum_and_cell(void **state)
{
    (void)state;
    round_trip(fixture_lstm(&memory));
}

static void test_round_trip_plain(void **state)
{
    (void)state;
    round_trip(fixture_small(&memory));
}

/* Bits that arithmetic would change: NaN with a payload, infinities, -0, a denormal number. */
static void test_odd_bits_and_long_texts(void **state)
{
    (void)state;
    static const uint32_t odd[6] = {0x7fc12345u, 0xffc00001u, 0x7f800000u,
                                    0xff800000u, 0x80000000u, 1u};
    checkpoint *c = fixture_small(&memory);
    memcpy(c->layer[1].tensor[0].values, odd, sizeof odd);
    /* beyond the 64 KiB of an attribute stored in place */
    char *text = arena_take(&memory, 200001);
    memset(text, 'x', 200000);
    c->state = text;
    c->configuration = "{\"name\":\"\xc3\xa9t\xc3\xa9\"}";
    round_trip(c);
    c->state = "";
    round_trip(c);
}

static void test_equal_states_are_equal_files(void **state)
{
    (void)state;
    unsigned char *first, *second;
    size_t first_bytes, second_bytes;
    failure why;
    checkpoint *a = fixture_cnn(&memory), *b = fixture_cnn(&memory);
    assert_int_equal(checkpoint_build(a, &first, &first_bytes, &why), STATUS_OK);
    struct timespec second_passes = {.tv_sec = 1, .tv_nsec = 100000000};
    nanosleep(&second_passes, NULL); /* HDF5's object times have seconds */
    assert_int_equal(checkpoint_build(b, &second, &second_bytes, &why), STATUS_OK);
    assert_int_equal(first_bytes, second_bytes);
    assert_memory_equal(first, second, first_bytes);
    memory_free(second);
    b->iteration++;
    assert_int_equal(checkpoint_build(b, &second, &second_bytes, &why), STATUS_OK);
    assert_int_equal(first_bytes, second_bytes);
    assert_memory_not_equal(first, second, first_bytes);
    memory_free(first);
    memory_free(second);
}

static void write_iteration(const char *folder, checkpoint *c, int64_t iteration)
{
    failure why;
    c->iteration = iteration;
    assert_int_equal(checkpoint_write(folder, CHECKPOINT_LAST, c, NULL, NULL, &why), STATUS_OK);
}

/* Opens a run, checks which file it was, and returns its iteration. */
static int64_t opened_iteration(const char *folder, const checkpoint *c, const char *name,
                                failure *note)
{
    failure why = {""};
    char path[FILE_PATH];
    checkpoint_file *file;
    assert_int_equal(checkpoint_open_run(folder, CHECKPOINT_LAST, &file, path, note, &why),
                     STATUS_OK);
    assert_string_equal(path, fixture_path(folder, name));
    checkpoint *back = fixture_blank(&memory, c);
    assert_int_equal(checkpoint_read(file, back, 1, &why), STATUS_OK);
    checkpoint_close(file);
    return back->iteration;
}

static void test_last_becomes_prev(void **state)
{
    (void)state;
    failure note, why;
    char path[FILE_PATH];
    checkpoint_file *file;
    const char *folder = fixture_folder();
    checkpoint *c = fixture_small(&memory);
    assert_int_equal(checkpoint_open_run(folder, CHECKPOINT_LAST, &file, path, &note, &why),
                     STATUS_NO_INPUT);
    assert_non_null(strstr(why.text, "no checkpoint"));
    write_iteration(folder, c, 1);
    write_iteration(folder, c, 2);
    write_iteration(folder, c, 3);
    assert_int_equal(opened_iteration(folder, c, "last.weights.h5", &note), 3);
    assert_string_equal(note.text, "");
    assert_false(file_exists(fixture_path(folder, "next.weights.h5")));
    /* a damaged last: prev, and a note */
    assert_int_equal(truncate(fixture_path(folder, "last.weights.h5"), 1000), 0);
    assert_int_equal(opened_iteration(folder, c, "prev.weights.h5", &note), 2);
    assert_non_null(strstr(note.text, "last.weights.h5: length 488 bytes"));
    assert_non_null(strstr(note.text, "going on from"));
    /* ended between the two renames: no last, a complete next */
    write_iteration(folder, c, 4);
    assert_int_equal(
        rename(fixture_path(folder, "last.weights.h5"), fixture_path(folder, "next.weights.h5")),
        0);
    assert_int_equal(opened_iteration(folder, c, "next.weights.h5", &note), 4);
    assert_non_null(strstr(note.text, "is missing"));
    fixture_remove(folder);
}

/* As `verify A B` does; libhdf5 must not take one for the other. */
static void test_two_files_open_and_one_written(void **state)
{
    (void)state;
    failure why = {""};
    checkpoint_file *file[2];
    const char *folder = fixture_folder();
    checkpoint *c = fixture_small(&memory);
    write_iteration(folder, c, 1);
    write_iteration(folder, c, 2);
    assert_int_equal(checkpoint_open(fixture_path(folder, "prev.weights.h5"), &file[0], &why),
                     STATUS_OK);
    assert_int_equal(checkpoint_open(fixture_path(folder, "last.weights.h5"), &file[1], &why),
                     STATUS_OK);
    write_iteration(folder, c, 3);
    for (int i = 0; i < 2; i++) {
        checkpoint *back = fixture_blank(&memory, c);
        assert_int_equal(checkpoint_read(file[i], back, 1, &why), STATUS_OK);
        assert_int_equal(back->iteration, 1 + i);
        checkpoint_close(file[i]);
    }
    fixture_remove(folder);
}

static void test_best_or_last(void **state)
{
    (void)state;
    failure note, why;
    char path[FILE_PATH];
    checkpoint_file *file;
    const char *folder = fixture_folder();
    checkpoint *c = fixture_small(&memory);
    write_iteration(folder, c, 1);
    assert_int_equal(checkpoint_open_run(folder, CHECKPOINT_BEST, &file, path, &note, &why),
                     STATUS_OK);
    assert_string_equal(path, fixture_path(folder, "last.weights.h5"));
    checkpoint_close(file);
    assert_int_equal(checkpoint_write(folder, CHECKPOINT_BEST, c, NULL, NULL, &why), STATUS_OK);
    assert_int_equal(checkpoint_open_run(folder, CHECKPOINT_BEST, &file, path, &note, &why),
                     STATUS_OK);
    assert_string_equal(path, fixture_path(folder, "best.weights.h5"));
    checkpoint_close(file);
    assert_false(file_exists(fixture_path(folder, "prev.weights.h5")));
    fixture_remove(folder);
}

/* Reads `c`'s file into `other` and expects the failure to hold `words`. */
static void refused(const checkpoint *c, checkpoint *other, int with_optimizer, const char *words)
{
    failure why = {""};
    checkpoint_file *file;
    const char *folder = fixture_folder();
    assert_int_equal(checkpoint_write(folder, CHECKPOINT_LAST, c, NULL, NULL, &why), STATUS_OK);
    assert_int_equal(checkpoint_open(fixture_path(folder, "last.weights.h5"), &file, &why),
                     STATUS_OK);
    assert_int_equal(checkpoint_read(file, other, with_optimizer, &why), STATUS_BAD_DATA);
    if (!strstr(why.text, words)) fail_msg("'%s' lacks '%s'", why.text, words);
    checkpoint_close(file);
    fixture_remove(folder);
}

static void test_other_models_are_refused(void **state)
{
    (void)state;
    checkpoint *c = fixture_small(&memory), *other = fixture_blank(&memory, c);
    other->layer[1].tensor[0].shape = fixture_matrix(4, 6);
    refused(
        c, other, 0,
        "/layers/dense/vars/0 (layer dense, tensor 0) has shape (6, 4), the model wants (4, 6)");
    other = fixture_blank(&memory, c);
    other->layer[1].tensors = 1;
    refused(c, other, 0, "/layers/dense/vars/1 belongs to no layer of the model");
    other = fixture_blank(&memory, c);
    snprintf(other->layer[1].key, sizeof other->layer[1].key, "dense_1");
    refused(c, other, 0, "/layers/dense_1/vars/0 is missing");
    other = fixture_blank(&memory, c);
    other->layer[1].cell = 1;
    refused(c, other, 0, "/layers/dense/cell/vars/0 is missing");
}

static void test_other_optimisers_are_refused(void **state)
{
    (void)state;
    checkpoint *c = fixture_small(&memory), *other = fixture_blank(&memory, c);
    snprintf(other->optimizer, sizeof other->optimizer, "adam");
    refused(c, other, 1, "its optimiser is sgd, the run's is adam");
    snprintf(c->optimizer, sizeof c->optimizer, "%s", "adamw"); /* begins like adam */
    refused(c, other, 1, "its optimiser is adamw, the run's is adam");
    snprintf(c->optimizer, sizeof c->optimizer, "%s", "SGD_12"); /* as Keras may write it */
    other = fixture_blank(&memory, c);
    snprintf(other->optimizer, sizeof other->optimizer, "sgd");
    other->slots = 1;
    other->slot_values[0][0] = other->slot_values[0][1] = other->layer[1].tensor[0].values;
    refused(
        c, other, 1,
        "/optimizer/vars/2 is missing (optimiser slot 0 of layer dense, tensor 0, shape (6, 4))");
    c = fixture_lstm(&memory);
    other = fixture_blank(&memory, c);
    other->slots = 0;
    refused(c, other, 1, "more than 0 optimiser slots per variable");
}

typedef struct seen {
    int tensors;
    char paths[2048];
    double sum;
} seen;

static void see(void *context, const checkpoint_array *a)
{
    seen *w = context;
    assert_int_equal(a->length, shape_length(a->shape));
    w->tensors++;
    for (size_t i = 0; a->floats && i < a->length; i++) w->sum += (double)a->floats[i];
    strncat(w->paths, a->path, sizeof w->paths - strlen(w->paths) - 2);
    strcat(w->paths, "\n");
}

static void test_visit_in_file_order(void **state)
{
    (void)state;
    failure why;
    checkpoint_file *file;
    const char *folder = fixture_folder();
    checkpoint *c = fixture_lstm(&memory);
    c->learning_rate = 1000.0f;
    assert_int_equal(checkpoint_write(folder, CHECKPOINT_LAST, c, NULL, NULL, &why), STATUS_OK);
    assert_int_equal(checkpoint_open(fixture_path(folder, "last.weights.h5"), &file, &why),
                     STATUS_OK);
    seen w = {0};
    assert_int_equal(checkpoint_visit(file, see, &w, &why), STATUS_OK);
    assert_int_equal(w.tensors, 5 + 2 + 5);
    assert_string_equal(
        w.paths, "/layers/lstm/cell/vars/0\n/layers/lstm/cell/vars/1\n/layers/lstm/cell/vars/2\n"
                 "/layers/dense/vars/0\n/layers/dense/vars/1\n"
                 "/optimizer/vars/0\n/optimizer/vars/1\n/optimizer/vars/2\n/optimizer/vars/3\n"
                 "/optimizer/vars/4\n/optimizer/vars/5\n/optimizer/vars/6\n");
    assert_true(w.sum > 900.0 && w.sum < 1100.0);
    checkpoint_close(file);
    fixture_remove(folder);
}

static void see_slots(void *context, const checkpoint_array *a)
{
    char *lengths = context;
    if (strncmp(a->path, "/optimizer/vars/", 16) == 0 && a->floats)
        sprintf(lengths + strlen(lengths), "%s:%zu ", a->path + 16, a->length);
}

/* The lengths of the slots of two variables, of 24 and 4 elements: one after the other, or slot after slot. */
static void test_slots_apart(void **state)
{
    (void)state;
    static const char *const want[] = {"1:1 2:24 3:24 4:4 5:4 ", "1:1 2:24 4:24 3:4 5:4 "};
    failure why;
    checkpoint_file *file;
    checkpoint *c = fixture_small(&memory);
    fixture_finish(&memory, c, "adam", 2);
    for (int apart = 0; apart < 2; apart++) {
        char lengths[512] = "";
        c->slots_apart = apart;
        round_trip(c);
        const char *folder = fixture_folder();
        assert_int_equal(checkpoint_write(folder, CHECKPOINT_LAST, c, NULL, NULL, &why), STATUS_OK);
        assert_int_equal(checkpoint_open(fixture_path(folder, "last.weights.h5"), &file, &why),
                         STATUS_OK);
        assert_int_equal(checkpoint_visit(file, see_slots, lengths, &why), STATUS_OK);
        assert_string_equal(lengths, want[apart]);
        checkpoint_close(file);
        fixture_remove(folder);
    }
}

static int release_memory(void **state)
{
    (void)state;
    arena_free(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_round_trip_adam, release_memory),
        cmocka_unit_test_teardown(test_round_trip_momentum_and_cell, release_memory),
        cmocka_unit_test_teardown(test_round_trip_plain, release_memory),
        cmocka_unit_test_teardown(test_odd_bits_and_long_texts, release_memory),
        cmocka_unit_test_teardown(test_equal_states_are_equal_files, release_memory),
        cmocka_unit_test_teardown(test_last_becomes_prev, release_memory),
        cmocka_unit_test_teardown(test_two_files_open_and_one_written, release_memory),
        cmocka_unit_test_teardown(test_best_or_last, release_memory),
        cmocka_unit_test_teardown(test_other_models_are_refused, release_memory),
        cmocka_unit_test_teardown(test_other_optimisers_are_refused, release_memory),
        cmocka_unit_test_teardown(test_visit_in_file_order, release_memory),
        cmocka_unit_test_teardown(test_slots_apart, release_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
