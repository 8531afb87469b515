/* base/denormals.c - the modes of the processor for floats below 2^-126. */
#include "base/denormals.h"

#if defined __SSE2__
#include <immintrin.h>
#elif defined __aarch64__
#include <stdatomic.h>
#include <stdint.h>
#include <sys/auxv.h>
#endif

#if defined __aarch64__
/* Of FPCR (Arm Architecture Reference Manual, DDI 0487): flush; with AFP, results after rounding, and operands. */
enum { FZ = 1 << 24, AH = 1 << 1, FIZ = 1 << 0 };
/* Of FPSR: a result was flushed. */
enum { UFC = 1 << 3 };
/* Of AT_HWCAP: Linux tells ID registers to programs. AFP: four bits of AA64MMFR1 that are not 0. */
enum { TELLS_ID = 1 << 11, AFP_POSITION = 44 };

static int has_afp(void)
{
    static atomic_int known; /* 0: not yet; else 1 + the answer */
    if (!atomic_load(&known)) {
        uint64_t features = 0;
        if (getauxval(AT_HWCAP) & TELLS_ID) __asm__("mrs %0, id_aa64mmfr1_el1" : "=r"(features));
        atomic_store(&known, 1 + ((features >> AFP_POSITION & 0xf) != 0));
    }
    return atomic_load(&known) - 1;
}
#endif

void denormals_flush(void)
{
#if defined __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040); /* FTZ is bit 15, DAZ bit 6 of MXCSR */
#elif defined __aarch64__
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    fpcr |= has_afp() ? FZ | AH | FIZ : FZ;
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
#endif
}

int denormals_early(void)
{
#if defined __aarch64__
    return !has_afp();
#else
    return 0;
#endif
}

void denormals_forget(void)
{
#if defined __aarch64__
    uint64_t fpsr;
    __asm__ volatile("mrs %0, fpsr" : "=r"(fpsr) : : "memory");
    __asm__ volatile("msr fpsr, %0" : : "r"(fpsr & ~(uint64_t)UFC) : "memory");
#endif
}

int denormals_met(void)
{
#if defined __aarch64__
    uint64_t fpsr;
    __asm__ volatile("mrs %0, fpsr" : "=r"(fpsr) : : "memory");
    return denormals_early() && (fpsr & UFC);
#else
    return 0;
#endif
}
