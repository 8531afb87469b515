/* data/picture_paper.c - what is paper, and how much light is missing at each place. */
#include <string.h>

#include "base/arena.h"
#include "picture_steps.h"

enum {
    REACH = 16, /* percent of the shorter side: the closing's window reaches so far to each side */
    SMOOTHED_SIDE = 100 /* pixels of a shorter side that is smoothed by 1 pixel   */
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

static int inside(int at, int length)
{
    return least(most(at, 0), length - 1);
}

/* The mean of 3 x 3 pixels, where the picture is large enough to have noise of single pixels. */
static void smooth(uint8_t *grey, int height, int width)
{
    if (least(height, width) < SMOOTHED_SIDE) return;
    uint8_t *copy = memory_take((size_t)height * (size_t)width);
    memcpy(copy, grey, (size_t)height * (size_t)width);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int sum = 0;
            for (int i = -1; i <= 1; i++)
                for (int j = -1; j <= 1; j++)
                    sum += copy[inside(y + i, height) * width + inside(x + j, width)];
            grey[y * width + x] = (uint8_t)((sum + 4) / 9);
        }
    memory_free(copy);
}

/* ---- the closing ---- */

/* A row or column of `length` pixels that are `step` apart in memory. */
typedef struct line {
    int length, step;
    uint8_t *pixel;
} line;

static int not_less(uint8_t a, uint8_t b)
{
    return a >= b;
}

static int not_more(uint8_t a, uint8_t b)
{
    return a <= b;
}

/* Each pixel becomes the extreme one within `reach` pixels on the line. waiting: [length] places whose values may become the
 * extreme, the best first; value: [length]. */
static void extreme_of_line(line l, int reach, int (*beats)(uint8_t, uint8_t), int *waiting,
                            uint8_t *value)
{
    int first = 0, end = 0;
    for (int i = 0; i < l.length; i++) value[i] = l.pixel[i * l.step];
    for (int i = 0; i < l.length + reach; i++) {
        if (i < l.length) {
            while (end > first && beats(value[i], value[waiting[end - 1]])) end--;
            waiting[end++] = i;
        }
        if (i < reach) continue;
        while (waiting[first] < i - 2 * reach) first++;
        l.pixel[(i - reach) * l.step] = value[waiting[first]];
    }
}

static void extreme(uint8_t *grey, int height, int width, int reach, int (*beats)(uint8_t, uint8_t))
{
    int longest = most(height, width);
    int *waiting = memory_take((size_t)longest * sizeof *waiting);
    uint8_t *value = memory_take((size_t)longest);
    for (int y = 0; y < height; y++)
        extreme_of_line((line){width, 1, grey + y * width}, reach, beats, waiting, value);
    for (int x = 0; x < width; x++)
        extreme_of_line((line){height, width, grey + x}, reach, beats, waiting, value);
    memory_free(waiting);
    memory_free(value);
}

/* What lies at the border goes on outside: there, too, paper is what is wider than the window. */
static void divide_paper_out(uint8_t *grey, int height, int width, uint8_t *light)
{
    int reach = least(height, width) * REACH / 100;
    int tall = height + 2 * reach, wide = width + 2 * reach;
    uint8_t *paper = memory_take((size_t)tall * (size_t)wide);
    for (int y = 0; y < tall; y++)
        for (int x = 0; x < wide; x++)
            paper[y * wide + x] =
                grey[inside(y - reach, height) * width + inside(x - reach, width)];
    extreme(paper, tall, wide, reach, not_less);
    extreme(paper, tall, wide, reach, not_more);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = &grey[y * width + x];
            int there = paper[(y + reach) * wide + x + reach];
            *pixel = (uint8_t)(255 * (there - *pixel) / most(there, SHEET_DARK));
            light[y * width + x] = (uint8_t)there;
        }
    memory_free(paper);
}

sheet sheet_copy(picture from)
{
    int factor = 1;
    while ((int64_t)(from.height / factor) * (from.width / factor) > SHEET_PIXELS) factor++;
    sheet s = {.height = most(1, from.height / factor), .width = most(1, from.width / factor)};
    size_t pixels = (size_t)s.height * (size_t)s.width;
    s.ink = memory_take(pixels);
    s.light = memory_take(pixels);
    s.mask = memory_take(pixels);
    memset(s.mask, 0, pixels);
    picture_scale(from, s.height, s.width, s.ink);
    return s;
}

sheet sheet_open(picture from, ink_kind kind)
{
    sheet s = sheet_copy(from);
    size_t pixels = (size_t)s.height * (size_t)s.width;
    for (size_t i = 0; i < pixels && kind == INK_LIGHT; i++) s.ink[i] = (uint8_t)(255 - s.ink[i]);
    smooth(s.ink, s.height, s.width);
    divide_paper_out(s.ink, s.height, s.width, s.light);
    return s;
}

void sheet_close(sheet *s)
{
    memory_free(s->ink);
    memory_free(s->light);
    memory_free(s->mask);
    *s = (sheet){.ink = NULL};
}
