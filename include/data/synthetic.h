/* synthetic.h - built-in digits, drawn as strokes of a pen.                        room: data
 *
 * Digit i is a function of (seed, set, i) alone (base/rng.h, RNG_SYNTHETIC): the same bytes on every machine and layout. Each
 * class has two or three glyphs (src/data/glyphs.h), lists of points that the pen passes. The points are moved at random by up
 * to 8 % of the height. A random affine map (rotation up to 17 degrees, shift up to 2.3 pixels, scale 0.78 to 1.2 along each
 * axis, slant) takes them to the 28 x 28 grid. A smooth curve of random thickness through them is inked with uneven strength;
 * the paper stays 0. With 12000 digits for training and 2000 for testing, softmax regression reaches about 0.88 and one hidden
 * layer of 128 units about 0.97.
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: a CHECK for a negative index.
 * Accuracy: the only function of libm is sqrt, which is exactly rounded; sine and cosine are those of kernel/scalar.h.
 * Test: tests/unit/data_synthetic.c (digest of 100 digits)
 */
#ifndef MNIST_DIST_DATA_SYNTHETIC_H
#define MNIST_DIST_DATA_SYNTHETIC_H

#include <stdint.h>

enum { SYNTHETIC_SIDE = 28, SYNTHETIC_CLASSES = 10 };

typedef enum synthetic_set { SYNTHETIC_TRAIN = 0, SYNTHETIC_TEST = 1 } synthetic_set;

/* Draws digit `index`, 0 or more, of a set into pixels [28, 28] and returns its label, which is random too. */
int synthetic_draw(uint64_t seed, synthetic_set set, int index, uint8_t *pixels);

#endif
