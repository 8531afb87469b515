/* io/hdf5_tools.c - files in memory, groups, arrays and attributes. */
#include "hdf5_tools.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "child.h"

enum { LEAST_INCREMENT_BYTES = 1 << 16, LONGEST_TEXT_BYTES = 1 << 28 };

void hdf5_quiet(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* Access properties of a file that is only in memory; closing it closes all objects in it. */
static hid_t memory_access(size_t increment)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, increment, 0);
    H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    return access;
}

typedef struct image_name {
    char text[32];
} image_name;

/* Names differ, since libhdf5 takes two files in memory with the same name for one. */
static image_name next_name(void)
{
    static unsigned images;
    image_name name;
    snprintf(name.text, sizeof name.text, "image %u", images++);
    return name;
}

static hid_t without_times(hid_t creation)
{
    H5Pset_obj_track_times(creation, 0);
    return creation;
}

static hid_t with_link_order(hid_t creation)
{
    H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    return without_times(creation);
}

hid_t hdf5_create_image(hsize_t user_block, size_t expected_bytes)
{
    hid_t access = memory_access(expected_bytes + LEAST_INCREMENT_BYTES);
    hid_t creation = with_link_order(H5Pcreate(H5P_FILE_CREATE));
    H5Pset_userblock(creation, user_block);
    hid_t file = H5Fcreate(next_name().text, H5F_ACC_TRUNC, creation, access);
    H5Pclose(creation);
    H5Pclose(access);
    return file;
}

int hdf5_take_image(hid_t file, size_t user_block, unsigned char **bytes, size_t *length)
{
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) return -1;
    ssize_t image = H5Fget_file_image(file, NULL, 0);
    if (image <= 0) return -1;
    *length = user_block + (size_t)image;
    *bytes = memory_take(*length);
    if (H5Fget_file_image(file, *bytes + user_block, (size_t)image) == image) return 0;
    memory_free(*bytes);
    *bytes = NULL;
    return -1;
}

hid_t hdf5_open_image(const void *bytes, size_t length)
{
    hid_t access = memory_access(LEAST_INCREMENT_BYTES);
    /* a file that h5py wrote with libver="latest" is read too */
    H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
    hid_t file = -1;
    /* libhdf5 copies the bytes; its prototype lacks the const */
    if (H5Pset_file_image(access, (void *)(uintptr_t)bytes, length) >= 0)
        file = H5Fopen(next_name().text, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

hid_t hdf5_create_group(hid_t parent, const char *name)
{
    hid_t creation = with_link_order(H5Pcreate(H5P_GROUP_CREATE));
    hid_t group = H5Gcreate2(parent, name, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Pclose(creation);
    return group;
}

/* Makes a dataset over `space`, which it closes, and fills it. */
static int write_dataset(hid_t group, const char *name, hid_t file_type, hid_t memory_type,
                         hid_t space, const void *values)
{
    hid_t creation = without_times(H5Pcreate(H5P_DATASET_CREATE));
    hid_t array = H5Dcreate2(group, name, file_type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    herr_t written = -1;
    if (array >= 0) {
        written = H5Dwrite(array, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
        H5Dclose(array);
    }
    H5Pclose(creation);
    H5Sclose(space);
    return written < 0 ? -1 : 0;
}

int hdf5_write_array(hid_t group, const char *name, hid_t file_type, hid_t memory_type, shape s,
                     const void *values)
{
    hsize_t dim[SHAPE_MAX_RANK];
    for (int i = 0; i < s.rank; i++) dim[i] = (hsize_t)s.dim[i];
    hid_t space = s.rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(s.rank, dim, NULL);
    return write_dataset(group, name, file_type, memory_type, space, values);
}

int hdf5_write_rows(hid_t group, const char *name, hid_t file_type, hid_t memory_type, size_t rows,
                    const void *values)
{
    hsize_t dim = rows;
    hid_t space = H5Screate_simple(1, &dim, NULL);
    return write_dataset(group, name, file_type, memory_type, space, values);
}

static int write_scalar(hid_t object, const char *name, hid_t file_type, hid_t memory_type,
                        const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t written = -1;
    if (attribute >= 0) {
        written = H5Awrite(attribute, memory_type, value);
        H5Aclose(attribute);
    }
    H5Sclose(space);
    return written < 0 ? -1 : 0;
}

static hid_t python_text(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

int hdf5_write_text(hid_t object, const char *name, const char *text)
{
    hid_t type = python_text();
    int written = write_scalar(object, name, type, type, &text);
    H5Tclose(type);
    return written;
}

int hdf5_write_int(hid_t object, const char *name, int32_t value)
{
    return write_scalar(object, name, H5T_STD_I32LE, H5T_NATIVE_INT32, &value);
}

/* Can the object's file hold `count` values of this type? Only the stored part of texts of variable length is counted. */
static int fits_file(hid_t object, hid_t type, hsize_t count)
{
    hsize_t bytes = 0;
    hid_t file = H5Iget_file_id(object);
    if (file < 0) return 0;
    herr_t known = H5Fget_filesize(file, &bytes);
    H5Fclose(file);
    size_t size = H5Tget_size(type);
    return known >= 0 && size > 0 && count <= bytes / size;
}

/* An attribute that is one value of this class, or -1. */
static hid_t open_scalar(hid_t object, const char *name, H5T_class_t class)
{
    if (H5Aexists(object, name) <= 0) return -1;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0) return -1;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    int fits = H5Tget_class(type) == class && H5Sget_simple_extent_npoints(space) == 1 &&
               fits_file(attribute, type, 1);
    H5Tclose(type);
    H5Sclose(space);
    if (fits) return attribute;
    H5Aclose(attribute);
    return -1;
}

/* A text, or texts, of variable length that a child reads: libhdf5 does not check where they are in the file. */
typedef struct variable_texts {
    hid_t attribute, type;
    size_t count;
} variable_texts;

/* Writes the texts, each with a 0 behind it. */
static void write_variable(void *context, int out)
{
    const variable_texts *v = context;
    char **texts = memory_take(v->count * sizeof *texts);
    if (H5Aread(v->attribute, v->type, texts) < 0) return;
    for (size_t i = 0; i < v->count; i++) {
        const char *text = texts[i] ? texts[i] : "";
        child_write(out, text, strnlen(text, LONGEST_TEXT_BYTES));
        child_write(out, "", 1);
    }
}

/* The texts, each with a 0 behind it, for the caller to free; an empty buffer if they cannot be read. */
static text_buffer take_variable(hid_t attribute, hid_t type, size_t count)
{
    text_buffer texts;
    variable_texts v = {attribute, type, count};
    child_end end = child_run(write_variable, &v, 0, &texts);
    if (!end.well) text_buffer_free(&texts);
    return texts;
}

char *hdf5_read_text(hid_t object, const char *name)
{
    hid_t attribute = open_scalar(object, name, H5T_STRING);
    if (attribute < 0) return NULL;
    char *copy = NULL;
    hid_t type = H5Aget_type(attribute);
    size_t size = H5Tget_size(type);
    if (H5Tis_variable_str(type) <= 0 && size <= LONGEST_TEXT_BYTES) {
        copy = memory_take(size + 1); /* a text of fixed length, as Python's bytes */
        if (H5Aread(attribute, type, copy) < 0) memory_free(copy), copy = NULL;
    } else {
        copy = take_variable(attribute, type, 1).text; /* the buffer's memory is the caller's now */
    }
    H5Tclose(type);
    H5Aclose(attribute);
    return copy;
}

int hdf5_read_int(hid_t object, const char *name, int32_t *value)
{
    hid_t attribute = open_scalar(object, name, H5T_INTEGER);
    if (attribute < 0) return -1;
    herr_t got = H5Aread(attribute, H5T_NATIVE_INT32, value);
    H5Aclose(attribute);
    return got < 0 ? -1 : 0;
}

/* Texts of `size` bytes each, which need not end with a 0. */
static int read_fixed(hid_t attribute, hid_t type, hsize_t count, hdf5_name *names)
{
    size_t size = H5Tget_size(type);
    char *texts = memory_take((size_t)count * size);
    int failed = H5Aread(attribute, type, texts) < 0;
    for (hsize_t i = 0; i < count && !failed; i++) {
        size_t length = strnlen(texts + i * size, size);
        failed = length >= HDF5_MAX_NAME;
        if (!failed) memcpy(names[i].text, texts + i * size, length);
    }
    memory_free(texts);
    return failed;
}

static int read_variable(hid_t attribute, hid_t type, hsize_t count, hdf5_name *names)
{
    text_buffer texts = take_variable(attribute, type, (size_t)count);
    const char *at = texts.text, *end = at + texts.length;
    int failed = !texts.text;
    for (hsize_t i = 0; i < count && !failed; i++) {
        size_t length = at < end ? strlen(at) : HDF5_MAX_NAME;
        failed = length == 0 || length >= HDF5_MAX_NAME;
        if (!failed) memcpy(names[i].text, at, length + 1);
        at += length + 1;
    }
    text_buffer_free(&texts);
    return failed;
}

int hdf5_read_names(hid_t object, const char *attribute, hdf5_name **names, int *count)
{
    hid_t list = H5Aopen(object, attribute, H5P_DEFAULT);
    *names = NULL;
    *count = 0;
    if (list < 0) return -1;
    hid_t type = H5Aget_type(list), space = H5Aget_space(list);
    hssize_t points = H5Sget_simple_extent_npoints(space);
    int failed = points < 0 || points > HDF5_MAX_OBJECTS || !fits_file(list, type, (hsize_t)points);
    if (!failed && points > 0) { /* h5py writes an empty list as numbers */
        *names = memory_take((size_t)points * sizeof **names);
        *count = (int)points;
        failed = H5Tget_class(type) != H5T_STRING ||
                 (H5Tis_variable_str(type) > 0 ? read_variable(list, type, (hsize_t)points, *names)
                                               : read_fixed(list, type, (hsize_t)points, *names));
        if (failed) memory_free(*names);
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(list);
    return failed ? -1 : 0;
}
