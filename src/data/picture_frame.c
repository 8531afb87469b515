/* data/picture_frame.c - the ink of one digit, put where MNIST puts it. */
#include <string.h>

#include "base/arena.h"
#include "picture_steps.h"

enum {
    SIDE = PICTURE_SIDE,
    BOX = 20,    /* side of the square that the ink fits in        */
    CENTRE = 14, /* of the ink's mass, rows and columns from 0      */
    FULL = 255,
    THIN_SIZE = 15,    /* a stroke below 1 / 15 of the digit's size is thin */
    USUAL_SIZE = 11,   /* and becomes as wide as 1 / 11; MNIST's median is 1 / 10 */
    FAINT = 32,        /* ink below belongs to the paper                 */
    LIKE_STROKES = 30, /* outline squared by area: spots have less, strokes more  */
    OF_LINES = 3,      /* lines of the same ink speak for it                      */
    NEAR_BORDER = 4,   /* the border is like the ink: nearer than 1 / 4 of the contrast */
    FINE = 4           /* by which small ink is magnified, linearly, before it is scaled */
};

/* ---- is it framed already? ---- */

/* 1, if this is what MNIST's pictures are: light ink on 0, the longer side of its box 19 or 20, its mass in the middle. */
static int is_framed(const uint8_t *p)
{
    int top = SIDE, bottom = -1, left = SIDE, right = -1, largest = 0;
    int64_t mass = 0, down = 0, across = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        if (!p[i]) continue;
        int y = i / SIDE, x = i % SIDE;
        top = y < top ? y : top, bottom = y, left = x < left ? x : left;
        right = x > right ? x : right, largest = p[i] > largest ? p[i] : largest;
        mass += p[i], down += y * p[i], across += x * p[i];
    }
    int height = bottom - top + 1, width = right - left + 1, size = height > width ? height : width;
    int64_t off_down = down - CENTRE * mass, off_across = across - CENTRE * mass;
    return largest >= FULL / 2 && size <= BOX && size >= BOX - 1 && off_down <= mass &&
           off_down >= -mass && off_across <= mass && off_across >= -mass;
}

/* ---- the ink ---- */

static int between(int low, int value, int high)
{
    return value < low ? low : value > high ? high : value;
}

typedef struct ink_crop {
    int height, width;
    uint8_t *ink; /* [height, width] */
} ink_crop;

static int is_selected(const sheet *s, int y, int x)
{
    return y >= 0 && y < s->height && x >= 0 && x < s->width && s->mask[y * s->width + x];
}

/* The ink at a pixel, stretched so that full strokes are 255; 0, away from the chosen ink. */
static int ink_at(const sheet *s, int y, int x)
{
    int near = 0;
    for (int i = -1; i <= 1 && !near; i++)
        for (int j = -1; j <= 1 && !near; j++) near = is_selected(s, y + i, x + j);
    if (!near || y < 0 || y >= s->height || x < 0 || x >= s->width) return 0;
    int value = (s->ink[y * s->width + x] - s->paper) * FULL / (s->stroke - s->paper);
    return value < FAINT ? 0 : value > FULL ? FULL : value;
}

/* The largest value within `reach` pixels, first down and then across. */
static void thicken(ink_crop *c, int reach)
{
    uint8_t *copy = memory_take((size_t)c->height * (size_t)c->width);
    for (int across = 0; across < 2; across++) {
        memcpy(copy, c->ink, (size_t)c->height * (size_t)c->width);
        for (int y = 0; y < c->height; y++)
            for (int x = 0; x < c->width; x++)
                for (int i = -reach; i <= reach; i++) {
                    int v = across ? y : y + i, u = across ? x + i : x;
                    if (v < 0 || v >= c->height || u < 0 || u >= c->width) continue;
                    uint8_t *to = &c->ink[y * c->width + x];
                    if (copy[v * c->width + u] > *to) *to = copy[v * c->width + u];
                }
    }
    memory_free(copy);
}

/* Pixels by which thin strokes have to grow to each side. */
static int growth(const sheet_digit *d, int size)
{
    int width = (int)(2 * d->area / d->outline); /* the outline runs along both sides of a stroke */
    return width * THIN_SIZE >= size ? 0 : (size / USUAL_SIZE - width + 1) / 2;
}

/* The ink in its box, and as much around it as it may grow. */
static ink_crop crop_ink(const sheet *s, const sheet_digit *d)
{
    int height = d->box.bottom - d->box.top, width = d->box.right - d->box.left;
    int size = height > width ? height : width, reach = growth(d, size), rim = reach + 1;
    ink_crop c = {.height = height + 2 * rim, .width = width + 2 * rim};
    c.ink = memory_take((size_t)c.height * (size_t)c.width);
    for (int y = 0; y < c.height; y++)
        for (int x = 0; x < c.width; x++)
            c.ink[y * c.width + x] = (uint8_t)ink_at(s, d->box.top + y - rim,
                                                     d->box.left + x - rim);
    if (reach) thicken(&c, reach);
    return c;
}

/* Cuts empty rows and columns off. */
static void trim(ink_crop *c)
{
    sheet_box b = {c->height, 0, c->width, 0};
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            if (!c->ink[y * c->width + x]) continue;
            b.top = y < b.top ? y : b.top, b.bottom = y + 1;
            b.left = x < b.left ? x : b.left, b.right = x >= b.right ? x + 1 : b.right;
        }
    int height = b.bottom - b.top, width = b.right - b.left;
    for (int y = 0; y < height; y++)
        memmove(c->ink + y * width, c->ink + (y + b.top) * c->width + b.left, (size_t)width);
    c->height = height, c->width = width;
}

/* ---- the frame ---- */

/* Between the middles of pixels linear, so that small ink gets no steps. */
static ink_crop magnify(ink_crop c)
{
    ink_crop out = {c.height * FINE, c.width * FINE, NULL};
    out.ink = memory_take((size_t)(out.height * out.width));
    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++) {
            /* in halves of new pixels */
            int v = 2 * y + 1 - FINE, u = 2 * x + 1 - FINE, unit = 2 * FINE;
            v = between(0, v, (c.height - 1) * unit), u = between(0, u, (c.width - 1) * unit);
            const uint8_t *at = c.ink + v / unit * c.width + u / unit;
            int next = u % unit ? 1 : 0, down = v % unit ? c.width : 0;
            int above = at[0] * (unit - u % unit) + at[next] * (u % unit);
            int below = at[down] * (unit - u % unit) + at[down + next] * (u % unit);
            out.ink[y * out.width + x] = (uint8_t)((above * (unit - v % unit) +
                                                    below * (v % unit)) /
                                                   (unit * unit));
        }
    return out;
}

/* Scales the ink so that the longer side of its box has BOX pixels. */
static ink_crop scale_ink(ink_crop c)
{
    int size = c.height > c.width ? c.height : c.width;
    ink_crop out = {(2 * BOX * c.height + size) / (2 * size),
                    (2 * BOX * c.width + size) / (2 * size), NULL};
    if (out.height < 1) out.height = 1;
    if (out.width < 1) out.width = 1;
    out.ink = memory_take((size_t)(out.height * out.width));
    picture_scale((picture){c.height, c.width, c.ink}, out.height, out.width, out.ink);
    return out;
}

static int rounded(int64_t sum, int64_t mass)
{
    return (int)((2 * sum + mass) / (2 * mass));
}

/* With the centre of mass in the middle, as far as the ink then fits. */
static void place(ink_crop c, uint8_t *pixels)
{
    int64_t mass = 0, down = 0, across = 0;
    int largest = 1;
    for (int i = 0; i < c.height * c.width; i++) {
        mass += c.ink[i], down += i / c.width * c.ink[i], across += i % c.width * c.ink[i];
        largest = c.ink[i] > largest ? c.ink[i] : largest;
    }
    if (!mass) mass = 1;
    int top = between(0, CENTRE - rounded(down, mass), SIDE - c.height);
    int left = between(0, CENTRE - rounded(across, mass), SIDE - c.width);
    memset(pixels, 0, SIDE * SIDE);
    for (int i = 0; i < c.height * c.width; i++)
        pixels[(top + i / c.width) * SIDE + left + i % c.width] = (uint8_t)(c.ink[i] * FULL /
                                                                            largest);
}

static void frame(const sheet *s, const sheet_digit *d, uint8_t *pixels)
{
    ink_crop c = crop_ink(s, d);
    trim(&c);
    if (c.height < 2 * BOX && c.width < 2 * BOX) {
        ink_crop small = c;
        c = magnify(small);
        memory_free(small.ink);
    }
    ink_crop scaled = scale_ink(c);
    place(scaled, pixels);
    memory_free(scaled.ink);
    memory_free(c.ink);
}

/* The digit of one kind of ink. */
static sheet_digit look(picture from, ink_kind kind, sheet *s)
{
    sheet_digit none = {.digits = 0};
    *s = sheet_open(from, kind);
    int found = sheet_cut(s), lines = found ? sheet_erase_lines(s) : 0;
    if (lines) found = sheet_cut(s);
    if (!found) return none;
    sheet_digit d = sheet_find_digit(s);
    d.lines += lines;
    return d;
}

/* How much speaks for a digit: long outlines, contrast, strokes rather than spots, lines of the same ink, and a border that is
 * not like the ink. border: of the picture, or of its negative. */
static double weight_of(const sheet_digit *d, int border)
{
    if (!d->digits) return 0;
    int off = border < d->ink ? d->ink - border : border - d->ink;
    double outline = (double)d->outline, strokes = outline * outline / (double)d->area;
    double weight = outline * d->digits * d->contrast * (d->lines ? OF_LINES : 1);
    if (NEAR_BORDER * off < d->contrast) weight /= 2;
    return strokes < LIKE_STROKES ? weight * strokes / LIKE_STROKES : weight;
}

/* The negative of a digit's paper has ink, too: what its strokes enclose. Its outline is a part of the strokes' outline. */
static int find_and_frame(picture from, uint8_t *pixels)
{
    sheet s[INK_KINDS];
    sheet_digit d[INK_KINDS];
    if (sheet_is_whole(from, &s[0], &d[0])) {
        frame(&s[0], &d[0], pixels);
        sheet_close(&s[0]);
        return 1;
    }
    uint8_t *copy;
    picture paper = picture_sheet(from, &copy);
    for (int k = 0; k < INK_KINDS; k++) d[k] = look(paper, (ink_kind)k, &s[k]);
    int border = picture_border(paper);
    memory_free(copy);
    int kind = weight_of(&d[INK_LIGHT], FULL - border) > weight_of(&d[INK_DARK], border);
    if (d[kind].digits) frame(&s[kind], &d[kind], pixels);
    for (int k = 0; k < INK_KINDS; k++) sheet_close(&s[k]);
    return d[kind].digits;
}

int picture_frame(picture from, uint8_t *pixels)
{
    uint8_t *copy;
    picture_fit(from, SIDE, SIDE, pixels);
    if (is_framed(pixels)) return 1;
    int digits = find_and_frame(picture_denoise(from, &copy), pixels);
    memory_free(copy);
    return digits;
}
