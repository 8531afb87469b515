/* picture.h - a grey picture of any size as an image for a model.                      room: data
 *
 * picture_fit takes the picture whole. The rounded mean of the outermost pixels is the paper. Paper of 128 or more is light:
 * then the picture is inverted, because data sets of this kind show light ink on black. The picture is scaled to the largest
 * size that fits and keeps the ratio of its sides, by exact averages over areas in whole numbers, and centred on its paper. A
 * picture that has the wanted size and dark paper stays the same, byte for byte.
 *
 * picture_frame finds one digit in a drawing, a scan or a photo (src/data/picture_steps.h has the steps): the sheet of paper on
 * a table, the brightness of the paper with its shadows, dark ink or light ink, lines and frames, the parts of the digit. It
 * puts the ink where MNIST has it: scaled to 20 pixels, in 28 x 28 pixels with its centre of mass in the middle (LeCun,
 * Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998, section III.A). Thin
 * strokes become as wide as MNIST's. A picture of which picture_fit makes an image that is framed like this already, as of
 * MNIST's own images in any size, gets what picture_fit gives.
 *
 * Threads: any.   Collective: no.   Memory: buffers of 8 bytes a pixel of the result of picture_fit, of about 16 bytes for each
 * of at most 2^19 pixels and one byte for each of the picture for picture_frame; freed before the call returns.
 * Errors: a CHECK for an empty picture.   Test: tests/unit/data_picture.c, data_picture_frame.c, tests/e2e/pictures.sh
 */
#ifndef MNIST_DIST_DATA_PICTURE_H
#define MNIST_DIST_DATA_PICTURE_H

#include <stdint.h>

typedef struct picture {
    int height, width;   /* 1 to 65536 each, at most 2^26 pixels      */
    const uint8_t *grey; /* [height, width], 0 is black; borrowed     */
} picture;

/* pixels: [height, width], the caller's. */
void picture_fit(picture from, int height, int width, uint8_t *pixels);

enum { PICTURE_SIDE = 28 };

/* pixels: [28, 28], the caller's. Returns how many digits the picture seems to hold. 0: there is no ink, or only specks; 2 or
 * more: what `pixels` receives means nothing. */
int picture_frame(picture from, uint8_t *pixels);

#endif
