/* comm/slices.c - cuts buckets into slices, at block starts. */
#include "slices.h"

#include <stdint.h>

#include "base/error.h"

void slices_check(const exchange_cfg *cfg)
{
    CHECK(cfg->buckets >= 1 && cfg->buckets <= EXCHANGE_MAX_BUCKETS, "%d buckets", cfg->buckets);
    CHECK(cfg->late >= 0 && cfg->late < cfg->buckets, "%d late buckets", cfg->late);
    CHECK(cfg->steps.sizes >= 1 && cfg->steps.sizes <= EXCHANGE_MAX_SIZES, "%d sizes of steps",
          cfg->steps.sizes);
    CHECK(cfg->steps.pass_leaves >= 1, "passes of %d leaves", cfg->steps.pass_leaves);
    for (int i = 0; i < cfg->steps.sizes; i++)
        CHECK(cfg->steps.leaves[i] >= 0, "%d leaves", cfg->steps.leaves[i]);
    for (int b = 0; b < cfg->buckets; b++)
        CHECK(cfg->bucket[b].offset + cfg->bucket[b].length <= cfg->length,
              "bucket %d ends at %zu of %zu", b, cfg->bucket[b].offset + cfg->bucket[b].length,
              cfg->length);
}

/* Index of the first block that starts at `offset` or behind it. */
static int block_at(const exchange_cfg *cfg, size_t offset)
{
    int i = 0;
    while (i < cfg->blocks && cfg->block_start[i] < offset) i++;
    return i;
}

static void cut_bucket(const exchange_cfg *cfg, int bucket, int64_t ranks, span *slice)
{
    const size_t end = cfg->bucket[bucket].offset + cfg->bucket[bucket].length;
    const int first = block_at(cfg, cfg->bucket[bucket].offset), last = block_at(cfg, end);
    CHECK(first == last || cfg->block_start[first] == cfg->bucket[bucket].offset,
          "bucket %d begins at %zu, inside a block", bucket, cfg->bucket[bucket].offset);
    CHECK(first < last || cfg->bucket[bucket].length == 0, "bucket %d has no block", bucket);
    for (int64_t r = 0; r < ranks; r++) {
        int lo = first + (int)((last - first) * r / ranks);
        int hi = first + (int)((last - first) * (r + 1) / ranks);
        size_t from = lo < last ? cfg->block_start[lo] : end;
        size_t to = hi < last ? cfg->block_start[hi] : end;
        slice[r] = (span){from, to - from};
    }
}

void slices_cut(const exchange_cfg *cfg, int ranks, span *slice)
{
    for (int b = 0; b < cfg->buckets; b++) cut_bucket(cfg, b, ranks, slice + b * ranks);
}
