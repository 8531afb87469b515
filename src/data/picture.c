/* data/picture.c - inverts, scales and centres a picture, in whole numbers. */
#include "data/picture.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "picture_steps.h"

enum { WHITE = 255 };

int picture_border(picture p)
{
    uint64_t sum = 0, count = 0;
    for (int y = 0; y < p.height; y++) {
        int step = y == 0 || y == p.height - 1 || p.width == 1 ? 1 : p.width - 1;
        for (int x = 0; x < p.width; x += step, count++)
            sum += p.grey[(size_t)y * (size_t)p.width + (size_t)x];
    }
    return (int)((2 * sum + count) / (2 * count));
}

/* `length` old pixels become `parts` new ones. On a line of length * parts units, old pixel i is [i parts, (i+1) parts) and new
 * pixel j is [j length, (j+1) length). Returns the units that are in both. */
static uint64_t overlap(int i, int parts, int j, int length)
{
    int64_t lo = (int64_t)i * parts, hi = lo + parts;
    int64_t from = (int64_t)j * length, to = from + length;
    if (from > lo) lo = from;
    if (to < hi) hi = to;
    return hi > lo ? (uint64_t)(hi - lo) : 0;
}

/* The first new pixel that old pixel i lies in. */
static int first_part(int i, int parts, int length)
{
    return (int)((int64_t)i * parts / length);
}

/* The last one. */
static int last_part(int i, int parts, int length)
{
    return (int)((((int64_t)i + 1) * parts - 1) / length);
}

/* One row of `length` pixels to sums[width]; the weights of each sum add up to `length`. */
static void shrink_row(const uint8_t *row, int length, int width, uint64_t *sums)
{
    memset(sums, 0, (size_t)width * sizeof *sums);
    for (int x = 0; x < length; x++)
        for (int j = first_part(x, width, length); j <= last_part(x, width, length); j++)
            sums[j] += row[x] * overlap(x, width, j, length);
}

/* Adds the picture to sums[height, width]; the weights of each sum add up to from.height * from.width. row: scratch. */
static void sum_areas(picture from, int height, int width, uint64_t *row, uint64_t *sums)
{
    for (int y = 0; y < from.height; y++) {
        shrink_row(from.grey + (size_t)y * (size_t)from.width, from.width, width, row);
        int last = last_part(y, height, from.height);
        for (int i = first_part(y, height, from.height); i <= last; i++) {
            uint64_t weight = overlap(y, height, i, from.height);
            uint64_t *out = sums + (size_t)i * (size_t)width;
            for (int x = 0; x < width; x++) out[x] += row[x] * weight;
        }
    }
}

/* In: the size of the result. Out: the size of the scaled picture in it, at least 1 x 1. */
static void fitted_size(picture from, int *height, int *width)
{
    int64_t full_height = *height, full_width = *width;
    int64_t tall = from.height * full_width, wide = from.width * full_height;
    if (wide >= tall)
        *height = (int)((2 * tall + from.width) / (2 * (int64_t)from.width));
    else
        *width = (int)((2 * wide + from.height) / (2 * (int64_t)from.height));
    if (*height < 1) *height = 1;
    if (*width < 1) *width = 1;
}

void picture_scale(picture from, int height, int width, uint8_t *pixels)
{
    size_t count = (size_t)height * (size_t)width;
    uint64_t *sums = memory_take((count + (size_t)width) * sizeof *sums);
    sum_areas(from, height, width, sums + count, sums);
    uint64_t weight = (uint64_t)from.height * (uint64_t)from.width;
    for (size_t i = 0; i < count; i++) pixels[i] = (uint8_t)((2 * sums[i] + weight) / (2 * weight));
    memory_free(sums);
}

void picture_fit(picture from, int height, int width, uint8_t *pixels)
{
    CHECK(from.height >= 1 && from.width >= 1, "%d x %d", from.height, from.width);
    int paper = picture_border(from), inverted = paper > WHITE / 2;
    int inner_height = height, inner_width = width;
    fitted_size(from, &inner_height, &inner_width);
    uint8_t *inner = memory_take((size_t)inner_height * (size_t)inner_width);
    picture_scale(from, inner_height, inner_width, inner);
    memset(pixels, inverted ? WHITE - paper : paper, (size_t)height * (size_t)width);
    int top = (height - inner_height) / 2, left = (width - inner_width) / 2;
    for (int y = 0; y < inner_height; y++) {
        uint8_t *out = pixels + (size_t)(top + y) * (size_t)width + left;
        for (int x = 0; x < inner_width; x++) {
            int value = inner[y * inner_width + x];
            out[x] = (uint8_t)(inverted ? WHITE - value : value);
        }
    }
    memory_free(inner);
}
