/* kernel/isa/activation.c - activations, and their derivatives from y alone.
 *
 *   relu     y = max(0, x)                dx = dy where y > 0, else 0
 *   leaky    y = x, or slope x below 0    dx = dy where y > 0, else slope dy      (slope >= 0: y > 0 exactly where x > 0)
 *   tanh                                  dx = dy (1 - y^2) = dy (1 - y) (1 + y)
 *   sigmoid  y = 1 / (1 + e^-x)           dx = dy y (1 - y)
 *   elu      y = x, or e^x - 1 below 0    dx = dy where y > 0, else dy (1 + y)
 *   hard_sigmoid  y = min(max(0, x + 3), 6) / 6      dx = dy / 6 where 0 < y < 1, else 0
 * Differences from 1 are exact for y >= 1/2, so no derivative loses digits by cancellation. */
#include "kernel/isa/activate.h"
#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"

INLINE simd_float backward(activation act, simd_float slope, simd_float dy, simd_float y)
{
    simd_float one = simd_set(1.0f);
    switch (act) {
    case ACTIVATION_RELU:
        return simd_select(y > simd_zero(), dy, simd_zero());
    case ACTIVATION_LEAKY_RELU:
        return simd_select(y > simd_zero(), dy, simd_mul(slope, dy));
    case ACTIVATION_TANH:
        return simd_mul(dy, simd_mul(one - y, one + y));
    case ACTIVATION_SIGMOID:
        return simd_mul(dy, simd_mul(y, one - y));
    case ACTIVATION_ELU:
        return simd_select(y > simd_zero(), dy, simd_mul(dy, one + y));
    case ACTIVATION_HARD_SIGMOID:
        return simd_select((y > simd_zero()) & (y < one), dy / simd_set(6.0f), simd_zero());
    case ACTIVATION_NONE:
        break;
    }
    return dy;
}

/* y [length], in place. The last, incomplete vector goes through the same code, so that the bits of an element do not depend on
 * its place. */
INLINE void forward_all(activation act, float slope, size_t length, float *y)
{
    simd_float s = simd_set(slope);
    size_t i = 0;
    for (; i + SIMD_LEN <= length; i += SIMD_LEN)
        simd_store(y + i, activate(act, s, simd_load(y + i)));
    int left = (int)(length - i);
    if (left > 0) simd_store_first(y + i, activate(act, s, simd_load_first(y + i, left)), left);
}

INLINE void backward_all(activation act, float slope, size_t length, const float *dy,
                         const float *y, float *dst)
{
    simd_float s = simd_set(slope);
    size_t i = 0;
    for (; i + SIMD_LEN <= length; i += SIMD_LEN)
        simd_store(dst + i, backward(act, s, simd_load(dy + i), simd_load(y + i)));
    int left = (int)(length - i);
    if (left == 0) return;
    simd_float dx = backward(act, s, simd_load_first(dy + i, left), simd_load_first(y + i, left));
    simd_store_first(dst + i, dx, left);
}

/* Each activation has a loop of its own, compiled for its constant, so that no loop chooses. */
#define EACH_ACTIVATION(DO)                                                                        \
    DO(ACTIVATION_NONE)                                                                            \
    DO(ACTIVATION_RELU)                                                                            \
    DO(ACTIVATION_LEAKY_RELU)                                                                      \
    DO(ACTIVATION_TANH) DO(ACTIVATION_SIGMOID) DO(ACTIVATION_ELU) DO(ACTIVATION_HARD_SIGMOID)

void KERNEL(activate)(activation act, float slope, size_t length, float *y)
{
#define FORWARD(name)                                                                              \
    if (act == name) forward_all(name, slope, length, y);
    EACH_ACTIVATION(FORWARD)
}

void KERNEL(activation_backward)(activation act, float slope, size_t length, const float *dy,
                                 const float *y, float *dst)
{
#define BACKWARD(name)                                                                             \
    if (act == name) backward_all(name, slope, length, dy, y, dst);
    EACH_ACTIVATION(BACKWARD)
}
