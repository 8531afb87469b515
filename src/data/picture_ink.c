/* data/picture_ink.c - the threshold between paper and ink. */
#include <stddef.h>

#include "picture_steps.h"

enum {
    LEVELS = 256,
    LEAST_CONTRAST = 20,  /* of 255: between the means of ink and paper */
    NOISES = 5,           /* ink is this many deviations above the paper */
    SHARE_OF_STROKES = 90 /* percent of the ink below which strokes are not full */
};

static void count_levels(picture p, int64_t count[LEVELS])
{
    for (int i = 0; i < LEVELS; i++) count[i] = 0;
    for (size_t i = 0; i < (size_t)p.height * (size_t)p.width; i++) count[p.grey[i]]++;
}

/* The first level of the upper class for which the variance between the two classes is largest. */
static int otsu(const int64_t count[LEVELS])
{
    double all = 0, sum = 0, below = 0, below_sum = 0, largest = -1;
    int best = 1;
    for (int i = 0; i < LEVELS; i++) all += (double)count[i], sum += (double)i * (double)count[i];
    for (int i = 1; i < LEVELS; i++) {
        below += (double)count[i - 1], below_sum += (double)(i - 1) * (double)count[i - 1];
        if (below == 0 || below == all) continue;
        double gap = below_sum / below - (sum - below_sum) / (all - below);
        double variance = below * (all - below) * gap * gap;
        if (variance > largest) largest = variance, best = i;
    }
    return best;
}

int picture_otsu(picture p)
{
    int64_t count[LEVELS];
    count_levels(p, count);
    return otsu(count);
}

/* The level that `percent` of the pixels from level `first` on do not exceed. */
static int quantile(const int64_t count[LEVELS], int first, int percent)
{
    int64_t all = 0, seen = 0;
    for (int i = first; i < LEVELS; i++) all += count[i];
    for (int i = first; i < LEVELS; i++) {
        seen += count[i];
        if (100 * seen >= percent * all) return i;
    }
    return LEVELS - 1;
}

static int mean_below(const int64_t count[LEVELS], int end)
{
    int64_t all = 0, sum = 0;
    for (int i = 0; i < end; i++) all += count[i], sum += i * count[i];
    return all ? (int)(sum / all) : 0;
}

int sheet_cut(sheet *s)
{
    int64_t count[LEVELS];
    count_levels((picture){s->height, s->width, s->ink}, count);
    int middle = quantile(count, 0, 50), noise = middle - quantile(count, 0, 16);
    int threshold = otsu(count), above_noise = middle + NOISES * noise;
    if (threshold < above_noise) threshold = above_noise;
    if (threshold > LEVELS - 1) return 0;
    s->paper = mean_below(count, threshold);
    s->stroke = quantile(count, threshold, SHARE_OF_STROKES);
    for (int i = 0; i < s->height * s->width; i++) s->mask[i] = s->ink[i] >= threshold;
    return s->stroke - s->paper >= LEAST_CONTRAST;
}
