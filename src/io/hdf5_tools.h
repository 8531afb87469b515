/* hdf5_tools.h - the HDF5 operations that checkpoints and metrics need, on files in memory.   room: io, private
 *
 * Every object is created without times and with tracked link order: the same calls give the same bytes, and a reader meets the
 * objects in the order of writing. Files have superblock 0, which h5py, h5dump and Keras of any age read. (The image of a file
 * with superblock 2 cannot be copied out of memory by HDF5 1.10 while the file is open.)
 *
 * Threads: one at a time (libhdf5).   Collective: no.   Errors: a negative value or NULL; after hdf5_quiet libhdf5 prints
 * nothing.
 * Test: tests/io/io_layout.c, io_damage.c
 */
#ifndef MNIST_DIST_IO_HDF5_TOOLS_H
#define MNIST_DIST_IO_HDF5_TOOLS_H

#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

/* Stops libhdf5 from printing its error stack. */
void hdf5_quiet(void);

/* A new file in memory, which the caller closes with H5Fclose. user_block: bytes in front of the image, 0 or a power of two
 * from 512 on. expected_bytes: the memory that is taken at first. */
hid_t hdf5_create_image(hsize_t user_block, size_t expected_bytes);
/* user_block zero bytes and the bytes of the file; the caller frees *bytes with memory_free. 0, or -1. */
int hdf5_take_image(hid_t file, size_t user_block, unsigned char **bytes, size_t *length);
/* Opens a copy of these bytes, user block included, for reading. The caller closes it with H5Fclose. */
hid_t hdf5_open_image(const void *bytes, size_t length);

/* A new group, which the caller closes with H5Gclose. */
hid_t hdf5_create_group(hid_t parent, const char *name);
/* Writes a dataset of this shape; rank 0: a scalar. 0, or -1. */
int hdf5_write_array(hid_t group, const char *name, hid_t file_type, hid_t memory_type, shape s,
                     const void *values);
/* Writes a dataset of `rows` records, 0 or more. 0, or -1. */
int hdf5_write_rows(hid_t group, const char *name, hid_t file_type, hid_t memory_type, size_t rows,
                    const void *values);
/* Write an attribute: a text as Python's str (variable length, UTF-8), or a 32-bit number. 0, or -1. */
int hdf5_write_text(hid_t object, const char *name, const char *text);
int hdf5_write_int(hid_t object, const char *name, int32_t value);
/* The text of an attribute, which the caller frees with memory_free; NULL, if there is no such text. An attribute whose type
 * says more bytes than its file has is not read. */
char *hdf5_read_text(hid_t object, const char *name);
/* The number in an attribute. 0, or -1. */
int hdf5_read_int(hid_t object, const char *name, int32_t *value);

/* Bytes of values to stored bytes: deflate packs at most 1,032 to 1 (zlib's manual), lzf less. */
enum { HDF5_LARGEST_RATIO = 1100 };
enum { HDF5_MAX_NAME = 128, HDF5_MAX_PATH = 512, HDF5_MAX_DEPTH = 8, HDF5_MAX_OBJECTS = 16384 };

typedef struct hdf5_name {
    char text[HDF5_MAX_NAME];
} hdf5_name;
/* The texts in an attribute that is a list of them, of fixed or variable length; the caller frees *names with memory_free. -1,
 * if it is no such list, has more than HDF5_MAX_OBJECTS texts, or a text is too long. */
int hdf5_read_names(hid_t object, const char *attribute, hdf5_name **names, int *count);

/* Gets one dataset and its path, which are valid during the call. */
typedef status (*hdf5_visitor)(void *context, hid_t dataset, const char *path, failure *why);

/* Calls visit for each dataset below `group`: in the order of writing if the file tracks it, else in the order of the names,
 * with numbers in them compared as numbers. path: of the group. Stops at the first status that is not STATUS_OK.
 * STATUS_BAD_DATA, if a link is not hard, if an object has several of them, or if there are more or deeper groups than the
 * limits above; the failure does not name the file. */
status hdf5_walk(hid_t group, const char *path, hdf5_visitor visit, void *context, failure *why);

#endif
