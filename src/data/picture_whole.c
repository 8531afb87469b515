/* data/picture_whole.c - a small picture, or one that is cut close to its digit: the whole of it is digit and paper. */
#include <string.h>

#include "base/arena.h"
#include "picture_steps.h"

enum {
    SMALL = 24, /* pixels of the longer side of a small picture */
    FULL = 255, /* ink of a full stroke                         */
    SOFT = 100, /* ink from here on reaches a side of the picture */
    /* percent */
    RIM = 8,         /* of the side: ink that is so near reaches it                         */
    OF_BORDER = 50,  /* of the border that may be ink                                       */
    OF_EDGE = 80,    /* of a row or column in the rim: more is a line, no digit             */
    OF_PICTURE = 55, /* of it that may be ink, except where it is narrow: more is lit paper */
    NARROW = 50,     /* of its height: its only digit is a 1                                */
    WIDEST = 130     /* of its height: a wider one has several digits                       */
};

/* Ink from the mean of the border's class (0) to the mean of the other class (255); returns 0, if there is no other class. */
static int stretch(sheet *s)
{
    picture p = {s->height, s->width, s->ink};
    int level = picture_otsu(p), border = picture_border(p), paper_is_light = border >= level;
    int64_t sum[2] = {0, 0}, count[2] = {0, 0};
    for (int i = 0; i < s->height * s->width; i++) {
        int is_ink = (s->ink[i] >= level) != paper_is_light;
        sum[is_ink] += s->ink[i], count[is_ink]++;
    }
    if (!count[0] || !count[1]) return 0;
    if (100 * s->width > NARROW * s->height && 100 * count[1] > OF_PICTURE * (count[0] + count[1]))
        return 0;
    int paper = (int)(sum[0] / count[0]), stroke = (int)(sum[1] / count[1]);
    if (paper - stroke < FULL / 4 && stroke - paper < FULL / 4) return 0;
    for (int i = 0; i < s->height * s->width; i++) {
        int ink = (s->ink[i] - paper) * FULL / (stroke - paper);
        s->ink[i] = (uint8_t)(ink < 0 ? 0 : ink > FULL ? FULL : ink);
    }
    return 1;
}

/* Percent of ink in a row or column. */
static int share(const sheet *s, int columns, int at)
{
    int length = columns ? s->height : s->width, count = 0;
    for (int i = 0; i < length; i++)
        count += s->ink[columns ? i * s->width + at : at * s->width + i] >= SOFT;
    return count ? 1 + 99 * count / length : 0;
}

/* Does ink, but no line, reach this side? from: its first row or column, step: 1 or -1. */
static int reaches(const sheet *s, int columns, int from, int step)
{
    int length = columns ? s->width : s->height, rim = 1 + length * RIM / 100, reached = 0;
    for (int i = 0; i < rim; i++) {
        int ink = share(s, columns, from + i * step);
        if (ink > OF_EDGE) return 0;
        reached |= ink > 0;
    }
    return reached;
}

static int is_tight(const sheet *s)
{
    int bottom = s->height - 1, right = s->width - 1;
    int border = share(s, 0, 0) + share(s, 0, bottom) + share(s, 1, 0) + share(s, 1, right);
    int corners = s->ink[0] >= SOFT || s->ink[right] >= SOFT || s->ink[bottom * s->width] >= SOFT ||
                  s->ink[bottom * s->width + right] >= SOFT;
    return !corners && border <= 4 * OF_BORDER && 100 * s->width <= WIDEST * s->height &&
           reaches(s, 0, 0, 1) && reaches(s, 0, bottom, -1) && reaches(s, 1, 0, 1) &&
           reaches(s, 1, right, -1);
}

static void measure(const sheet *s, sheet_digit *d)
{
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            int ink = s->ink[y * s->width + x] > FULL / 2;
            d->area += ink;
            d->outline += x && ink != (s->ink[y * s->width + x - 1] > FULL / 2);
            d->outline += y && ink != (s->ink[(y - 1) * s->width + x] > FULL / 2);
        }
    if (!d->outline) d->outline = 1;
}

int sheet_is_whole(picture from, sheet *s, sheet_digit *d)
{
    *s = sheet_copy(from);
    int small = s->height <= SMALL && s->width <= SMALL;
    *d = (sheet_digit){.digits = 1, .box = {0, s->height, 0, s->width}};
    if (!stretch(s) || !(small || is_tight(s))) {
        sheet_close(s);
        return 0;
    }
    s->paper = 0, s->stroke = FULL;
    memset(s->mask, 1, (size_t)s->height * (size_t)s->width);
    measure(s, d);
    return 1;
}
