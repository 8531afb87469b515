/* data/picture_lines.c - lines of ruled and squared paper. */
#include <string.h>

#include "base/arena.h"
#include "picture_steps.h"

enum {
    SLANTS = 12,        /* steps of slant to each side; SLANTS of them are 1 / FLAT */
    FLAT = 11,          /* 1 / 11: five degrees                                     */
    SHARE_OF_SIDE = 60, /* percent of the sheet's side that a line covers           */
    THIN = 30           /* a line has at most 1 / THIN of the side, or 2 pixels      */
};

/* The sheet seen with its rows level: as it is, or with rows and columns exchanged. */
typedef struct view {
    int height, width;
    int down, right; /* distance in memory of the next pixel of that direction */
    uint8_t *ink, *mask;
} view;

/* How far a line of this slant lies below row 0 at column x. */
static int drop(const view *v, int slant, int x)
{
    return slant * x / (SLANTS * FLAT) + (slant < 0 ? v->width / FLAT : 0);
}

static int rows_of(const view *v)
{
    return v->height + 2 * (v->width / FLAT) + 2;
}

/* count[row + offset]: ink along the slanted line that begins in that row. */
static void count_rows(const view *v, int slant, int *count)
{
    memset(count, 0, (size_t)rows_of(v) * sizeof *count);
    for (int x = 0; x < v->width; x++) {
        int *row = count + v->width / FLAT + 1 - drop(v, slant, x);
        const uint8_t *mask = v->mask + x * v->right;
        for (int y = 0; y < v->height; y++) row[y] += mask[y * v->down];
    }
}

static int is_line(const view *v, int count)
{
    return 100 * count >= SHARE_OF_SIDE * v->width;
}

/* The slant of which the counts in lines are largest; count receives them. */
static int best_slant(const view *v, int *count)
{
    int best = 0;
    int64_t largest = 0;
    for (int slant = -SLANTS; slant <= SLANTS; slant++) {
        int64_t sum = 0;
        count_rows(v, slant, count);
        for (int i = 0; i < rows_of(v); i++)
            if (is_line(v, count[i])) sum += (int64_t)count[i] * count[i];
        if (sum > largest || (sum == largest && slant == 0)) largest = sum, best = slant;
    }
    count_rows(v, best, count);
    return best;
}

/* 1, if there is ink in this row next to column x. */
static int ink_near(const view *v, int y, int x)
{
    if (y < 0 || y >= v->height) return 0;
    for (int i = -2; i <= 2; i++)
        if (x + i >= 0 && x + i < v->width && v->mask[y * v->down + (x + i) * v->right]) return 1;
    return 0;
}

/* Rows [first, end) of column 0, following the slant; a stroke with ink above and below stays. */
static void erase(const view *v, int slant, int first, int end)
{
    for (int x = 0; x < v->width; x++) {
        int top = first + drop(v, slant, x), bottom = end + drop(v, slant, x);
        if (ink_near(v, top - 1, x) && ink_near(v, bottom, x)) continue;
        for (int y = top < 0 ? 0 : top; y < bottom && y < v->height; y++)
            v->ink[y * v->down + x * v->right] = 0, v->mask[y * v->down + x * v->right] = 0;
    }
}

static int erase_level(const view *v)
{
    int *count = memory_take((size_t)rows_of(v) * sizeof *count);
    int slant = best_slant(v, count), offset = v->width / FLAT + 1, lines = 0;
    int thickest = v->height / THIN > 2 ? v->height / THIN : 2;
    for (int i = 0; i < rows_of(v); i++) {
        int first = i;
        while (i < rows_of(v) && is_line(v, count[i])) i++;
        if (i == first || i - first > thickest) continue;
        erase(v, slant, first - offset - 1, i - offset + 1);
        lines++;
    }
    memory_free(count);
    return lines;
}

int sheet_erase_lines(sheet *s)
{
    const view level = {s->height, s->width, s->width, 1, s->ink, s->mask};
    const view plumb = {s->width, s->height, 1, s->width, s->ink, s->mask};
    int lines = erase_level(&level);
    return lines + erase_level(&plumb);
}
