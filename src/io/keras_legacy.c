/* io/keras_legacy.c - Keras 2's lists of layers and weights. */
#include "keras_legacy.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"

static const char *const places[] = {"/", "/model_weights"};

/* One list of names, which may be cut into several attributes. */
typedef struct names {
    hdf5_name *name;
    int count;
} names;

static int has_list(hid_t object, const char *attribute)
{
    char cut[32];
    snprintf(cut, sizeof cut, "%s0", attribute);
    return H5Aexists(object, attribute) > 0 || H5Aexists(object, cut) > 0;
}

static int append(names *all, hdf5_name *more, int count)
{
    hdf5_name *both = memory_take((size_t)(all->count + count) * sizeof *both);
    if (all->count) memcpy(both, all->name, (size_t)all->count * sizeof *both);
    if (count) memcpy(both + all->count, more, (size_t)count * sizeof *both);
    memory_free(all->name);
    memory_free(more);
    *all = (names){both, all->count + count};
    return all->count <= HDF5_MAX_OBJECTS ? 0 : -1;
}

/* 0, with an empty list if there is no such attribute; -1 if it is no list of names. */
static int read_list(hid_t object, const char *attribute, names *all)
{
    char part[32];
    int failed = 0, parts = H5Aexists(object, attribute) > 0 ? 0 : HDF5_MAX_OBJECTS;
    *all = (names){0};
    for (int i = -1; i < parts && !failed; i++) {
        hdf5_name *more;
        int count;
        snprintf(part, sizeof part, i < 0 ? "%s" : "%s%d", attribute, i);
        if (H5Aexists(object, part) <= 0) {
            if (i < 0) continue;
            break;
        }
        failed = hdf5_read_names(object, part, &more, &count) || append(all, more, count);
    }
    return failed;
}

static hid_t open_place(hid_t file)
{
    for (int i = 0; i < 2; i++) {
        if (i && H5Lexists(file, places[i], H5P_DEFAULT) <= 0) continue;
        hid_t place = H5Oopen(file, places[i], H5P_DEFAULT);
        if (place < 0) continue;
        if (has_list(place, "layer_names")) return place;
        H5Oclose(place);
    }
    return -1;
}

int legacy_present(hid_t file)
{
    hid_t place = open_place(file);
    if (place < 0) return 0;
    H5Oclose(place);
    return 1;
}

static status add_tensors(const char *folder, const char *name, const names *weights,
                          legacy_index *index, const char *path, failure *why)
{
    if (index->layers == CHECKPOINT_MAX_LAYERS)
        return fail(why, STATUS_BAD_DATA, "%s: more than %d layers with weights", path,
                    CHECKPOINT_MAX_LAYERS);
    if (weights->count > CHECKPOINT_MAX_TENSORS)
        return fail(why, STATUS_BAD_DATA,
                    "%s: layer %s has %d tensors, more than any layer of this program", path, name,
                    weights->count);
    legacy_layer *layer = &index->layer[index->layers++];
    snprintf(layer->name, sizeof layer->name, "%s", name);
    layer->tensors = weights->count;
    for (int t = 0; t < weights->count; t++) {
        int length = snprintf(layer->path[t], HDF5_MAX_PATH, "%s/%s/%s", folder, name,
                              weights->name[t].text);
        if (length >= HDF5_MAX_PATH)
            return fail(why, STATUS_BAD_DATA, "%s: layer %s has a tensor with an endless name",
                        path, name);
    }
    return STATUS_OK;
}

static status add_layer(hid_t place, const char *folder, const char *name, legacy_index *index,
                        const char *path, failure *why)
{
    names weights = {0};
    hid_t group = H5Lexists(place, name, H5P_DEFAULT) > 0 ? H5Gopen2(place, name, H5P_DEFAULT) : -1;
    int failed = group < 0 || read_list(group, "weight_names", &weights);
    status code = STATUS_OK;
    if (failed)
        code = fail(why, STATUS_BAD_DATA, "%s: layer %s is listed, but its group is not whole",
                    path, name);
    else if (weights.count)
        code = add_tensors(folder, name, &weights, index, path, why);
    if (group >= 0) H5Gclose(group);
    memory_free(weights.name);
    return code;
}

/* A list that cannot be read counts as none. */
static void read_optimizer(hid_t file, legacy_index *index)
{
    names all = {0};
    if (H5Lexists(file, "optimizer_weights", H5P_DEFAULT) <= 0) return;
    hid_t group = H5Gopen2(file, "optimizer_weights", H5P_DEFAULT);
    if (group >= 0 && read_list(group, "weight_names", &all)) {
        memory_free(all.name);
        all = (names){0};
    }
    if (group >= 0) H5Gclose(group);
    index->optimizer = all.name;
    index->optimizer_variables = all.count;
}

void legacy_free(legacy_index *index)
{
    if (index) memory_free(index->optimizer);
    memory_free(index);
}

status legacy_open(hid_t file, const char *path, legacy_index **index, failure *why)
{
    names layers = {0};
    char folder[HDF5_MAX_NAME] = "";
    hid_t place = open_place(file);
    CHECK(place >= 0, "%s", "legacy_present was not asked");
    H5Iget_name(place, folder, sizeof folder);
    if (strcmp(folder, "/") == 0) folder[0] = 0;
    *index = memory_take(sizeof **index);
    status code = STATUS_OK;
    if (read_list(place, "layer_names", &layers))
        code = fail(why, STATUS_BAD_DATA, "%s: attribute layer_names is no list of names", path);
    for (int i = 0; i < layers.count && !code; i++)
        code = add_layer(place, folder, layers.name[i].text, *index, path, why);
    H5Oclose(place);
    memory_free(layers.name);
    read_optimizer(file, *index);
    if (!code) return STATUS_OK;
    legacy_free(*index);
    *index = NULL;
    return code;
}

/* The model's layer after `from` that has tensors; -1 past the last. */
static int next_weighted(const checkpoint *c, int from)
{
    for (int l = from + 1; l < c->layers; l++)
        if (c->layer[l].tensors) return l;
    return -1;
}

status legacy_match(const legacy_index *index, const char *path, const checkpoint *c, failure *why)
{
    int weighted = 0;
    for (int l = next_weighted(c, -1); l >= 0; l = next_weighted(c, l)) weighted++;
    if (weighted != index->layers)
        return fail(why, STATUS_BAD_DATA,
                    "%s: %d layers with weights, the model has %d: the file is of another model",
                    path, index->layers, weighted);
    for (int i = 0, l = next_weighted(c, -1); i < index->layers; i++, l = next_weighted(c, l))
        if (index->layer[i].tensors != c->layer[l].tensors)
            return fail(why, STATUS_BAD_DATA,
                        "%s: %s has %d tensors, the model's layer %s has %d: the file is of "
                        "another model",
                        path, index->layer[i].name, index->layer[i].tensors, c->layer[l].name,
                        c->layer[l].tensors);
    return STATUS_OK;
}

const char *legacy_path(const legacy_index *index, const checkpoint *c, int layer, int tensor)
{
    int number = 0;
    for (int l = 0; l < layer; l++) number += c->layer[l].tensors > 0;
    return index->layer[number].path[tensor];
}
