/* idx.h - IDX, the file format of MNIST, plain or gzip.                              room: data
 *
 * A file is a magic number, the sizes of its dimensions, and the elements. Numbers are 32 bits, big-endian.
 *   labels          0x00000801, count
 *   images          0x00000803, count, height, width                pixels: [count, height, width]
 *   colour images   0x00000804, count, height, width, channels      pixels: [count, height, width, channels]
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section on file formats.
 *
 * The third byte of the magic is the type of the elements, 8 for bytes. Files of the other types, labels of two dimensions
 * and little-endian files are read too, where what they mean is certain: src/data/idx_values.h. The functions give bytes in
 * any case. EMNIST's images (names beginning with "emnist-") lie on their side, and are turned (G. Cohen et al., arXiv
 * 1702.05373).
 *
 * Threads: any, on different files.   Collective: no.   Memory: the caller's; zlib's buffer while a file is open, and in
 * idx_read the whole of a gzip file.
 * Errors: STATUS_NO_INPUT, if a file cannot be opened or read; STATUS_BAD_DATA, if the magic is wrong, sizes are out of
 * range, the file is too short or too long for them, the gzip stream is damaged, or elements are no pixels or labels. A
 * failure begins with the path; of a file that is something else, it says what. Bytes behind the end of a gzip stream are
 * ignored, as gzip does. Test: tests/unit/data_idx.c, tests/unit/data_idx_kinds.c
 */
#ifndef MNIST_DIST_DATA_IDX_H
#define MNIST_DIST_DATA_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { IDX_MAX_SIDE = 4096, IDX_MAX_CHANNELS = 4 };

/* Bytes in front of the pixels that idx_read spoils: it unpacks the header there. */
enum { IDX_ROOM = 32 };

/* What a file must hold. */
typedef enum idx_kind { IDX_LABELS, IDX_IMAGES } idx_kind;

/* Types of elements. */
enum {
    IDX_BYTES = 8,
    IDX_SIGNED_BYTES = 9,
    IDX_SHORTS = 11,
    IDX_INTEGERS = 12,
    IDX_FLOATS = 13,
    IDX_DOUBLES = 14
};

typedef struct idx_header {
    int count;         /* 0 or more                              */
    int height, width; /* 1 to IDX_MAX_SIDE; 1 for labels        */
    int channels;      /* 1 to IDX_MAX_CHANNELS; 1 for labels    */
    int columns;       /* values that are stored for one element */
    int type, little;  /* of them; little 1: little-endian       */
} idx_header;

/* Bytes of all elements: count * height * width * channels. It does not overflow for a header that idx_probe has read. */
size_t idx_bytes(const idx_header *header);

/* Reads and checks the header. The size of a plain file must fit exactly; a gzip file must be large enough to hold the elements
 * at the best ratio that deflate can reach, and if its last bytes do not say their length, it is unpacked once to see. */
status idx_probe(const char *path, idx_kind kind, idx_header *header, failure *why);

/* The first `count` bytes of the elements, or all of them if there are fewer, into bytes[count]. Checks as idx_probe. */
status idx_start(const char *path, idx_kind kind, uint8_t *bytes, size_t count, failure *why);

/* All elements into bytes[idx_bytes(header)]. Of images, the IDX_ROOM bytes in front of them are spoilt. header: what idx_probe
 * gave; the file must still have the same header, and must end behind the elements. */
status idx_read(const char *path, idx_kind kind, const idx_header *header, uint8_t *bytes,
                failure *why);

/* What is unusual in a header, for the user: "labels are rows of 8 32-bit integers, read as classes", "pixels are 32-bit
 * floats, read as bytes"; "" for bytes. Into out[size]. */
void idx_describe(const idx_header *header, idx_kind kind, char *out, size_t size);

/* 1 if idx_read turns the images of this file. */
int idx_is_turned(const char *path, const idx_header *header);

#endif
