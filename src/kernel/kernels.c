/* kernel/kernels.c - which table this processor gets. */
#include "kernel/kernels.h"

#include <string.h>

#include "base/denormals.h"

#ifdef KERNEL_HAS_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* Tables per instruction set: src/kernel/isa/table.c, compiled once for each, and src/kernel/amx/table.c. */
extern const kernels kernels_baseline, kernels_avx2, kernels_avx512;
extern const kernels kernels_bf16_baseline, kernels_bf16_avx2, kernels_bf16_avx512, kernels_amx;
/* On AArch64: as baseline, and each product is decided by the rule for denormals. */
extern const kernels kernels_exact, kernels_bf16_exact;

enum { AVX2 = 1, AVX512, AMX };

#ifdef KERNEL_HAS_AMX
static int amx_present(void)
{
    enum { AVX512_BF16 = 1u << 5, AMX_BF16 = 1u << 22, AMX_TILE = 1u << 24 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if (!(d & AMX_BF16) || !(d & AMX_TILE)) return 0;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & AVX512_BF16);
}

/* Linux gives the tile registers to processes that ask for them, once for all threads. */
static int amx_permitted(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#endif

const char *kernels_amx_refused(void)
{
#ifdef KERNEL_HAS_AMX
    if (amx_present() && !amx_permitted())
        return "this processor has AMX, but the operating system does not permit it";
#endif
    return NULL;
}

static int processor_has(int level)
{
#if defined __x86_64__
    __builtin_cpu_init();
    int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi2");
    int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    if (level == AVX2) return v3;
    if (level == AVX512) return v4;
#ifdef KERNEL_HAS_AMX
    if (level == AMX) return v4 && amx_present() && amx_permitted();
#endif
#endif
    return level == 0;
}

const kernels *kernels_of_level(precision p, int level)
{
    static const kernels *const tables[2][KERNELS_LEVELS] = {
        [PRECISION_FP32][0] = &kernels_baseline,    [PRECISION_BF16][0] = &kernels_bf16_baseline,
#ifdef KERNEL_HAS_AVX2
        [PRECISION_FP32][AVX2] = &kernels_avx2,     [PRECISION_BF16][AVX2] = &kernels_bf16_avx2,
#endif
#ifdef KERNEL_HAS_AVX512
        [PRECISION_FP32][AVX512] = &kernels_avx512, [PRECISION_BF16][AVX512] = &kernels_bf16_avx512,
#endif
#ifdef KERNEL_HAS_AMX
        [PRECISION_BF16][AMX] = &kernels_amx,
#endif
    };
    return level >= 0 && level < KERNELS_LEVELS ? tables[p][level] : NULL;
}

int kernels_level(const kernels *k)
{
    int level = KERNELS_LEVELS - 1;
    while (level > 0 && kernels_of_level(k->precision, level) != k) level--;
    return level;
}

const kernels *kernels_deciding(const kernels *k)
{
#ifdef KERNEL_HAS_EXACT
    if (denormals_early())
        return k->precision == PRECISION_FP32 ? &kernels_exact : &kernels_bf16_exact;
#endif
    return k;
}

int kernels_available_in(precision p, const kernels **tables)
{
    int count = 0;
    for (int level = KERNELS_LEVELS - 1; level >= 0; level--)
        if (kernels_of_level(p, level) && processor_has(level))
            tables[count++] = kernels_of_level(p, level);
    return count;
}

int kernels_available(const kernels **tables)
{
    return kernels_available_in(PRECISION_FP32, tables);
}

status kernels_select(const char *name, precision p, const kernels **chosen, failure *why)
{
    static const char *const level_name[KERNELS_LEVELS] = {"baseline", "avx2", "avx512", "amx"};
    const kernels *tables[KERNELS_LEVELS] = {NULL};
    int count = kernels_available_in(p, tables);
    *chosen = tables[0];
    if (!name || strcmp(name, "auto") == 0) return STATUS_OK;
    for (int i = 0; i < count; i++)
        if (strcmp(name, tables[i]->name) == 0) {
            *chosen = tables[i];
            return STATUS_OK;
        }
    if (p == PRECISION_FP32 && strcmp(name, level_name[AMX]) == 0)
        return fail(why, STATUS_USAGE,
                    "--isa=amx: only --precision=bf16 uses it; the best for fp32 is %s",
                    tables[0]->name);
    for (int level = 0; level < KERNELS_LEVELS; level++)
        if (strcmp(name, level_name[level]) == 0)
            return fail(why, STATUS_USAGE,
                        "--isa=%s: this processor lacks it; the best it has is %s", name,
                        tables[0]->name);
    return fail(why, STATUS_USAGE, "--isa=%s: unknown; known are auto, baseline, avx2, avx512, amx",
                name);
}
