/* kernel/conv.c - scratch of the fused convolutions; the same, and enough, for every instruction set. */
#include "kernel/conv.h"

#include "base/shape.h"

/* The largest values of any instruction set; see isa/winograd.c (TILES, PANEL, PAD) and isa/simd.h (SIMD_LEN). */
enum { TAPS = 9, MOST_TILES = 12, MOST_PANEL = 32, MOST_LANES = 16, PAD = 16 };

conv_scratch conv_scratch_lengths(const conv_windows *g)
{
    size_t windows = (size_t)g->rows * (size_t)g->cols, c = (size_t)g->channels;
    size_t words = ((size_t)g->filters + 63) / 64, window_words = (windows + 63) / 64;
    size_t lanes = MOST_LANES * (2 * window_words + 2 * (windows + MOST_LANES));
    size_t lists = lanes + 2 * windows, masks = 2 * 4 * windows * words;
    size_t image = slab_round_up(conv_image_length(g));
    return (conv_scratch){.pixels = slab_round_up(2 * windows + 4 * TAPS * windows) + image,
                          .winograd = WINOGRAD_POINTS * (MOST_TILES * (c + MOST_PANEL) + 2 * PAD),
                          .sparse = slab_round_up(lists > masks ? lists : masks) + image};
}
