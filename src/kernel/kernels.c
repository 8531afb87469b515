/* kernel/kernels.c - which table this processor gets. */
#include "kernel/kernels.h"

#include <string.h>

/* One table per instruction set: src/kernel/isa/table.c, compiled once for each. */
extern const kernels kernels_baseline, kernels_avx2, kernels_avx512;

enum { LEVELS = 3 };
static const char *const level_name[LEVELS] = {"baseline", "avx2", "avx512"};

static int processor_has(int level)
{
#if defined __x86_64__
    __builtin_cpu_init();
    int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi2");
    if (level == 1) return v3;
    if (level == 2)
        return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
#endif
    return level == 0;
}

const kernels *kernels_of_level(int level)
{
    if (level == 0) return &kernels_baseline;
#ifdef KERNEL_HAS_AVX2
    if (level == 1) return &kernels_avx2;
#endif
#ifdef KERNEL_HAS_AVX512
    if (level == 2) return &kernels_avx512;
#endif
    return NULL;
}

int kernels_level(const kernels *k)
{
    int level = LEVELS - 1;
    while (level > 0 && kernels_of_level(level) != k) level--;
    return level;
}

int kernels_available(const kernels **tables)
{
    int count = 0;
    for (int level = LEVELS - 1; level >= 0; level--)
        if (processor_has(level) && kernels_of_level(level))
            tables[count++] = kernels_of_level(level);
    return count;
}

status kernels_select(const char *name, const kernels **chosen, failure *why)
{
    const kernels *tables[LEVELS];
    int count = kernels_available(tables);
    *chosen = tables[0];
    if (!name || strcmp(name, "auto") == 0) return STATUS_OK;
    for (int i = 0; i < count; i++)
        if (strcmp(name, tables[i]->name) == 0) {
            *chosen = tables[i];
            return STATUS_OK;
        }
    for (int level = 0; level < LEVELS; level++)
        if (strcmp(name, level_name[level]) == 0)
            return fail(why, STATUS_USAGE,
                        "--isa=%s: this processor lacks it; the best it has is %s", name,
                        tables[0]->name);
    return fail(why, STATUS_USAGE, "--isa=%s: unknown; known are auto, baseline, avx2, avx512",
                name);
}
