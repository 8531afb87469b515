/* picture_steps.h - the steps from a photographed or drawn picture to the ink of one digit.      room: data, private
 *
 *   picture_noise.c   the median of 3 x 3 pixels, where many pixels are unlike all their neighbours
 *   picture_table.c   cuts the sheet of paper out, where a table is seen around it
 *   picture_whole.c   small pictures, and those cut close to their digit, are taken whole: the other steps need paper around it
 *   picture_paper.c   a work copy of bounded size; paper and shadows divided out: how dark is the ink at each pixel
 *   picture_ink.c     the threshold between paper and ink
 *   picture_lines.c   removes the lines of ruled and squared paper
 *   picture_parts.c   connected parts of ink; those that make one digit; how many digits there are
 *   picture_frame.c   puts the digit where MNIST puts it: data/picture.h
 *
 * Lengths are in pixels of the work copy, except as said. No result depends on the machine: whole numbers, and a few
 * doubles without functions of libm.
 *
 * Threads: any, on different sheets.   Collective: no.   Memory: memory_take; sheet_close frees it.   Errors: none.
 * Test: tests/unit/data_picture_frame.c, tests/e2e/pictures.sh
 */
#ifndef MNIST_DIST_DATA_PICTURE_STEPS_H
#define MNIST_DIST_DATA_PICTURE_STEPS_H

#include "data/picture.h"

enum {
    SHEET_PIXELS = 1 << 19, /* the most of a work copy                                  */
    SHEET_DARK = 64         /* darker paper is taken as this, so that its noise is no ink */
};

/* The work copy, [height, width] each. */
typedef struct sheet {
    int height, width;
    uint8_t *ink;      /* 0: paper; 255: black ink on white paper, or the reverse */
    uint8_t *light;    /* brightness of the paper; INK_LIGHT: of its negative     */
    uint8_t *mask;     /* 1: ink, by the threshold; sheet_cut sets it             */
    int paper, stroke; /* mean ink below the threshold; and where strokes are full */
} sheet;

typedef enum ink_kind { INK_DARK, INK_LIGHT, INK_KINDS } ink_kind;

/* A rectangle: rows [top, bottom), columns [left, right). */
typedef struct sheet_box {
    int top, bottom, left, right;
} sheet_box;

/* ---- picture.c ---- */

/* The rounded mean of the outermost pixels. */
int picture_border(picture p);

/* Exact averages over areas, in whole numbers, rounded. pixels: [height, width]. Also magnifies. */
void picture_scale(picture from, int height, int width, uint8_t *pixels);

/* ---- picture_paper.c ---- */

/* Copies the picture, scaled down by a whole number where it has more than SHEET_PIXELS. The paper's brightness at a place is
 * what remains when everything narrower than a third of the shorter side is wiped out (a closing); the ink is the light that
 * is missing there, of 255. INK_LIGHT: of the negative. */
sheet sheet_open(picture from, ink_kind kind);
/* The work copy alone: `ink` is the picture, `light` is not set. */
sheet sheet_copy(picture from);
void sheet_close(sheet *s);

/* ---- picture_noise.c ---- */

/* The picture, without its noise where it has much of single pixels (Gaussian, or salt and pepper); else the picture itself.
 * *copy: NULL, or its pixels, which the caller frees with memory_free. */
picture picture_denoise(picture from, uint8_t **copy);

/* ---- picture_table.c ---- */

/* The sheet of paper in a picture whose border is of another colour, such as a table; else the picture itself. *copy: NULL, or
 * its pixels, which the caller frees with memory_free. */
picture picture_sheet(picture from, uint8_t **copy);

/* ---- picture_ink.c ---- */

/* Otsu's threshold (IEEE Trans. SMC 9, 1979): the first level of the lighter class. */
int picture_otsu(picture p);

/* Sets mask, paper and stroke. Otsu's threshold, but above the noise of the paper. Returns 0, if
 * nothing stands out: the page is empty. */
int sheet_cut(sheet *s);

/* ---- picture_lines.c ---- */

/* Wipes straight, thin lines out of ink and mask that run over most of the sheet, up to 5 degrees off level or plumb. Strokes
 * that cross them stay. Returns how many there were. */
int sheet_erase_lines(sheet *s);

/* ---- picture_parts.c ---- */

typedef struct sheet_digit {
    int digits;      /* that the sheet seems to hold; 0: it is empty  */
    sheet_box box;   /* of the ink of the largest one                 */
    int64_t outline; /* sides of pixels between its ink and the paper */
    int64_t area;    /* pixels of its ink                             */
    int ink;         /* its mean brightness; INK_LIGHT: of the negative */
    int contrast;    /* that of the paper there less that of the ink  */
    int lines;       /* the frame around the sheet, and lines that were erased */
} sheet_digit;

/* Connected parts (8 neighbours) of the mask. Margins, frames around the sheet and specks are no ink; parts that are close to
 * each other make one digit. Leaves the digit alone in the mask. */
sheet_digit sheet_find_digit(sheet *s);

/* ---- picture_whole.c ---- */

/* 1, if the picture is small, or its ink reaches all four sides, and the corners are paper: *s and *d are all of it, and the
 * caller closes the sheet. 0: neither is set. */
int sheet_is_whole(picture from, sheet *s, sheet_digit *d);

#endif
