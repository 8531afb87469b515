/* user_block.h - the 512 bytes in front of a checkpoint's HDF5 image, by which damage is found.   room: io, private
 *
 *   bytes  0 to 15   magic "mnist_dist ckpt\n"
 *   bytes 16 to 19   format version, u32, little-endian
 *   bytes 20 to 23   zero
 *   bytes 24 to 31   length of the image, u64, little-endian
 *   bytes 32 to 47   XXH3-128 of the image, canonical order
 *   bytes 48 to 511  zero
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: STATUS_BAD_DATA, with the name of the field.
 * Test: tests/io/io_damage.c
 */
#ifndef MNIST_DIST_IO_USER_BLOCK_H
#define MNIST_DIST_IO_USER_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { USER_BLOCK_BYTES = 512, USER_BLOCK_VERSION = 1 };

/* Fills in the first 512 bytes of file[file_bytes], behind which is the image. */
void user_block_write(unsigned char *file, size_t file_bytes);

/* 1 if the file begins with the magic. */
int user_block_present(const unsigned char *file, size_t file_bytes);

/* Checks every field. path: for the failure. */
status user_block_verify(const unsigned char *file, size_t file_bytes, const char *path,
                         failure *why);

/* The number in `bytes` bytes, at most 8, the least significant first. */
uint64_t little_endian(const unsigned char *from, int bytes);

#endif
