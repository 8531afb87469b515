/* png.h - PNG files as grey pictures.                                                  room: io
 *
 * Every kind of PNG is read: grey, RGB or palette, with or without alpha, 1 to 16 bits, interlaced or not. Colours become grey
 * by libpng's sRGB luminance; 16-bit values without a gamma are taken as sRGB. Transparent parts become white if the opaque
 * part is dark on the average, and black if it is light, so that the ink stays visible. A picture whose eXIf chunk says how the
 * camera was held is turned upright.
 *
 * Threads: any.   Collective: no.   Errors: STATUS_NO_INPUT, if the file cannot be opened; STATUS_BAD_DATA, if it is no PNG,
 * cut, damaged, or larger than the limits below; STATUS_USAGE, if the program was built without libpng. A failure begins with
 * the path.   Test: tests/io/io_png.c
 */
#ifndef MNIST_DIST_IO_PNG_H
#define MNIST_DIST_IO_PNG_H

#include <stdint.h>

#include "base/error.h"

/* In pixels. */
enum { PNG_MAX_SIDE = 1 << 14, PNG_MAX_PIXELS = 1 << 26 };

/* 1 if the file begins with PNG's signature; 0 if it does not, or cannot be read. */
int png_present(const char *path);

/* *grey: [height, width], 0 is black; the caller frees it with memory_free. NULL after an error. */
status png_read(const char *path, int *height, int *width, uint8_t **grey, failure *why);

#endif
