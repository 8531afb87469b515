/* data/sampler.c - the permutation of an epoch, and its batches. */
#include "data/sampler.h"

#include "base/error.h"
#include "base/rng.h"

void sampler_init(sampler *s, sampler_order order, uint64_t seed, int count, int batch,
                  int *permutation)
{
    CHECK(count >= 1 && batch >= 1, "%d samples, batch %d", count, batch);
    *s = (sampler){order, seed, count, batch, -1, permutation};
}

int sampler_sizes(int count, int batch, int sizes[SAMPLER_SIZES])
{
    int found = 0;
    if (count >= batch) sizes[found++] = batch;
    if (count % batch) sizes[found++] = count % batch;
    return found;
}

int sampler_steps(const sampler *s)
{
    return (s->count - 1) / s->batch + 1;
}

static void fill_in_file_order(sampler *s)
{
    for (int i = 0; i < s->count; i++) s->permutation[i] = i;
}

static void shuffle(sampler *s, int epoch)
{
    rng_key key = {s->seed, RNG_SHUFFLE, (uint32_t)epoch, 0};
    for (int i = s->count - 1; i > 0; i--) {
        int j = (int)rng_below(key, (uint32_t)i, (uint32_t)i + 1);
        int kept = s->permutation[i];
        s->permutation[i] = s->permutation[j];
        s->permutation[j] = kept;
    }
}

/* Every epoch starts from file order, so that it does not depend on the epochs before it. */
static void begin_epoch(sampler *s, int epoch)
{
    int file_order_kept = s->order == SAMPLER_FILE_ORDER && s->epoch >= 0;
    if (!file_order_kept) fill_in_file_order(s);
    if (s->order == SAMPLER_SHUFFLED) shuffle(s, epoch);
    s->epoch = epoch;
}

void sampler_batch(sampler *s, int epoch, int step, const int **samples, int *n)
{
    CHECK(epoch >= 0 && step >= 0 && step < sampler_steps(s), "epoch %d, step %d of %d", epoch,
          step, sampler_steps(s));
    if (epoch != s->epoch) begin_epoch(s, epoch);
    int first = step * s->batch, left = s->count - first;
    *samples = s->permutation + first;
    *n = left < s->batch ? left : s->batch;
}
