/* kernel/isa/recurrent_gates.h - from the products of a time step to its gates and states.  room: kernel (private)
 *
 * Dividing vectors is slow (16 cycles on Intel's AVX-512 processors, a fused multiply-add half a cycle). So the four gates of a
 * unit (lstm), and units u and u + 16 (simple_rnn), share one division: 1/a = b (1/(ab)), 1/b = a (1/(ab)). Which values share
 * one decides the bits, and is therefore the same for every instruction set.
 */
#ifndef MNIST_DIST_KERNEL_ISA_RECURRENT_GATES_H
#define MNIST_DIST_KERNEL_ISA_RECURRENT_GATES_H

#include "kernel/isa/simd.h"
#include "kernel/kernels.h"

enum {
    PANEL = 2 * SIMD_LEN, /* columns of a panel of gates, as in gemm_tn                    */
    LANES = 16,           /* distance of two units of simple_rnn that share a division     */
    LSTM_ROWS = SIMD_LEN == 16 ? 6 : 3,
    RNN_ROWS = SIMD_LEN == 16 ? 12 : 6
};

/* The unit of a panel's first vector. */
INLINE int lstm_column(int panel)
{
    return panel * SIMD_LEN;
}

INLINE int rnn_column(int panel)
{
    int unit = panel * SIMD_LEN;
    return unit / LANES * 2 * LANES + unit % LANES;
}

/* Column `col` of a row of the gates. */
INLINE float *gate_at(const recurrent_fused *s, int row, int col)
{
    unsigned panel = (unsigned)col / PANEL, within = (unsigned)col % PANEL;
    return s->gates + panel * s->panel_stride + (size_t)row * PANEL + within;
}

/* From the products a [4] of a row: stores the gates i f g o and the cell, leaves o in a[3], returns the cell. */
INLINE simd_float lstm_gates(const recurrent_fused *s, int row, int u, simd_float *a)
{
    simd_float half = simd_set(0.5f), q[4];
    a[0] = simd_mul(a[0], half), a[1] = simd_mul(a[1], half), a[3] = simd_mul(a[3], half);
    simd_tanh_parts(4, a, q);
    simd_float q01 = simd_mul(q[0], q[1]), q23 = simd_mul(q[2], q[3]);
    simd_float all = simd_set(1.0f) / simd_mul(q01, q23);
    simd_float r01 = simd_mul(all, q23), r23 = simd_mul(all, q01);
    simd_float i = simd_fma(half, simd_mul(a[0], simd_mul(r01, q[1])), half);
    simd_float f = simd_fma(half, simd_mul(a[1], simd_mul(r01, q[0])), half);
    simd_float g = simd_mul(a[2], simd_mul(r23, q[3]));
    a[3] = simd_fma(half, simd_mul(a[3], simd_mul(r23, q[2])), half);
    simd_store(gate_at(s, row, u), i);
    simd_store(gate_at(s, row, s->units + u), f);
    simd_store(gate_at(s, row, 2 * s->units + u), g);
    simd_store(gate_at(s, row, 3 * s->units + u), a[3]);
    size_t at = (size_t)row * (size_t)s->units + (size_t)u;
    simd_float c = simd_fma(f, simd_load(s->cell_before + at), simd_mul(i, g));
    simd_store(s->cell + at, c);
    return c;
}

/* From the products a [height, 4] of a tile: gates, cells and states of its rows. */
INLINE void lstm_finish(const recurrent_fused *s, int row, int u, int height, simd_float *a)
{
    simd_float c[LSTM_ROWS], q[LSTM_ROWS];
    UNROLL for (int r = 0; r < height; r++) c[r] = lstm_gates(s, row + r, u, a + r * 4);
    simd_tanh_parts(height, c, q);
    UNROLL for (int r = 0; r < height; r++)
    {
        simd_float t = c[r] / q[r];
        simd_store(s->cell_tanh + (size_t)(row + r) * (size_t)s->units + (size_t)u, t);
        simd_store(s->h + (size_t)(row + r) * s->row_stride + u, simd_mul(a[r * 4 + 3], t));
    }
}

/* From the products a [height, 2]: the states of rows [row, row + height), units from u and from u + LANES on; height 1
 * or 2. */
INLINE void rnn_finish(const recurrent_fused *s, int row, int u, int height, simd_float *a)
{
    simd_float q[4];
    simd_tanh_parts(2 * height, a, q);
    UNROLL for (int r = 0; r < height; r++, a += 2)
    {
        const simd_float *qr = q + 2 * r;
        simd_float both = simd_set(1.0f) / simd_mul(qr[0], qr[1]);
        float *h = s->h + (size_t)(row + r) * s->row_stride + u;
        simd_store(h, simd_mul(a[0], simd_mul(both, qr[1])));
        simd_store(h + LANES, simd_mul(a[1], simd_mul(both, qr[0])));
    }
}

#endif
