/* data/picture_noise.c - takes the noise of single pixels out of a picture that has much of it. */
#include <string.h>

#include "base/arena.h"
#include "picture_steps.h"

enum {
    LEAST_SIDE = 100,      /* smaller pictures have strokes of few pixels              */
    MOST_PIXELS = 1 << 21, /* the work copy of a larger one averages its noise away    */
    LONE = 24,             /* lighter or darker than all 8 neighbours by more than this */
    NOISY_SHARE = 200,     /* more than 1 / 200 of the pixels are lone: there is noise */
    PASSES = 3,
    WINDOW = 9
};

/* The 8 neighbours, and the pixel itself at [4]. Not for pixels of the border. */
static void take_window(const uint8_t *at, int width, uint8_t window[WINDOW])
{
    for (int i = 0; i < WINDOW; i++) window[i] = at[(i / 3 - 1) * width + i % 3 - 1];
}

static int is_lone(const uint8_t window[WINDOW])
{
    int own = window[WINDOW / 2], least = 255, most = 0;
    for (int i = 0; i < WINDOW; i++) {
        if (i == WINDOW / 2) continue;
        least = window[i] < least ? window[i] : least;
        most = window[i] > most ? window[i] : most;
    }
    return own > most + LONE || own < least - LONE;
}

static uint8_t median(uint8_t window[WINDOW])
{
    for (int i = 1; i < WINDOW; i++) {
        uint8_t value = window[i];
        int at = i;
        for (; at > 0 && window[at - 1] > value; at--) window[at] = window[at - 1];
        window[at] = value;
    }
    return window[WINDOW / 2];
}

static int is_noisy(picture p)
{
    int64_t lone = 0;
    uint8_t window[WINDOW];
    for (int y = 1; y < p.height - 1; y++)
        for (int x = 1; x < p.width - 1; x++) {
            take_window(p.grey + (size_t)y * (size_t)p.width + x, p.width, window);
            lone += is_lone(window);
        }
    return NOISY_SHARE * lone > (int64_t)p.height * p.width;
}

/* Pixels of the border become like their neighbours inside. */
static void smooth_by_median(picture from, uint8_t *to)
{
    uint8_t window[WINDOW];
    for (int y = 0; y < from.height; y++)
        for (int x = 0; x < from.width; x++) {
            int v = y == 0 ? 1 : y == from.height - 1 ? y - 1 : y;
            int u = x == 0 ? 1 : x == from.width - 1 ? x - 1 : x;
            take_window(from.grey + (size_t)v * (size_t)from.width + u, from.width, window);
            to[(size_t)y * (size_t)from.width + x] = median(window);
        }
}

picture picture_denoise(picture from, uint8_t **copy)
{
    size_t pixels = (size_t)from.height * (size_t)from.width;
    *copy = NULL;
    if (from.height < LEAST_SIDE || from.width < LEAST_SIDE || pixels > MOST_PIXELS) return from;
    for (int pass = 0; pass < PASSES && is_noisy(from); pass++) {
        uint8_t *to = memory_take(pixels);
        smooth_by_median(from, to);
        memory_free(*copy);
        *copy = to;
        from.grey = to;
    }
    return from;
}
