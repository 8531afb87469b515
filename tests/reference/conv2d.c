/* reference/conv2d.c - forward and backward find the pixel of an (output, tap) pair by the same function, so that an error in
 * it shows in the finite differences. */
#include "reference/conv2d.h"

#include <string.h>

int conv2d_ref_out_height(const conv2d_ref *s)
{
    return (s->height + 2 * s->pad - s->kernel) / s->stride + 1;
}

int conv2d_ref_out_width(const conv2d_ref *s)
{
    return (s->width + 2 * s->pad - s->kernel) / s->stride + 1;
}

/* Offset of x[p u + r - a, q u + s - a, 0], or -1 outside. */
static int pixel(const conv2d_ref *s, int p, int q, int r, int t)
{
    int i = p * s->stride + r - s->pad, j = q * s->stride + t - s->pad;
    if (i < 0 || i >= s->height || j < 0 || j >= s->width) return -1;
    return (i * s->width + j) * s->channels;
}

void conv2d_ref_forward(const conv2d_ref *s, const double *x, const double *w, const double *b,
                        double *y)
{
    int height = conv2d_ref_out_height(s), width = conv2d_ref_out_width(s);
    for (int p = 0; p < height; p++)
        for (int q = 0; q < width; q++)
            for (int f = 0; f < s->filters; f++) {
                double sum = b[f];
                for (int r = 0; r < s->kernel; r++)
                    for (int t = 0; t < s->kernel; t++) {
                        int at = pixel(s, p, q, r, t);
                        const double *tap = w + (r * s->kernel + t) * s->channels * s->filters + f;
                        for (int c = 0; at >= 0 && c < s->channels; c++)
                            sum += x[at + c] * tap[c * s->filters];
                    }
                y[(p * width + q) * s->filters + f] = sum;
            }
}

/* A number of the output: y[p,q,f]. */
typedef struct output {
    int p, q, f;
} output;

/* Adds to dx (unless NULL) and dw what comes from the output o, whose gradient is g. */
static void scatter(const conv2d_ref *s, const double *x, const double *w, output o, double g,
                    double *dx, double *dw)
{
    for (int r = 0; r < s->kernel; r++)
        for (int t = 0; t < s->kernel; t++) {
            int at = pixel(s, o.p, o.q, r, t);
            int tap = (r * s->kernel + t) * s->channels * s->filters + o.f;
            for (int c = 0; at >= 0 && c < s->channels; c++) {
                if (dx) dx[at + c] += g * w[tap + c * s->filters];
                dw[tap + c * s->filters] += g * x[at + c];
            }
        }
}

void conv2d_ref_backward(const conv2d_ref *s, const double *x, const double *w, const double *dy,
                         double *dx, double *dw, double *db)
{
    int height = conv2d_ref_out_height(s), width = conv2d_ref_out_width(s);
    if (dx) memset(dx, 0, sizeof *dx * (size_t)(s->height * s->width * s->channels));
    memset(dw, 0, sizeof *dw * (size_t)(s->kernel * s->kernel * s->channels * s->filters));
    memset(db, 0, sizeof *db * (size_t)s->filters);
    for (int p = 0; p < height; p++)
        for (int q = 0; q < width; q++)
            for (int f = 0; f < s->filters; f++) {
                double g = dy[(p * width + q) * s->filters + f];
                db[f] += g;
                /* most are 0 behind a pooling */
                if (g != 0) scatter(s, x, w, (output){p, q, f}, g, dx, dw);
            }
}
