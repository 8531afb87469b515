/* idx_file.h - an IDX file while it is read: its bytes, unpacked, and its header.       room: data, private
 *
 * Threads: any, on different files.   Collective: no.   Memory: zlib's buffer while the file is open.   Errors: as in
 * data/idx.h. Test: tests/unit/data_idx.c, tests/unit/data_idx_kinds.c
 */
#ifndef MNIST_DIST_DATA_IDX_FILE_H
#define MNIST_DIST_DATA_IDX_FILE_H

#include <zlib.h>

#include "data/idx.h"

/* The end of a failure: what to do about a file that came damaged. */
#define IDX_AGAIN "truncated download? Run tools/get_data.sh"

enum { IDX_MAX_DIMENSIONS = 4, IDX_HEADER_BYTES = 4 + 4 * IDX_MAX_DIMENSIONS };

typedef struct idx_file {
    const char *path;
    gzFile stream;
    int plain;        /* 1: not gzip                       */
    uint64_t on_disk; /* bytes                             */
    idx_header header;
    size_t offset; /* of the first element              */
} idx_file;

status idx_file_open(idx_file *f, const char *path, failure *why);
void idx_file_close(idx_file *f);

/* Reads `bytes` bytes; *got is less only at the end of the file or after an error, which idx_file_complaint tells apart. */
void idx_file_read(idx_file *f, uint8_t *into, size_t bytes, size_t *got);

/* The error that ended reading after `at` bytes of content; STATUS_OK if there was none. */
status idx_file_complaint(const idx_file *f, uint64_t at, failure *why);

/* Unpacks all of a gzip file, its header too, into out[bytes], about twice as fast as idx_file_read. 1 if the file is a single
 * member of exactly this content, with the right checksum. 0 for every other file, also where the build lacks libdeflate:
 * then out is spoilt, and idx_file_read says what the file is. */
int idx_inflate(const idx_file *f, uint8_t *out, size_t bytes);

/* Reads the header of an open file into f->header and f->offset, and checks it against the size of the file. For a file that is
 * something else, the failure says what. */
status idx_file_header(idx_file *f, idx_kind kind, failure *why);

/* Bytes of all elements as they are stored. */
uint64_t idx_stored_bytes(const idx_header *header);

/* Bytes of one element as it is stored. */
int idx_element_bytes(const idx_header *header);

/* "60000 x 28 x 28", with "x 3" for three channels; "60000", or "60000 x 8" for labels of 8 columns. */
typedef struct idx_extent_text {
    char text[96];
} idx_extent_text;
idx_extent_text idx_extent(const idx_header *h, idx_kind kind);

#endif
