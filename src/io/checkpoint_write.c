/* io/checkpoint_write.c - the state of a run as the bytes of a Keras `.weights.h5` file, and the steps that put it on the
 * disk. */
#include <string.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/timer.h"
#include "checkpoint_file.h"
#include "user_block.h"

enum { BYTES_PER_OBJECT = 1024 }; /* HDF5's own, an estimate */

/* Makes `parent/vars` with the attribute that Keras 3.6 and later write. */
static hid_t create_vars(hid_t parent, const char *name)
{
    hid_t vars = hdf5_create_group(parent, "vars");
    if (vars >= 0 && hdf5_write_text(vars, "name", name) < 0) {
        H5Gclose(vars);
        return -1;
    }
    return vars;
}

static int write_empty_vars(hid_t parent, const char *name)
{
    hid_t vars = create_vars(parent, name);
    return vars < 0 ? -1 : H5Gclose(vars);
}

static int write_floats(hid_t group, int number, shape s, const float *values)
{
    char name[16];
    snprintf(name, sizeof name, "%d", number);
    return hdf5_write_array(group, name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, s, values);
}

static int write_tensors(hid_t parent, const char *name, const checkpoint_layer *layer)
{
    hid_t vars = create_vars(parent, name);
    if (vars < 0) return -1;
    int failed = 0;
    for (int t = 0; t < layer->tensors && !failed; t++)
        failed = write_floats(vars, t, layer->tensor[t].shape, layer->tensor[t].values);
    H5Gclose(vars);
    return failed;
}

/* The variables of a recurrent layer are those of its cell; the group of the layer itself is empty. */
static int write_cell(hid_t group, const checkpoint_layer *layer)
{
    char name[80];
    snprintf(name, sizeof name, "%s_cell", layer->name);
    hid_t cell = hdf5_create_group(group, "cell");
    if (cell < 0) return -1;
    int failed = write_tensors(cell, name, layer) || write_empty_vars(group, layer->name) < 0;
    H5Gclose(cell);
    return failed ? -1 : 0;
}

static int write_layers(hid_t file, const checkpoint *c)
{
    hid_t layers = hdf5_create_group(file, "layers");
    int failed = layers < 0;
    for (int l = 0; l < c->layers && !failed; l++) {
        const checkpoint_layer *layer = &c->layer[l];
        hid_t group = hdf5_create_group(layers, layer->key);
        failed = group < 0 || (layer->cell ? write_cell(group, layer)
                                           : write_tensors(group, layer->name, layer));
        if (group >= 0) H5Gclose(group);
    }
    if (layers >= 0) H5Gclose(layers);
    return failed ? -1 : 0;
}

int checkpoint_variables(const checkpoint *c)
{
    int variables = 0;
    for (int l = 0; l < c->layers; l++) variables += c->layer[l].tensors;
    return variables;
}

int checkpoint_slot_dataset(const checkpoint *c, int variable, int slot)
{
    return FIRST_SLOT + (c->slots_apart ? slot * checkpoint_variables(c) + variable
                                        : variable * c->slots + slot);
}

static int write_slots(hid_t vars, const checkpoint *c)
{
    int variable = 0;
    for (int l = 0; l < c->layers; l++)
        for (int t = 0; t < c->layer[l].tensors; t++, variable++)
            for (int s = 0; s < c->slots; s++)
                if (write_floats(vars, checkpoint_slot_dataset(c, variable, s),
                                 c->layer[l].tensor[t].shape, c->slot_values[s][variable]))
                    return -1;
    return 0;
}

static int write_optimizer(hid_t file, const checkpoint *c)
{
    shape scalar = {.rank = 0};
    hid_t group = hdf5_create_group(file, "optimizer");
    hid_t vars = group < 0 ? -1 : create_vars(group, c->optimizer);
    int failed = vars < 0 ||
                 hdf5_write_array(vars, "0", H5T_STD_I64LE, H5T_NATIVE_INT64, scalar,
                                  &c->iteration) ||
                 write_floats(vars, 1, scalar, &c->learning_rate) || write_slots(vars, c);
    if (vars >= 0) H5Gclose(vars);
    if (group >= 0) H5Gclose(group);
    return failed ? -1 : 0;
}

static int write_own(hid_t file, const checkpoint *c)
{
    hid_t own = hdf5_create_group(file, "mnist_dist");
    if (own < 0) return -1;
    int failed = hdf5_write_int(own, "format_version", USER_BLOCK_VERSION) ||
                 hdf5_write_text(own, "configuration", c->configuration ? c->configuration : "") ||
                 hdf5_write_text(own, "state", c->state ? c->state : "");
    H5Gclose(own);
    return failed ? -1 : 0;
}

/* The step by which the image grows: large enough to grow once. */
static size_t expected_bytes(const checkpoint *c)
{
    size_t bytes = 0;
    for (int l = 0; l < c->layers; l++)
        for (int t = 0; t < c->layer[l].tensors; t++)
            bytes += (shape_length(c->layer[l].tensor[t].shape) * sizeof(float) +
                      BYTES_PER_OBJECT) *
                     (size_t)(1 + c->slots);
    if (c->configuration) bytes += strlen(c->configuration);
    if (c->state) bytes += strlen(c->state);
    return bytes;
}

/* The bytes of a file that is open in memory; closes it. */
static status take_file(hid_t file, int failed, size_t user_block, unsigned char **bytes,
                        size_t *length, failure *why)
{
    failed = failed || hdf5_take_image(file, user_block, bytes, length);
    if (file >= 0) H5Fclose(file);
    if (!failed) return STATUS_OK;
    return fail(why, STATUS_CANNOT_WRITE,
                "a weights file could not be built in memory (libhdf5 failed)");
}

static void check_limits(const checkpoint *c)
{
    CHECK(c->layers >= 0 && c->layers <= CHECKPOINT_MAX_LAYERS, "%d layers", c->layers);
    CHECK(c->slots >= 0 && c->slots <= CHECKPOINT_MAX_SLOTS, "%d slots", c->slots);
    for (int l = 0; l < c->layers; l++)
        CHECK(c->layer[l].tensors >= 0 && c->layer[l].tensors <= 4, "layer %s: %d tensors",
              c->layer[l].key, c->layer[l].tensors);
}

status checkpoint_build(const checkpoint *c, unsigned char **bytes, size_t *length, failure *why)
{
    check_limits(c);
    hdf5_quiet();
    *bytes = NULL;
    hid_t file = hdf5_create_image(USER_BLOCK_BYTES, expected_bytes(c));
    int failed = file < 0 || write_layers(file, c) || write_optimizer(file, c) ||
                 write_empty_vars(file, "sequential") < 0 || write_own(file, c);
    status code = take_file(file, failed, USER_BLOCK_BYTES, bytes, length, why);
    if (!code) user_block_write(*bytes, *length);
    return code;
}

status checkpoint_build_keras(const checkpoint *c, unsigned char **bytes, size_t *length,
                              failure *why)
{
    check_limits(c);
    hdf5_quiet();
    *bytes = NULL;
    hid_t file = hdf5_create_image(0, expected_bytes(c));
    int failed = file < 0 || write_layers(file, c) || write_empty_vars(file, "sequential") < 0;
    return take_file(file, failed, 0, bytes, length, why);
}

/* The new file is complete and synced as `next` before the first rename. If the program ends between the two renames, `prev`
 * and `next` are left, both complete. */
static status replace_last(const char *run_folder, const void *bytes, size_t length, failure *why)
{
    char next[FILE_PATH], last[FILE_PATH], prev[FILE_PATH];
    status code = file_join(run_folder, "next.weights.h5", next, why);
    if (!code) code = file_join(run_folder, "last.weights.h5", last, why);
    if (!code) code = file_join(run_folder, "prev.weights.h5", prev, why);
    if (!code) code = file_write_whole(next, bytes, length, why);
    if (code) return code;
    int had_last = file_exists(last);
    if (had_last) code = file_rename(last, prev, why);
    if (!code) {
        code = file_rename(next, last, why);
        if (code && had_last) file_rename(prev, last, NULL);
    }
    if (code) unlink(next);
    return code ? code : file_sync_folder_of(last, why);
}

status checkpoint_write(const char *run_folder, checkpoint_role role, const checkpoint *c,
                        double *seconds, size_t *bytes, failure *why)
{
    double start_s = timer_now_s();
    unsigned char *file;
    size_t length;
    status code = checkpoint_build(c, &file, &length, why);
    if (code) return code;
    if (role == CHECKPOINT_LAST) {
        code = replace_last(run_folder, file, length, why);
    } else {
        char best[FILE_PATH];
        code = file_join(run_folder, "best.weights.h5", best, why);
        if (!code) code = file_write_whole(best, file, length, why);
    }
    memory_free(file);
    if (seconds) *seconds = timer_now_s() - start_s;
    if (bytes) *bytes = length;
    return code;
}
