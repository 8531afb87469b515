/* Weights files in Keras 2's layout are read by order; what does not fit or is no such file is refused by name. */
#include <hdf5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "io/checkpoint_fixture.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static arena memory;
static const char *folder, *path;

/* How a writer may lay down its lists. */
typedef struct style {
    const char *root;    /* "/" or "/model_weights" */
    int variable;        /* texts of variable length */
    int per_part;        /* names of an attribute; 0: one attribute for all */
    const char *missing; /* a dataset that is listed but not written, or NULL */
} style;

static const style plain = {"/", 0, 0, NULL};

static void write_names(hid_t object, const char *attribute, int variable, const char **names,
                        int count)
{
    char fixed[8][64] = {{0}};
    hsize_t size = (hsize_t)count;
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &size, NULL);
    H5Tset_size(type, variable ? H5T_VARIABLE : sizeof fixed[0]);
    if (count == 0) { /* as Python writes an empty list */
        H5Tclose(type);
        type = H5Tcopy(H5T_NATIVE_DOUBLE);
    }
    hid_t list = H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
    for (int i = 0; i < count; i++) snprintf(fixed[i], sizeof fixed[i], "%s", names[i]);
    assert_true(H5Awrite(list, type, variable ? (const void *)names : (const void *)fixed) >= 0);
    H5Aclose(list);
    H5Sclose(space);
    H5Tclose(type);
}

static void write_parts(hid_t object, const style *s, const char **names, int count)
{
    if (!s->per_part) {
        write_names(object, "layer_names", s->variable, names, count);
        return;
    }
    for (int at = 0, part = 0; at < count; at += s->per_part, part++) {
        char attribute[32];
        int left = count - at < s->per_part ? count - at : s->per_part;
        snprintf(attribute, sizeof attribute, "layer_names%d", part);
        write_names(object, attribute, s->variable, names + at, left);
    }
}

static void write_tensor(hid_t group, const char *name, const checkpoint_tensor *t)
{
    hsize_t dim[4];
    for (int i = 0; i < t->shape.rank; i++) dim[i] = (hsize_t)t->shape.dim[i];
    hid_t space = H5Screate_simple(t->shape.rank, dim, NULL), link = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(link, 1);
    hid_t set = H5Dcreate2(group, name, H5T_IEEE_F32LE, space, link, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, t->values) >= 0);
    H5Dclose(set);
    H5Pclose(link);
    H5Sclose(space);
}

/* Layers are named as another session of Keras might: only their order counts. */
static void write_layer(hid_t place, const style *s, const checkpoint_layer *layer,
                        const char *name)
{
    static const char *const suffix[] = {"kernel:0", "bias:0", "third:0", "fourth:0"};
    char text[4][64];
    const char *names[4];
    hid_t group = H5Gcreate2(place, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (int t = 0; t < layer->tensors; t++) {
        snprintf(text[t], sizeof text[t], "%s/%s", name, suffix[t]);
        names[t] = text[t];
        if (!s->missing || strcmp(text[t], s->missing) != 0)
            write_tensor(group, text[t], &layer->tensor[t]);
    }
    write_names(group, "weight_names", s->variable, names, layer->tensors);
    H5Gclose(group);
}

static void write_file(const checkpoint *c, const style *s)
{
    char text[8][64];
    const char *names[8];
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), place = file;
    if (s->root[1]) place = H5Gcreate2(file, s->root, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (int l = 0; l < c->layers; l++) {
        snprintf(text[l], sizeof text[l], "their_%s", c->layer[l].name);
        names[l] = text[l];
        write_layer(place, s, &c->layer[l], text[l]);
    }
    write_parts(place, s, names, c->layers);
    if (s->root[1]) H5Gclose(place);
    H5Fclose(file);
}

static status read_into(checkpoint *c, failure *why)
{
    checkpoint_file *file;
    status code = checkpoint_open(path, &file, why);
    if (code) return code;
    assert_false(checkpoint_has_state(file));
    code = checkpoint_read(file, c, 0, why);
    checkpoint_close(file);
    return code;
}

static void assert_refused(checkpoint *c, const char *words)
{
    failure why = {""};
    assert_int_equal(read_into(c, &why), STATUS_BAD_DATA);
    if (!strstr(why.text, words)) fail_msg("'%s' lacks '%s'", why.text, words);
    assert_non_null(strstr(why.text, path));
    assert_null(strchr(why.text, '\n'));
}

static void every_style(void **state)
{
    (void)state;
    static const style styles[] = {{"/", 0, 0, NULL},
                                   {"/", 1, 0, NULL},
                                   {"/", 0, 3, NULL},
                                   {"/model_weights", 0, 0, NULL},
                                   {"/model_weights", 1, 2, NULL}};
    const checkpoint *c = fixture_cnn(&memory);
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        failure why = {""};
        checkpoint *back = fixture_blank(&memory, c);
        write_file(c, &styles[i]);
        if (read_into(back, &why)) fail_msg("style %zu: %s", i, why.text);
        for (int l = 0; l < c->layers; l++)
            for (int t = 0; t < c->layer[l].tensors; t++)
                assert_memory_equal(back->layer[l].tensor[t].values, c->layer[l].tensor[t].values,
                                    shape_length(c->layer[l].tensor[t].shape) * sizeof(float));
    }
}

static void other_models(void **state)
{
    (void)state;
    checkpoint *c = fixture_cnn(&memory), *other = fixture_blank(&memory, c);
    write_file(c, &plain);
    other->layer[5].tensor[0].shape = fixture_matrix(128, 1600);
    assert_refused(other,
                   "layer dense, tensor 0) has shape (1600, 128), the model wants (128, 1600)");
    assert_refused(fixture_small(&memory), "4 layers with weights, the model has 1");
    checkpoint *lstm = fixture_lstm(&memory);
    write_file(lstm, &plain);
    lstm->layer[0].tensors = 2;
    assert_refused(lstm, "their_lstm has 3 tensors, the model's layer lstm has 2");
}

static void no_optimiser(void **state)
{
    (void)state;
    failure why = {""};
    checkpoint_file *file;
    checkpoint *c = fixture_small(&memory);
    write_file(c, &plain);
    assert_int_equal(checkpoint_open(path, &file, &why), STATUS_OK);
    assert_int_equal(checkpoint_read(file, c, 1, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "no optimiser state"));
    checkpoint_close(file);
}

static void broken_lists(void **state)
{
    (void)state;
    checkpoint *c = fixture_small(&memory);
    style s = plain;
    s.missing = "their_dense/bias:0";
    write_file(c, &s);
    assert_refused(c, "/their_dense/their_dense/bias:0 is missing");

    write_file(c, &plain);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "their_dense", H5P_DEFAULT);
    H5Fclose(file);
    assert_refused(c, "layer their_dense is listed, but its group is not whole");

    hid_t space = H5Screate(H5S_SCALAR);
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Aclose(H5Acreate2(file, "layer_names", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Fclose(file);
    assert_refused(c, "layer_names is no list of names");

    const char *endless[1] = {"../../no_such_group"};
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    write_names(file, "layer_names", 1, endless, 1);
    H5Fclose(file);
    assert_refused(c, "../../no_such_group is listed");
}

/* A list may name what a link would fetch from elsewhere. */
static void links(void **state)
{
    (void)state;
    checkpoint *c = fixture_small(&memory);
    for (int external = 0; external < 2; external++) {
        write_file(c, &plain);
        hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        const char *name = "their_dense/their_dense/bias:0";
        H5Lmove(file, name, file, "/moved", H5P_DEFAULT, H5P_DEFAULT);
        if (external)
            H5Lcreate_external("other.h5", "/moved", file, name, H5P_DEFAULT, H5P_DEFAULT);
        else
            H5Lcreate_soft("/moved", file, name, H5P_DEFAULT, H5P_DEFAULT);
        H5Fclose(file);
        assert_refused(c, external ? "is an external link" : "is a soft link");
    }
}

/* What this program writes for Keras is what it reads, without anything of its own in it. */
static void plain_keras_file(void **state)
{
    (void)state;
    unsigned char *bytes, *again;
    size_t length, length_again;
    failure why = {""};
    const checkpoint *c = fixture_cnn(&memory);
    checkpoint *back = fixture_blank(&memory, c);
    assert_int_equal(checkpoint_build_keras(c, &bytes, &length, &why), STATUS_OK);
    assert_int_equal(checkpoint_build_keras(c, &again, &length_again, &why), STATUS_OK);
    assert_int_equal(length, length_again);
    assert_memory_equal(bytes, again, length);
    assert_memory_equal(bytes, "\x89HDF", 4);
    assert_int_equal(file_write_whole(path, bytes, length, &why), STATUS_OK);
    assert_int_equal(read_into(back, &why), STATUS_OK);
    assert_memory_equal(back->layer[5].tensor[0].values, c->layer[5].tensor[0].values,
                        1600 * 128 * sizeof(float));
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(H5Lexists(file, "vars", H5P_DEFAULT) > 0);
    assert_true(H5Lexists(file, "mnist_dist", H5P_DEFAULT) == 0);
    assert_true(H5Lexists(file, "optimizer", H5P_DEFAULT) == 0);
    H5Fclose(file);
    memory_free(bytes);
    memory_free(again);
}

static int begin(void **state)
{
    (void)state;
    static char name[FILE_PATH];
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    folder = fixture_folder();
    snprintf(name, sizeof name, "%s", fixture_path(folder, "legacy.h5"));
    path = name;
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_remove(folder);
    arena_free(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_style),  cmocka_unit_test(other_models),
        cmocka_unit_test(no_optimiser), cmocka_unit_test(broken_lists),
        cmocka_unit_test(links),        cmocka_unit_test(plain_keras_file),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
