/* reference/winograd.c - matrices as they are, products written out. */
#include "reference/winograd.h"

#include <math.h>

enum { SIDE = 7, OUT = 5, TAPS = 3, MONIC = SIDE - 1 };

static const double G[SIDE][TAPS] = {
    {-1.0 / 2, 0, 0},
    {-1.0 / 3, -1.0 / 3, -1.0 / 3},
    {1.0 / 9, -1.0 / 9, 1.0 / 9},
    {1.0 / 36, 1.0 / 18, 1.0 / 9},
    {-1.0 / 60, 1.0 / 30, -1.0 / 15},
    {32.0 / 45, 16.0 / 45, 8.0 / 45},
    {0, 0, 1},
};

/* Of what P leaves; the row of the point 1/2 reads x itself, from x[1] on. */
static const double E[SIDE][MONIC] = {
    {4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0},
    {0, 2, -1, -2, 1, 0}, {4, 0, -5, 0, 1, 0},  {0, 4, 0, -5, 0, 1},
};

static const double A[OUT][SIDE] = {
    {1, 1, 1, 1, 1, 1, 0},         {0, 1, -1, 2, -2, 1.0 / 2, 0},  {0, 1, 1, 4, 4, 1.0 / 4, 0},
    {0, 1, -1, 8, -8, 1.0 / 8, 0}, {0, 1, 1, 16, 16, 1.0 / 16, 1},
};

static double factor(winograd_side side, double value)
{
    return side == WINOGRAD_MAGNITUDES ? fabs(value) : value;
}

static void filter(winograd_side side, const double *g, int stride, double *u, int step)
{
    for (int i = 0; i < SIDE; i++) {
        double sum = 0;
        for (int k = 0; k < TAPS; k++) sum += factor(side, G[i][k]) * g[k * stride];
        u[i * step] = sum;
    }
}

static void input(winograd_side side, const double *d, int stride, double *e, int step)
{
    double p[MONIC];
    for (int k = 0; k < MONIC; k++) p[k] = d[(k + 1) * stride] + factor(side, -0.5) * d[k * stride];
    for (int i = 0; i < SIDE; i++) {
        double sum = 0;
        for (int k = 0; k < MONIC; k++)
            sum += factor(side, E[i][k]) * (i == SIDE - 2 ? d[(k + 1) * stride] : p[k]);
        e[i * step] = sum;
    }
}

static void output(winograd_side side, const double *m, int stride, double *y, int step)
{
    for (int i = 0; i < OUT; i++) {
        double sum = 0;
        for (int k = 0; k < SIDE; k++) sum += factor(side, A[i][k]) * m[k * stride];
        y[i * step] = sum;
    }
}

/* m += U .* V of one channel; w, x: at the channel (and filter). */
static void add_channel(const conv2d_ref *s, winograd_side side, const double *x, const double *w,
                        double m[SIDE][SIDE])
{
    double u[SIDE][SIDE], v[SIDE][SIDE], half[SIDE][SIDE];
    int tap = s->channels * s->filters, pixel = s->channels, row = s->width * s->channels;
    for (int k = 0; k < TAPS; k++) filter(side, w + k * tap, TAPS * tap, &half[0][k], SIDE);
    for (int i = 0; i < SIDE; i++) filter(side, half[i], 1, u[i], 1);
    for (int k = 0; k < SIDE; k++) input(side, x + k * pixel, row, &half[0][k], SIDE);
    for (int i = 0; i < SIDE; i++) input(side, half[i], 1, v[i], 1);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) m[i][j] += u[i][j] * v[i][j];
}

static void tile(const conv2d_ref *s, winograd_side side, const double *x, const double *w,
                 double y[OUT][OUT])
{
    double m[SIDE][SIDE] = {{0}}, half[OUT][SIDE];
    for (int c = 0; c < s->channels; c++) add_channel(s, side, x + c, w + c * s->filters, m);
    for (int k = 0; k < SIDE; k++) output(side, &m[0][k], SIDE, &half[0][k], SIDE);
    for (int i = 0; i < OUT; i++) output(side, half[i], 1, y[i], 1);
}

void winograd_ref_forward(const conv2d_ref *s, winograd_side side, const double *x, const double *w,
                          const double *b, double *y)
{
    int height = conv2d_ref_out_height(s), width = conv2d_ref_out_width(s);
    for (int p = 0; p + OUT <= height; p += OUT)
        for (int q = 0; q + OUT <= width; q += OUT)
            for (int f = 0; f < s->filters; f++) {
                double sums[OUT][OUT];
                tile(s, side, x + (p * s->width + q) * s->channels, w + f, sums);
                for (int i = 0; i < OUT * OUT; i++)
                    y[((p + i / OUT) * width + q + i % OUT) * s->filters + f] =
                        sums[i / OUT][i % OUT] + b[f];
            }
}
