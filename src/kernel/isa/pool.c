/* kernel/isa/pool.c - max pooling with bias and activation, average pooling. */
#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"

/* The taps of an output pixel's window that lie inside the image: rows [top, bottom), columns [left, right). corner: floats
 * from the image to tap (0,0), which may lie outside; only addresses of taps inside are used. */
typedef struct window {
    int top, bottom, left, right;
    ptrdiff_t corner;
} window;

INLINE window window_of(const pool_args *p, int i, int j)
{
    int y = i * p->stride - p->pad_top, x = j * p->stride - p->pad_left;
    return (window){.top = y < 0 ? -y : 0,
                    .bottom = y + p->size > p->height ? p->height - y : p->size,
                    .left = x < 0 ? -x : 0,
                    .right = x + p->size > p->width ? p->width - x : p->size,
                    .corner = ((ptrdiff_t)y * p->width + x) * p->channels};
}

/* Floats from the window's corner to tap (r,s). */
INLINE size_t tap(const pool_args *p, int r, int s)
{
    return (size_t)r * ((size_t)p->width * (size_t)p->channels) + (size_t)s * (size_t)p->channels;
}

/* One pixel of the output, channels [c, c + SIMD_LEN). */
INLINE void pool_vector(const pool_args *p, const float *x, window w, int n, const float *bias,
                        float *y, uint8_t *argmax)
{
    simd_float best = simd_zero();
    simd_int where = {0};
    int first = 1;
    for (int r = w.top; r < w.bottom; r++)
        for (int s = w.left; s < w.right; s++) {
            simd_float v = simd_load_first(x + tap(p, r, s), n);
            simd_int here = (simd_int){0} + (r * p->size + s);
            simd_int greater = v > best;
            if (first) greater = (simd_int){0} - 1;
            best = simd_select(greater, v, best);
            where = (greater & here) | (~greater & where);
            first = 0;
        }
    if (bias) best = best + simd_load_first(bias, n);
    if (p->act == ACTIVATION_RELU) best = simd_relu(best);
    simd_store_first(y, best, n);
    if (n >= SIMD_LEN)
        simd_store_bytes(argmax, where);
    else
        for (int i = 0; i < n; i++) argmax[i] = (uint8_t)where[i];
}

void KERNEL(pool_forward)(const pool_args *p, const float *x, float *y, uint8_t *argmax)
{
    for (int i = 0; i < p->out_height; i++)
        for (int j = 0; j < p->out_width; j++) {
            window w = window_of(p, i, j);
            size_t out = ((size_t)i * (size_t)p->out_width + (size_t)j) * (size_t)p->channels;
            for (int c = 0; c < p->channels; c += SIMD_LEN)
                pool_vector(p, x + w.corner + c, w, p->channels - c, p->bias ? p->bias + c : NULL,
                            y + out + c, argmax + out + c);
        }
}

/* Adds the gradient g of an output pixel, channels [c, c + SIMD_LEN), to the pixels of its window that `where` names. */
INLINE void unpool_vector(const pool_args *p, simd_float g, simd_int where, window w, int n,
                          float *dx)
{
    for (int r = w.top; r < w.bottom; r++)
        for (int s = w.left; s < w.right; s++) {
            float *at = dx + tap(p, r, s);
            simd_int hit = where == (simd_int){0} + (r * p->size + s);
            simd_store_first(at, simd_load_first(at, n) + simd_select(hit, g, simd_zero()), n);
        }
}

/* n bytes (at most SIMD_LEN) as integers; 0 in the other lanes. */
INLINE simd_int load_argmax(const uint8_t *argmax, int n)
{
    if (n >= SIMD_LEN) return simd_load_bytes(argmax);
    simd_int where = {0};
    for (int i = 0; i < n; i++) where[i] = argmax[i];
    return where;
}

void KERNEL(pool_backward)(const pool_args *p, const float *dy, const float *y,
                           const uint8_t *argmax, float *dx)
{
    memset(dx, 0, (size_t)p->height * (size_t)p->width * (size_t)p->channels * sizeof(float));
    for (int i = 0; i < p->out_height; i++)
        for (int j = 0; j < p->out_width; j++) {
            window w = window_of(p, i, j);
            size_t out = ((size_t)i * (size_t)p->out_width + (size_t)j) * (size_t)p->channels;
            for (int c = 0; c < p->channels; c += SIMD_LEN) {
                int n = p->channels - c;
                simd_float g = simd_load_first(dy + out + c, n);
                if (p->act == ACTIVATION_RELU)
                    g = simd_select(simd_load_first(y + out + c, n) > simd_zero(), g, simd_zero());
                unpool_vector(p, g, load_argmax(argmax + out + c, n), w, n, dx + w.corner + c);
            }
        }
}

/* One pixel of the output, channels [c, c + SIMD_LEN): one chain of additions over the window. */
INLINE simd_float average_vector(const pool_args *p, const float *x, window w, int n)
{
    simd_float sum = simd_zero();
    for (int r = w.top; r < w.bottom; r++)
        for (int s = w.left; s < w.right; s++) sum = sum + simd_load_first(x + tap(p, r, s), n);
    return sum / simd_set((float)((w.bottom - w.top) * (w.right - w.left)));
}

void KERNEL(average_forward)(const pool_args *p, const float *x, float *y)
{
    for (int i = 0; i < p->out_height; i++)
        for (int j = 0; j < p->out_width; j++, y += p->channels) {
            window w = window_of(p, i, j);
            for (int c = 0; c < p->channels; c += SIMD_LEN) {
                int n = p->channels - c;
                simd_store_first(y + c, average_vector(p, x + w.corner + c, w, n), n);
            }
        }
}

/* Adds g to channels [c, c + SIMD_LEN) of the window's pixels. */
INLINE void spread_vector(const pool_args *p, simd_float g, window w, int n, float *dx)
{
    for (int r = w.top; r < w.bottom; r++)
        for (int s = w.left; s < w.right; s++) {
            float *at = dx + tap(p, r, s);
            simd_store_first(at, simd_load_first(at, n) + g, n);
        }
}

void KERNEL(average_backward)(const pool_args *p, const float *dy, float *dx)
{
    memset(dx, 0, (size_t)p->height * (size_t)p->width * (size_t)p->channels * sizeof(float));
    for (int i = 0; i < p->out_height; i++)
        for (int j = 0; j < p->out_width; j++, dy += p->channels) {
            window w = window_of(p, i, j);
            simd_float count = simd_set((float)((w.bottom - w.top) * (w.right - w.left)));
            for (int c = 0; c < p->channels; c += SIMD_LEN) {
                int n = p->channels - c;
                spread_vector(p, simd_load_first(dy + c, n) / count, w, n, dx + w.corner + c);
            }
        }
}
