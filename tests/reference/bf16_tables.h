/* bf16_tables.h - the tables of a precision for tests. Of PRECISION_BF16: those that the processor can run, and AMX' kernels
 * with its instructions in software (amx/tiles.h), on processors with AVX-512.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_BF16_TABLES_H
#define MNIST_DIST_TESTS_REFERENCE_BF16_TABLES_H

#include "kernel/kernels.h"

enum { BF16_TABLES = KERNELS_LEVELS + 1 };

/* Returns their number, at most BF16_TABLES. The one in software is named "amx" too, and is the last. */
static inline int bf16_tables(const kernels **tables)
{
    int count = kernels_available_in(PRECISION_BF16, tables);
#ifdef TESTS_AMX_TILES
    extern const kernels kernels_amx_tiles;
    if (tables[0]->vector_floats == kernels_amx_tiles.vector_floats)
        tables[count++] = &kernels_amx_tiles;
#endif
    return count;
}

static inline int tables_in(precision p, const kernels **tables)
{
    return p == PRECISION_BF16 ? bf16_tables(tables) : kernels_available(tables);
}

#endif
