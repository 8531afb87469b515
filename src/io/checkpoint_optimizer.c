/* io/checkpoint_optimizer.c - which dataset is which variable of the optimiser, and what the file says of its kind. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "checkpoint_file.h"
#include "stored_values.h"

enum { ITERATION, LEARNING_RATE };

/* The dataset at a place of the file's own list. A path that is no dataset's: past the last. */
static tensor_path listed_path(const checkpoint_file *file, int place)
{
    tensor_path path = {"/"};
    const legacy_index *legacy = file->legacy;
    if (!legacy)
        snprintf(path.text, sizeof path.text, "/optimizer/vars/%d", place);
    else if (place < legacy->optimizer_variables)
        snprintf(path.text, sizeof path.text, "/optimizer_weights/%.*s", HDF5_MAX_PATH - 20,
                 legacy->optimizer[place].text);
    return path;
}

static int is_listed(const checkpoint_file *file, int place)
{
    tensor_path path = listed_path(file, place);
    return path.text[1] && stored_exists(file, path.text);
}

int optimizer_has_rate(const checkpoint_file *file)
{
    shape s = {.rank = 1};
    if (file->has_state) return 1;
    if (!is_listed(file, LEARNING_RATE)) return 0;
    tensor_path path = listed_path(file, LEARNING_RATE);
    hid_t dataset = H5Dopen2(file->image, path.text, H5P_DEFAULT);
    status code = checkpoint_shape(file, dataset, path.text, &s, NULL);
    H5Dclose(dataset);
    return !code && s.rank == 0;
}

tensor_path optimizer_path(const checkpoint_file *file, int number)
{
    int missing = number >= FIRST_SLOT && !optimizer_has_rate(file);
    return listed_path(file, number - missing);
}

/* Keras numbers the optimisers of a process ("sgd_1" is the second); some versions wrote "SGD", or "rm_sprop". */
static void plain_name(const char *name, char *out, size_t size)
{
    size_t length = strlen(name), used = 0;
    while (length && isdigit((unsigned char)name[length - 1])) length--;
    if (length == 0 || name[length - 1] != '_') length = strlen(name);
    for (size_t i = 0; i < length && used + 1 < size; i++)
        if (name[i] != '_') out[used++] = (char)tolower((unsigned char)name[i]);
    out[used] = 0;
}

/* Keras before 3.6 wrote no name. In a whole model as `.h5` the names of variables begin with it: "adam/iteration". */
static void read_name(const checkpoint_file *file, checkpoint_optimizer *o)
{
    if (file->legacy) {
        char first[HDF5_MAX_PATH];
        snprintf(first, sizeof first, "%s", file->legacy->optimizer[0].text);
        char *end = strchr(first, '/');
        if (!end) return;
        *end = 0;
        plain_name(first, o->name, sizeof o->name);
        return;
    }
    hid_t vars = H5Gopen2(file->image, "/optimizer/vars", H5P_DEFAULT);
    if (vars < 0) return;
    char *name = hdf5_read_text(vars, "name");
    H5Gclose(vars);
    if (name) plain_name(name, o->name, sizeof o->name);
    memory_free(name);
}

checkpoint_optimizer checkpoint_optimizer_of(const checkpoint_file *file)
{
    checkpoint_optimizer o = {.present = is_listed(file, ITERATION)};
    if (!o.present) return o;
    read_name(file, &o);
    while (is_listed(file, LEARNING_RATE + o.arrays)) o.arrays++;
    o.arrays -= o.arrays && optimizer_has_rate(file);
    return o;
}

int checkpoint_optimizer_is(const checkpoint_optimizer *o, const char *name)
{
    char plain[sizeof o->name];
    plain_name(name, plain, sizeof plain);
    return !o->name[0] || strcmp(o->name, plain) == 0;
}
