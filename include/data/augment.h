/* augment.h - random changes of training images.                                   room: data
 *
 *   shift PIXELS     moves the image sideways by up to PIXELS, and up or down likewise
 *   rotate DEGREES   turns it about its centre by up to DEGREES, either way
 *   scale FRACTION   multiplies its width and its height each by 1 - FRACTION to 1 + FRACTION
 *   erase SIDE       then makes a square of up to SIDE x SIDE pixels, anywhere inside, background
 * The text is "shift 2; rotate 10; scale 0.1; erase 6", in any order, or "none". Every amount is uniformly distributed, and a
 * function of (seed, epoch, sample) alone: the bytes are the same for every layout, after any resume, on every machine.
 *
 * Scaling, rotation and shift are one affine map from the pixels of the new image (x to the right, y down) to the old image:
 *   p_old = c + S^-1 R^-1 (p_new - c - t),   c = ((width - 1) / 2, (height - 1) / 2)
 * with bilinear interpolation, channel by channel. Outside of the old image is background, 0. The six numbers of the map are
 * computed in double (exactly rounded operations and kernel/scalar.h) and rounded to 2^-16 pixels; the rest is integers.
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: only augment_parse has any.
 * Accuracy: 2.5 of 255 from the exact bilinear value.   Speed: 2.5 us for 28 x 28 pixels at 3 GHz.
 * Test: tests/unit/data_augment.c (double reference, digest of 200 digits), tests/e2e/augment.sh
 */
#ifndef MNIST_DIST_DATA_AUGMENT_H
#define MNIST_DIST_DATA_AUGMENT_H

#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

/* Each kind is a row of the table in src/data/augment.c. */
typedef enum augment_kind {
    AUGMENT_SHIFT,  /* amount: pixels, 0 to 1024  */
    AUGMENT_ROTATE, /* degrees, 0 to 180          */
    AUGMENT_SCALE,  /* a fraction, 0 to 0.5       */
    AUGMENT_ERASE,  /* whole pixels, 0 to 4096    */
    AUGMENT_KINDS
} augment_kind;

/* {0}: images stay as they are. */
typedef struct augment_cfg {
    double amount[AUGMENT_KINDS];
} augment_cfg;

/* How each kind is written, "shift PIXELS", and then "none"; NULL past the last. Static text. */
const char *augment_form(int index);

/* The amounts that a text gives; 0 for a kind that it does not name. STATUS_USAGE names the word that is wrong. */
status augment_parse(const char *text, augment_cfg *cfg, failure *why);

/* 1 if an amount is above 0. */
int augment_is_on(const augment_cfg *cfg);

/* What happens to one image. The old place of new pixel (column, row) is (x + xx column + xy row, y + yx column + yy row). */
typedef struct augment_map {
    int32_t x, y, xx, xy, yx, yy; /* 2^-16 pixels                                 */
    int left, top, side;          /* the square, in pixels; side 0: there is none */
} augment_map;

/* The map for an image of height x width pixels, at most 4096 each. key: stream RNG_AUGMENT, the epoch, the sample. */
augment_map augment_draw(const augment_cfg *cfg, rng_key key, int height, int width);

/* in, out: [height, width, channels], in different memory. height and width as for augment_draw. */
void augment_apply(const augment_map *map, const uint8_t *in, int height, int width, int channels,
                   uint8_t *out);

#endif
