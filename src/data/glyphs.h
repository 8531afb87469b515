/* glyphs.h - the strokes of the ten digits.                                   room: data, private
 *
 * A glyph is a list of points. At a point the pen goes on smoothly, turns sharply (corner), or is put down (start).
 * Coordinates are in percent of the digit's height, x to the right, y down; a digit is about 70 wide and 100 high.
 *
 * Threads: any.   Collective: no.   Memory: static.   Errors: a CHECK for a digit or a way that is not there.
 * Test: tests/unit/data_synthetic.c
 */
#ifndef MNIST_DIST_DATA_GLYPHS_H
#define MNIST_DIST_DATA_GLYPHS_H

#include <stdint.h>

enum { GLYPH_MAX_POINTS = 16 };

typedef enum glyph_mark { GLYPH_SMOOTH, GLYPH_CORNER, GLYPH_START } glyph_mark;

typedef struct glyph_point {
    int8_t x, y;
    uint8_t mark; /* glyph_mark */
} glyph_point;

typedef struct glyph {
    int points;
    glyph_point point[GLYPH_MAX_POINTS];
} glyph;

/* How many ways of writing a digit there are. */
int glyph_ways(int digit);
/* Way `way` of a digit, from 0 on. */
const glyph *glyph_of(int digit, int way);

#endif
