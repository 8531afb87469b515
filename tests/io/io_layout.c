/* Writes checkpoints of three models to $LAYOUT_OUT (a scratch folder without it), for tests/interop/checkpoint_layout.sh;
 * reads NAME.keras.weights.h5, where Keras left it there, back to the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "io/checkpoint_fixture.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static arena memory;
static const char *folder;

static void write_model(const checkpoint *c, const char *name)
{
    unsigned char *bytes;
    size_t length;
    failure why = {""};
    if (checkpoint_build(c, &bytes, &length, &why) ||
        file_write_whole(fixture_path(folder, name), bytes, length, &why))
        fail_msg("%s", why.text);
    memory_free(bytes);
}

/* What Keras wrote after it had loaded our file: no user block, no state, the same parameters and slots. */
static void read_from_keras(const checkpoint *c, const char *name)
{
    failure why = {""};
    checkpoint_file *file;
    const char *path = fixture_path(folder, name);
    if (!file_exists(path)) return;
    if (checkpoint_open(path, &file, &why)) fail_msg("%s", why.text);
    assert_int_equal(checkpoint_has_state(file), 0);
    checkpoint *back = fixture_blank(&memory, c);
    if (checkpoint_read(file, back, 1, &why)) fail_msg("%s", why.text);
    int variable = 0;
    for (int l = 0; l < c->layers; l++)
        for (int t = 0; t < c->layer[l].tensors; t++, variable++) {
            size_t bytes = shape_length(c->layer[l].tensor[t].shape) * sizeof(float);
            assert_memory_equal(back->layer[l].tensor[t].values, c->layer[l].tensor[t].values,
                                bytes);
            for (int s = 0; s < c->slots; s++)
                assert_memory_equal(back->slot_values[s][variable], c->slot_values[s][variable],
                                    bytes);
        }
    assert_int_equal(back->iteration, c->iteration);
    checkpoint_close(file);
    print_message("read %s\n", path);
}

static void exchange(const checkpoint *c, const char *own, const char *keras)
{
    write_model(c, own);
    read_from_keras(c, keras);
}

static void test_cnn(void **state)
{
    (void)state;
    exchange(fixture_cnn(&memory), "cnn.weights.h5", "cnn.keras.weights.h5");
}

static void test_lstm(void **state)
{
    (void)state;
    exchange(fixture_lstm(&memory), "lstm.weights.h5", "lstm.keras.weights.h5");
}

static void test_small(void **state)
{
    (void)state;
    exchange(fixture_small(&memory), "small.weights.h5", "small.keras.weights.h5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cnn), cmocka_unit_test(test_lstm),
                                       cmocka_unit_test(test_small)};
    const char *out = getenv("LAYOUT_OUT");
    folder = out ? out : fixture_folder();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!out) fixture_remove(folder);
    arena_free(&memory);
    return failed;
}
