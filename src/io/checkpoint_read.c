/* io/checkpoint_read.c - reads the tensors of an open file; all are checked before the first is read. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "checkpoint_file.h"
#include "stored_values.h"

static tensor_path path_of(const checkpoint_file *file, const checkpoint *c, int l, int tensor)
{
    tensor_path path;
    const checkpoint_layer *layer = &c->layer[l];
    if (file->legacy)
        snprintf(path.text, sizeof path.text, "%s", legacy_path(file->legacy, c, l, tensor));
    else
        snprintf(path.text, sizeof path.text, "%s%s%s/vars/%d", file->stem, layer->key,
                 layer->cell ? "/cell" : "", tensor);
    return path;
}

/* owner: "layer conv2d_1, tensor 0" */
static status check_shape(const checkpoint_file *file, const char *path, const char *owner,
                          shape want, failure *why)
{
    shape is;
    if (!stored_exists(file, path))
        return fail(why, STATUS_BAD_DATA,
                    "%s: %s is missing (%s, shape %s): the file is of another model; layers "
                    "without bias, and nested ones, are read from the whole model, NAME.keras",
                    file->path, path, owner, shape_text(want).text);
    hid_t dataset = H5Dopen2(file->image, path, H5P_DEFAULT);
    stored_kind kind = stored_kind_of(dataset);
    status code = checkpoint_shape(file, dataset, path, &is, why);
    H5Dclose(dataset);
    if (code) return code;
    if (!stored_is_real(kind))
        return fail(why, STATUS_BAD_DATA,
                    "%s: %s (%s) is %s, not float32: save the weights of a float32 model",
                    file->path, path, owner, stored_kind_name(kind));
    if (!shape_equal(is, want))
        return fail(why, STATUS_BAD_DATA,
                    "%s: %s (%s) has shape %s, the model wants %s: the file is of another model",
                    file->path, path, owner, shape_text(is).text, shape_text(want).text);
    return STATUS_OK;
}

static status check_layers(const checkpoint_file *file, const checkpoint *c, failure *why)
{
    for (int l = 0; l < c->layers; l++)
        for (int t = 0; t < c->layer[l].tensors; t++) {
            char owner[128];
            snprintf(owner, sizeof owner, "layer %s, tensor %d", c->layer[l].name, t);
            tensor_path path = path_of(file, c, l, t);
            status code = check_shape(file, path.text, owner, c->layer[l].tensor[t].shape, why);
            if (code) return code;
        }
    return STATUS_OK;
}

typedef struct wanted {
    const checkpoint_file *file;
    const checkpoint *c;
} wanted;

/* Visitor: fails for a dataset that the model does not have. */
static status refuse_unknown(void *context, hid_t dataset, const char *path, failure *why)
{
    const wanted *w = context;
    (void)dataset;
    if (strncmp(path, w->file->stem, strlen(w->file->stem)) != 0) return STATUS_OK;
    if (strstr(path, "/seed_generator/")) return STATUS_OK; /* random numbers of dropout in Keras */
    for (int l = 0; l < w->c->layers; l++)
        for (int t = 0; t < w->c->layer[l].tensors; t++)
            if (strcmp(path, path_of(w->file, w->c, l, t).text) == 0) return STATUS_OK;
    return fail(
        why, STATUS_BAD_DATA,
        "%s: %s belongs to no layer of the model: the file is of another model, or of one whose "
        "layers are known only with its architecture: save it whole, as NAME.keras",
        w->file->path, path);
}

static status check_no_others(const checkpoint_file *file, const checkpoint *c, failure *why)
{
    wanted w = {file, c};
    return hdf5_walk(file->image, "", refuse_unknown, &w, why);
}

static status check_slots(const checkpoint_file *file, const checkpoint *c, failure *why)
{
    int variable = 0;
    for (int l = 0; l < c->layers; l++)
        for (int t = 0; t < c->layer[l].tensors; t++, variable++)
            for (int s = 0; s < c->slots; s++) {
                char owner[128];
                snprintf(owner, sizeof owner, "optimiser slot %d of layer %s, tensor %d", s,
                         c->layer[l].name, t);
                tensor_path path = optimizer_path(file, checkpoint_slot_dataset(c, variable, s));
                status code = check_shape(file, path.text, owner, c->layer[l].tensor[t].shape, why);
                if (code) return code;
            }
    if (stored_exists(file, optimizer_path(file, FIRST_SLOT + variable * c->slots).text))
        return fail(why, STATUS_BAD_DATA,
                    "%s: more than %d optimiser slots per variable: another optimiser wrote it",
                    file->path, c->slots);
    return STATUS_OK;
}

static status check_optimizer(const checkpoint_file *file, const checkpoint *c, failure *why)
{
    checkpoint_optimizer is = checkpoint_optimizer_of(file);
    if (!is.present)
        return fail(
            why, STATUS_BAD_DATA,
            "%s: no optimiser state in it: start a new run from its parameters with --weights",
            file->path);
    if (file->changed)
        return fail(why, STATUS_BAD_DATA,
                    "%s: its parameters were changed while it was read, so its optimiser's state "
                    "does not belong to them: leave --optimizer-state out",
                    file->path);
    if (c->optimizer[0] && !checkpoint_optimizer_is(&is, c->optimizer))
        return fail(why, STATUS_BAD_DATA,
                    "%s: its optimiser is %.60s, the run's is %s: use --optimizer=%.60s",
                    file->path, is.name, c->optimizer, is.name);
    status code = STATUS_OK;
    if (optimizer_has_rate(file))
        code = check_shape(file, optimizer_path(file, 1).text, "learning rate", (shape){.rank = 0},
                           why);
    return code ? code : check_slots(file, c, why);
}

/* Has the file the tensors of the model, and no others? */
static status check_model(const checkpoint_file *file, const checkpoint *c, failure *why)
{
    status code = file->legacy ? legacy_match(file->legacy, file->path, c, why) : STATUS_OK;
    if (!code) code = check_layers(file, c, why);
    return code || file->legacy ? code : check_no_others(file, c, why);
}

static status read_values(const checkpoint_file *file, const char *path, hid_t memory_type,
                          void *values, failure *why)
{
    hid_t dataset = H5Dopen2(file->image, path, H5P_DEFAULT);
    herr_t got = dataset < 0 ? -1
                             : H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    if (dataset >= 0) H5Dclose(dataset);
    if (got >= 0) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA, "%s: %s cannot be read: was the file cut or changed?",
                file->path, path);
}

static status read_layers(const checkpoint_file *file, checkpoint *c, failure *why)
{
    status code = STATUS_OK;
    for (int l = 0; l < c->layers; l++)
        for (int t = 0; t < c->layer[l].tensors && !code; t++)
            code = stored_read(file, path_of(file, c, l, t).text, c->layer[l].tensor[t].values,
                               why);
    return code;
}

/* Keras writes int64 or int32, depending on its backend. */
static status read_iteration(const checkpoint_file *file, int64_t *iteration, failure *why)
{
    shape s;
    tensor_path at = optimizer_path(file, 0);
    const char *path = at.text;
    hid_t dataset = H5Dopen2(file->image, path, H5P_DEFAULT);
    hid_t type = H5Dget_type(dataset);
    int whole = H5Tget_class(type) == H5T_INTEGER;
    status code = checkpoint_shape(file, dataset, path, &s, why);
    H5Tclose(type);
    H5Dclose(dataset);
    if (code) return code;
    if (!whole || s.rank != 0)
        return fail(why, STATUS_BAD_DATA, "%s: %s is no single whole number", file->path, path);
    return read_values(file, path, H5T_NATIVE_INT64, iteration, why);
}

static status read_optimizer(const checkpoint_file *file, checkpoint *c, failure *why)
{
    status code = read_iteration(file, &c->iteration, why);
    if (!code && optimizer_has_rate(file))
        code = read_values(file, optimizer_path(file, 1).text, H5T_NATIVE_FLOAT, &c->learning_rate,
                           why);
    int variables = checkpoint_variables(c);
    for (int v = 0; v < variables; v++)
        for (int s = 0; s < c->slots && !code; s++)
            code = read_values(file, optimizer_path(file, checkpoint_slot_dataset(c, v, s)).text,
                               H5T_NATIVE_FLOAT, c->slot_values[s][v], why);
    return code;
}

status checkpoint_read(const checkpoint_file *file, checkpoint *c, int with_optimizer, failure *why)
{
    status code = file->tensors_taken ? STATUS_OK : check_model(file, c, why);
    if (!code && with_optimizer) code = check_optimizer(file, c, why);
    if (!code) code = file->tensors_taken ? taken_read(file, c, why) : read_layers(file, c, why);
    return !code && with_optimizer ? read_optimizer(file, c, why) : code;
}

static status check_finite(const checkpoint_file *file, const checkpoint *c, int l, int t,
                           failure *why)
{
    const checkpoint_tensor *tensor = &c->layer[l].tensor[t];
    size_t length = shape_length(tensor->shape);
    for (size_t i = 0; i < length; i++)
        if (!isfinite(tensor->values[i]))
            return fail(why, STATUS_BAD_DATA,
                        "%s: %s (layer %s, tensor %d): element %s is %g: weights must be finite",
                        file->path, path_of(file, c, l, t).text, c->layer[l].name, t,
                        shape_place(tensor->shape, i).text, (double)tensor->values[i]);
    return STATUS_OK;
}

status checkpoint_check_finite(const checkpoint_file *file, const checkpoint *c, failure *why)
{
    status code = STATUS_OK;
    for (int l = 0; l < c->layers; l++)
        for (int t = 0; t < c->layer[l].tensors && !code; t++)
            code = check_finite(file, c, l, t, why);
    return code;
}

typedef struct tensor_visit {
    const checkpoint_file *file;
    checkpoint_visitor visit;
    void *context;
} tensor_visit;

typedef struct type_name {
    char text[32];
} type_name;

/* "float32", "int64", "uint8", "opaque16", or what the attribute dtype says ("bfloat16", as h5py writes it). */
static type_name name_of(hid_t dataset, hid_t type)
{
    type_name name;
    char *said = hdf5_read_text(dataset, "dtype");
    H5T_class_t class = H5Tget_class(type);
    const char *kind = class == H5T_FLOAT                  ? "float"
                       : class != H5T_INTEGER              ? "opaque"
                       : H5Tget_sign(type) == H5T_SGN_NONE ? "uint"
                                                           : "int";
    if (said && class == H5T_OPAQUE)
        snprintf(name.text, sizeof name.text, "%s", said);
    else
        snprintf(name.text, sizeof name.text, "%s%zu", kind, 8 * H5Tget_size(type));
    memory_free(said);
    return name;
}

/* The type in memory: the file's, in this machine's byte order. Conversions to it are exact. */
static hid_t memory_type(hid_t type)
{
    H5T_class_t class = H5Tget_class(type);
    if (class == H5T_FLOAT && H5Tget_size(type) <= sizeof(float)) return H5Tcopy(H5T_NATIVE_FLOAT);
    if (class == H5T_FLOAT || class == H5T_INTEGER) return H5Tget_native_type(type, H5T_DIR_ASCEND);
    return H5Tcopy(type);
}

/* 1 for numbers, and for opaque values, which may be numbers of another kind (bfloat16). */
static int holds_numbers(hid_t dataset)
{
    hid_t type = H5Dget_type(dataset);
    H5T_class_t class = H5Tget_class(type);
    H5Tclose(type);
    return class == H5T_FLOAT || class == H5T_INTEGER || class == H5T_OPAQUE;
}

static status visit_dataset(void *context, hid_t dataset, const char *path, failure *why)
{
    const tensor_visit *v = context;
    checkpoint_array a = {.path = path};
    if (!holds_numbers(dataset)) return STATUS_OK;
    status code = checkpoint_shape(v->file, dataset, path, &a.shape, why);
    if (code) return code;
    hid_t type = H5Dget_type(dataset), memory = memory_type(type);
    type_name name = name_of(dataset, type);
    a.type = name.text;
    a.bytes = H5Tget_size(memory);
    a.length = shape_length(a.shape);
    void *values = memory_take(a.length * a.bytes);
    a.values = values;
    if (strcmp(name.text, "float32") == 0) a.floats = values;
    code = read_values(v->file, path, memory, values, why);
    if (!code) v->visit(v->context, &a);
    memory_free(values);
    H5Tclose(memory);
    H5Tclose(type);
    return code;
}

status checkpoint_visit(const checkpoint_file *file, checkpoint_visitor visit, void *context,
                        failure *why)
{
    tensor_visit v = {file, visit, context};
    return hdf5_walk(file->image, "", visit_dataset, &v, why);
}
