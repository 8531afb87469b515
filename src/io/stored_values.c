/* io/stored_values.c - the numbers of a dataset: how they are stored, and how they become float32. */
#include "stored_values.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

static int says_bfloat16(hid_t dataset)
{
    char *dtype = hdf5_read_text(dataset, "dtype");
    int says = dtype && strcmp(dtype, "bfloat16") == 0;
    memory_free(dtype);
    return says;
}

stored_kind stored_kind_of(hid_t dataset)
{
    hid_t type = H5Dget_type(dataset);
    H5T_class_t class = H5Tget_class(type);
    size_t size = H5Tget_size(type);
    H5Tclose(type);
    if (class == H5T_INTEGER) return STORED_INTEGER;
    if (size == 2 && class != H5T_FLOAT)
        return says_bfloat16(dataset) ? STORED_BFLOAT16 : STORED_OTHER;
    if (class != H5T_FLOAT) return STORED_OTHER;
    return size == 4   ? STORED_FLOAT32
           : size == 2 ? STORED_FLOAT16
           : size == 8 ? STORED_FLOAT64
                       : STORED_OTHER;
}

const char *stored_kind_name(stored_kind kind)
{
    static const char *const names[] = {
        [STORED_OTHER] = "no number", [STORED_INTEGER] = "an integer",
        [STORED_FLOAT32] = "float32", [STORED_BFLOAT16] = "bfloat16",
        [STORED_FLOAT16] = "float16", [STORED_FLOAT64] = "float64",
    };
    return names[kind];
}

/* Looks for each link of the path in turn: H5Lexists fails if a group before the last link is missing. */
int stored_exists(const checkpoint_file *file, const char *path)
{
    char part[HDF5_MAX_PATH];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        if (H5Lexists(file->image, part, H5P_DEFAULT) <= 0) return 0;
        *at = '/';
    }
    if (H5Lexists(file->image, part, H5P_DEFAULT) <= 0) return 0;
    hid_t object = H5Oopen(file->image, part, H5P_DEFAULT);
    int is_dataset = object >= 0 && H5Iget_type(object) == H5I_DATASET;
    if (object >= 0) H5Oclose(object);
    return is_dataset;
}

status checkpoint_shape(const checkpoint_file *file, hid_t dataset, const char *path, shape *s,
                        failure *why)
{
    hsize_t dim[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset);
    int rank = H5Sis_simple(space) > 0 ? H5Sget_simple_extent_ndims(space) : -1;
    int simple = rank >= 0 && rank <= SHAPE_MAX_RANK &&
                 H5Sget_simple_extent_type(space) != H5S_NULL;
    if (simple) H5Sget_simple_extent_dims(space, dim, NULL);
    H5Sclose(space);
    *s = (shape){.rank = simple ? rank : 0};
    hsize_t values = 1;
    for (int i = 0; i < s->rank && simple; i++) {
        simple = dim[i] >= 1 && dim[i] <= INT_MAX &&
                 values <= file->bytes * HDF5_LARGEST_RATIO / dim[i];
        values *= simple ? dim[i] : 1;
        s->dim[i] = simple ? (int)dim[i] : 0;
    }
    if (simple && values <= INT_MAX) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA, "%s: %s has a shape that no tensor of such a file has",
                file->path, path);
}

/* The first filter that libhdf5 lacks, as one may name it to a user, or NULL. */
static const char *missing_filter(hid_t creation)
{
    static const struct {
        H5Z_filter_t id;
        const char *name;
    } known[] = {{H5Z_FILTER_SZIP, "szip"}, {32000, "lzf"}, {32001, "blosc"}, {32004, "lz4"},
                 {32008, "bitshuffle"},     {32015, "zstd"}};
    int filters = H5Pget_nfilters(creation);
    for (int i = 0; i < filters; i++) {
        unsigned flags, about;
        size_t values = 0;
        H5Z_filter_t id = H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL,
                                         &about);
        if (id < 0 || H5Zfilter_avail(id) > 0) continue;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (known[k].id == id) return known[k].name;
        return "unknown";
    }
    return NULL;
}

status stored_check(const checkpoint_file *file, hid_t dataset, const char *path, failure *why)
{
    hid_t creation = H5Dget_create_plist(dataset), type = H5Dget_type(dataset);
    hid_t space = H5Dget_space(dataset);
    H5D_layout_t layout = H5Pget_layout(creation);
    hsize_t stored = H5Dget_storage_size(dataset);
    hsize_t bytes = (hsize_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type);
    int filters = H5Pget_nfilters(creation);
    const char *lacks = missing_filter(creation);
    int inside = (layout == H5D_CONTIGUOUS || layout == H5D_COMPACT || layout == H5D_CHUNKED) &&
                 H5Pget_external_count(creation) == 0 && stored <= file->bytes;
    int whole = filters ? bytes / HDF5_LARGEST_RATIO <= stored && stored : bytes <= stored;
    H5Pclose(creation);
    H5Tclose(type);
    H5Sclose(space);
    if (lacks)
        return fail(why, STATUS_BAD_DATA,
                    "%s: %s is packed by the filter %s, which libhdf5 lacks here: save the file "
                    "without it, or with gzip",
                    file->path, path, lacks);
    if (inside && whole) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA,
                "%s: %s is stored outside of the file, or not at all: was the file cut?",
                file->path, path);
}

/* The upper 16 bits of a float32. */
static void from_bfloat16(const unsigned char *from, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++) {
        union {
            uint32_t bits;
            float value;
        } wide = {.bits = (uint32_t)from[2 * i] << 16 | (uint32_t)from[2 * i + 1] << 24};
        values[i] = wide.value;
    }
}

static herr_t read_bfloat16(hid_t dataset, float *values)
{
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    size_t count = (size_t)H5Sget_simple_extent_npoints(space);
    unsigned char *bytes = memory_take(count * 2);
    herr_t got = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
    from_bfloat16(bytes, count, values);
    memory_free(bytes);
    H5Tclose(type);
    H5Sclose(space);
    return got;
}

status stored_read(const checkpoint_file *file, const char *path, float *values, failure *why)
{
    hid_t dataset = H5Dopen2(file->image, path, H5P_DEFAULT);
    herr_t got = -1;
    if (dataset >= 0) {
        got = stored_kind_of(dataset) == STORED_BFLOAT16
                  ? read_bfloat16(dataset, values)
                  : H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
        H5Dclose(dataset);
    }
    if (got >= 0) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA, "%s: %s cannot be read: was the file cut or changed?",
                file->path, path);
}
