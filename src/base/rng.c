/* base/rng.c - random numbers from Random123's Philox. */
#include "base/rng.h"

#include <Random123/philox.h>

rng_words rng_draw(rng_key key, uint32_t index)
{
    philox4x32_ctr_t counter = {{index, key.sample, key.epoch, (uint32_t)key.stream}};
    philox4x32_key_t words = {{(uint32_t)key.seed, (uint32_t)(key.seed >> 32)}};
    philox4x32_ctr_t drawn = philox4x32(counter, words);
    return (rng_words){{drawn.v[0], drawn.v[1], drawn.v[2], drawn.v[3]}};
}

float rng_float(rng_key key, uint32_t index)
{
    return (float)(rng_draw(key, index).word[0] >> 8) * 0x1p-24f;
}

double rng_double(rng_key key, uint32_t index)
{
    rng_words w = rng_draw(key, index);
    uint64_t bits = ((uint64_t)w.word[1] << 32 | w.word[0]) >> 11;
    return (double)bits * 0x1p-53;
}

uint32_t rng_below(rng_key key, uint32_t index, uint32_t bound)
{
    return (uint32_t)((uint64_t)rng_draw(key, index).word[0] * bound >> 32);
}
