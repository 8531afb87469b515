/* images.h - the images that predict gets, as pixels of one size.                      room: app
 *
 * A PNG file is one grey image: its digit is framed as MNIST frames it, or the whole picture is fitted to the model
 * (data/picture.h). An IDX file, plain or .gz, is all of its images; they
 * must have the model's height, width and channels. The first bytes of a file tell which of the two it is.
 *
 * Threads: one.   Collective: no.   Errors: as png_read and idx_read; STATUS_BAD_DATA for another size;
 * STATUS_USAGE for a PNG where the model wants more than one channel.
 * Test: tests/e2e/predict.sh
 */
#ifndef MNIST_DIST_APP_IMAGES_H
#define MNIST_DIST_APP_IMAGES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "train/run_data.h"
#include "train/stored_model.h"

typedef struct image_file {
    const char *name;  /* borrowed; "test" for the test set */
    int count, single; /* images; single 1: a PNG file      */
    int digits; /* that a framed picture holds; 1 for all others; else the pixels mean nothing */
    uint8_t *pixels; /* [count, height, width, channels]  */
} image_file;

typedef struct images {
    int height, width, channels; /* of the model; the caller sets them                   */
    int framing;                 /* 1: frame PNG files, for models of 28 x 28 x 1 alone; likewise */
    arena memory;
    int files, count;
    char note[512];   /* what the user should know of the test set, or "" */
    image_file *file; /* [files] */
    uint8_t *pixels;  /* [count, height, width, channels], file by file; in `memory` */
} images;

/* Reads `count` files. *i: zeros, except height, width, channels and framing. The caller frees with arena_free(&i->memory),
 * after an error too. */
status images_read(images *i, const char *const *paths, int count, failure *why);
/* STATUS_BAD_DATA, if a picture holds no digit, or several: names the first, and how many more there are. */
status images_check(const images *i, failure *why);
/* Reads the test set of the settings instead, or of `known` where they name no data (train/run_data.h); `i` as above. */
status images_read_test(images *i, const run_data *known, const settings *cfg, failure *why);

/* Prints a note if the images of the model were found by trying (train/stored_model.h). */
void images_note_found(const stored_images *sides);

/* "three.png", "t10k-images-idx3-ubyte[17]": image number `index` of file f. */
typedef struct image_name {
    char text[1200];
} image_name;
image_name images_name(const images *i, int f, int index);

#endif
