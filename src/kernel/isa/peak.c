/* kernel/isa/peak.c - fused multiply-adds on registers alone: the processor's highest rate, for the roofline. */
#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"

/* Independent sums that keep the units busy: latency (4 or 5 cycles) times units (2). */
enum { CHAINS = 10 };

double KERNEL(fma_peak)(long repeats, float *sink)
{
    simd_float sum[CHAINS], a = simd_set(0.999999f), b = simd_set(1e-7f);
    for (int i = 0; i < CHAINS; i++) sum[i] = simd_set((float)i);
    for (long n = 0; n < repeats; n++) {
        UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = simd_fma(sum[i], a, b);
    }
    for (int i = 0; i < CHAINS; i++) sink[i] = sum[i][0];
    return 2.0 * CHAINS * SIMD_LEN * (double)repeats;
}
