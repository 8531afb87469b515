/* data/synthetic.c - draws a digit: glyph, random moves, affine map, curve, ink.
 *
 * The points of the glyph are moved at random and mapped to the grid. The pen follows a cubic Hermite curve through them
 * (Catmull and Rom, "A class of local interpolating splines", 1974), cut into short straight pieces. Each piece darkens the
 * pixels near it; the nearer, the darker. */
#include "data/synthetic.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "glyphs.h"
#include "kernel/scalar.h"

enum {
    SIDE = SYNTHETIC_SIDE,
    PIXELS = SIDE * SIDE,
    PIECES = 5 /* of a curve between two points */
};

#define DIGIT_HEIGHT 20.0  /* pixels, as in MNIST */
#define HAND         8.0   /* largest displacement of a point, in percent of the digit's height */
#define TURN         0.30  /* radians, 17 degrees */
#define SHIFT        2.3   /* pixels */
#define SLANT_LEFT   -0.25 /* horizontal shift per height */
#define SLANT_RIGHT  0.5
#define SMALLEST     0.78
#define LARGEST      1.2
#define THIN         0.75 /* half the width of a stroke, in pixels */
#define THICK        1.75
#define ROUGHNESS    0.15 /* largest loss of ink, as a fraction */

/* The random numbers of one image, in order. */
typedef struct dice {
    rng_key key;
    uint32_t next;
} dice;

static double between(dice *d, double lo, double hi)
{
    return lo + (hi - lo) * rng_double(d->key, d->next++);
}

typedef struct point {
    double x, y; /* pixels */
} point;

/* From percent of the height, relative to the centre, to pixels: (x, y) becomes (xx x + xy y + x0, yx x + yy y + y0), with
 * x0 and y0 in the members x and y. */
typedef struct affine {
    double xx, xy, yx, yy, x, y;
} affine;

static affine draw_affine(dice *d)
{
    double angle = between(d, -TURN, TURN);
    double wide = between(d, SMALLEST, LARGEST) * (DIGIT_HEIGHT / 100),
           high = between(d, SMALLEST, LARGEST) * (DIGIT_HEIGHT / 100);
    double slant = between(d, SLANT_LEFT, SLANT_RIGHT);
    double sine = scalar_sin(angle), cosine = scalar_cos(angle);
    affine a;
    a.xx = cosine * wide, a.xy = -cosine * slant * wide - sine * high;
    a.yx = sine * wide, a.yy = -sine * slant * wide + cosine * high;
    a.x = 0.5 * (SIDE - 1) + between(d, -SHIFT, SHIFT);
    a.y = 0.5 * (SIDE - 1) + between(d, -SHIFT, SHIFT);
    return a;
}

static point map_point(const affine *a, double x, double y)
{
    return (point){a->xx * x + a->xy * y + a->x, a->yx * x + a->yy * y + a->y};
}

/* The points of the glyph on the grid, each moved at random. */
static void place_points(const glyph *g, dice *d, point points[GLYPH_MAX_POINTS])
{
    affine a = draw_affine(d);
    for (int i = 0; i < g->points; i++) {
        double x = g->point[i].x + between(d, -HAND, HAND),
               y = g->point[i].y + between(d, -HAND, HAND);
        points[i] = map_point(&a, x - 50, y - 50);
    }
}

/* The derivative of the curve at point i, where it leaves for i + 1 or arrives from i - 1. At a smooth point it is half of the
 * way from one neighbour to the other; at ends and corners it is the way to the neighbour. */
static point direction(const glyph *g, const point *p, int i, int leaves)
{
    int last = i + 1 == g->points || g->point[i + 1].mark == GLYPH_START;
    int sharp = last || g->point[i].mark != GLYPH_SMOOTH;
    int from = sharp && leaves ? i : i - 1, to = sharp && !leaves ? i : i + 1;
    double scale = sharp ? 1.0 : 0.5;
    return (point){scale * (p[to].x - p[from].x), scale * (p[to].y - p[from].y)};
}

/* The curve from p to q with derivatives u and v there, at t in [0,1]. */
static point curve(point p, point u, point q, point v, double t)
{
    double s = 1 - t;
    double a = s * s * (1 + 2 * t), b = s * s * t, c = t * t * (3 - 2 * t), e = -t * t * s;
    return (point){a * p.x + b * u.x + c * q.x + e * v.x, a * p.y + b * u.y + c * q.y + e * v.y};
}

static double clamped(double value, double lo, double hi)
{
    return value < lo ? lo : value > hi ? hi : value;
}

/* The square of the distance of (x, y) from the straight piece from p to q. */
static double distance2(point p, point q, double x, double y)
{
    double dx = q.x - p.x, dy = q.y - p.y, length2 = dx * dx + dy * dy;
    double along = (x - p.x) * dx + (y - p.y) * dy;
    if (along <= 0)
        along = 0; /* p is nearest */
    else
        along = along >= length2 ? 1 : along / length2; /* q is nearest, or a point between */
    double ex = x - p.x - along * dx, ey = y - p.y - along * dy;
    return ex * ex + ey * ey;
}

/* The pixels [from,to) on one axis that a stroke from a to b can reach. */
static void reach(double a, double b, double radius, int *from, int *to)
{
    double lo = (a < b ? a : b) - radius, hi = (a < b ? b : a) + radius;
    *from = (int)clamped(lo, 0, SIDE);
    *to = (int)clamped(hi + 1, 0, SIDE);
}

/* Adds a straight piece to ink: full up to a distance of half - 0.5, none from half + 0.5 on, linear between. Roots are taken
 * of pixels alone that may become darker. */
static void ink_piece(float ink[PIXELS], point p, point q, double half)
{
    int left, right, top, bottom;
    double radius = half + 0.5, far2 = radius * radius * (1 + 1e-9);
    reach(p.x, q.x, radius, &left, &right);
    reach(p.y, q.y, radius, &top, &bottom);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            float *pixel = ink + y * SIDE + x;
            if (*pixel >= 1) continue;
            double d2 = distance2(p, q, x, y);
            if (d2 >= far2) continue;
            float dark = (float)clamped(radius - sqrt(d2), 0, 1);
            if (dark > *pixel) *pixel = dark;
        }
}

static void ink_glyph(float ink[PIXELS], const glyph *g, const point *points, double half)
{
    for (int i = 0; i + 1 < g->points; i++) {
        if (g->point[i + 1].mark == GLYPH_START) continue;
        point u = direction(g, points, i, 1), v = direction(g, points, i + 1, 0), from = points[i];
        for (int k = 1; k <= PIECES; k++) {
            point to = curve(points[i], u, points[i + 1], v, (double)k / PIECES);
            ink_piece(ink, from, to, half);
            from = to;
        }
    }
}

/* The bytes of the ink, each made a little lighter at random; blank pixels stay 0. */
static void develop(const float ink[PIXELS], dice *d, uint8_t *pixels)
{
    double strength = between(d, 0.8, 1.0) * 255;
    rng_words words = {{0}};
    for (int i = 0; i < PIXELS; i++) {
        if (i % 16 == 0) words = rng_draw(d->key, d->next++);
        unsigned noise = words.word[i % 16 / 4] >> (i % 4 * 8) & 255;
        pixels[i] = (uint8_t)(strength * (double)ink[i] * (1 - ROUGHNESS / 255 * noise) + 0.5);
    }
}

int synthetic_draw(uint64_t seed, synthetic_set set, int index, uint8_t *pixels)
{
    CHECK(index >= 0, "digit %d", index);
    dice d = {{seed, RNG_SYNTHETIC, (uint32_t)set, (uint32_t)index}, 2};
    int label = (int)rng_below(d.key, 0, SYNTHETIC_CLASSES);
    const glyph *g = glyph_of(label, (int)rng_below(d.key, 1, (uint32_t)glyph_ways(label)));
    point points[GLYPH_MAX_POINTS];
    float ink[PIXELS];
    memset(ink, 0, sizeof ink);
    place_points(g, &d, points);
    ink_glyph(ink, g, points, between(&d, THIN, THICK));
    develop(ink, &d, pixels);
    return label;
}
