/* io/checkpoint_layers.c - the variables of one layer of Keras, and a Keras file whose model has been understood. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "checkpoint_file.h"
#include "stored_values.h"

static int path_of_variable(const checkpoint_file *file, const checkpoint_place *place, int number,
                            char path[HDF5_MAX_PATH])
{
    if (file->stem) {
        const char *inner = place->inner ? place->inner : "";
        snprintf(path, HDF5_MAX_PATH, "%s%s%s%s/vars/%d", file->stem, place->key,
                 place->inner ? "/" : "", inner, number);
        return stored_exists(file, path);
    }
    for (int i = 0; i < file->legacy->layers; i++) {
        const legacy_layer *layer = &file->legacy->layer[i];
        if (strcmp(layer->name, place->name) != 0) continue;
        if (number >= layer->tensors) return 0;
        snprintf(path, HDF5_MAX_PATH, "%s", layer->path[number]);
        return stored_exists(file, path);
    }
    return 0;
}

status checkpoint_variable(const checkpoint_file *file, const checkpoint_place *place, int number,
                           shape *s, float **values, failure *why)
{
    char path[HDF5_MAX_PATH];
    *values = NULL;
    if (!path_of_variable(file, place, number, path)) return STATUS_OK;
    hid_t dataset = H5Dopen2(file->image, path, H5P_DEFAULT);
    stored_kind kind = stored_kind_of(dataset);
    status code = checkpoint_shape(file, dataset, path, s, why);
    H5Dclose(dataset);
    if (code) return code;
    if (!stored_is_real(kind))
        return fail(why, STATUS_BAD_DATA, "%s: %s is %s, not float32", file->path, path,
                    stored_kind_name(kind));
    *values = memory_take(shape_length(*s) * sizeof **values);
    code = stored_read(file, path, *values, why);
    if (!code) return STATUS_OK;
    memory_free(*values);
    *values = NULL;
    return code;
}

void checkpoint_take_model(checkpoint_file *file, char *configuration, char *state,
                           const checkpoint_tensor *tensor, int tensors, int changed)
{
    file->changed = changed;
    CHECK(!file->configuration && tensors <= CHECKPOINT_MAX_TAKEN, "%d tensors", tensors);
    file->configuration = configuration;
    file->state = state;
    memcpy(file->taken, tensor, (size_t)tensors * sizeof *tensor);
    file->tensors_taken = tensors;
}

status taken_read(const checkpoint_file *file, checkpoint *c, failure *why)
{
    int number = 0, wanted = checkpoint_variables(c);
    if (wanted != file->tensors_taken)
        return fail(why, STATUS_BAD_DATA,
                    "%s: its model has %d tensors, the model here has %d: the file is of another "
                    "model",
                    file->path, file->tensors_taken, wanted);
    for (int copies = 0; copies < 2;
         copies++, number = 0) /* all is checked before the first copy */
        for (int l = 0; l < c->layers; l++)
            for (int t = 0; t < c->layer[l].tensors; t++, number++) {
                const checkpoint_tensor *from = &file->taken[number], *to = &c->layer[l].tensor[t];
                if (copies)
                    memcpy(to->values, from->values, shape_length(to->shape) * sizeof(float));
                else if (!shape_equal(from->shape, to->shape))
                    return fail(why, STATUS_BAD_DATA,
                                "%s: layer %s, tensor %d has shape %s in it, the model here wants "
                                "%s: are the images or the classes others?",
                                file->path, c->layer[l].name, t, shape_text(from->shape).text,
                                shape_text(to->shape).text);
            }
    return STATUS_OK;
}

void taken_free(checkpoint_file *file)
{
    for (int i = 0; i < file->tensors_taken; i++) memory_free(file->taken[i].values);
}
