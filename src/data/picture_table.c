/* data/picture_table.c - a sheet of paper on a table, or with margins of another colour. */
#include <string.h>

#include "base/arena.h"
#include "picture_steps.h"

enum {
    /* percent */
    BORDER = 85, /* of the picture's border is table                              */
    LINE = 40,   /* of a row or column is paper: it belongs to the sheet          */
    FILLED = 60, /* of the sheet's rectangle is paper; of digits' boxes, less is ink */
    EXTENT = 30, /* of the picture is the sheet's rectangle                       */
    CUT = 2      /* of the rectangle's sides is cut off: its edges are never straight */
};

/* What is on the other side of a level than the border. */
typedef struct levels {
    picture p;
    int level, light_border;
} levels;

static int is_sheet(const levels *l, int y, int x)
{
    int light = l->p.grey[(size_t)y * (size_t)l->p.width + (size_t)x] >= l->level;
    return light != l->light_border;
}

/* Sets light_border; 1 if the border has one colour. */
static int border_of_one_colour(levels *l)
{
    int height = l->p.height, width = l->p.width;
    int64_t light = 0, all = 2 * (int64_t)(height + width);
    l->light_border = 0;
    for (int x = 0; x < width; x++) light += is_sheet(l, 0, x) + is_sheet(l, height - 1, x);
    for (int y = 0; y < height; y++) light += is_sheet(l, y, 0) + is_sheet(l, y, width - 1);
    l->light_border = 2 * light > all;
    return 100 * (l->light_border ? light : all - light) >= BORDER * all;
}

/* [*first, *end): the rows, or columns, of which LINE percent are sheet. */
static void extent(const levels *l, int columns, int *first, int *end)
{
    int lines = columns ? l->p.width : l->p.height, length = columns ? l->p.height : l->p.width;
    *first = lines, *end = 0;
    for (int i = 0; i < lines; i++) {
        int64_t count = 0;
        for (int j = 0; j < length; j++) count += columns ? is_sheet(l, j, i) : is_sheet(l, i, j);
        if (100 * count < (int64_t)LINE * length) continue;
        if (i < *first) *first = i;
        *end = i + 1;
    }
}

static int is_filled(const levels *l, sheet_box b)
{
    int64_t count = 0, all = (int64_t)(b.bottom - b.top) * (b.right - b.left);
    for (int y = b.top; y < b.bottom; y++)
        for (int x = b.left; x < b.right; x++) count += is_sheet(l, y, x);
    return 100 * count >= FILLED * all && 100 * all >= EXTENT * (int64_t)l->p.height * l->p.width;
}

picture picture_sheet(picture from, uint8_t **copy)
{
    levels l = {.p = from, .level = picture_otsu(from)};
    sheet_box b;
    *copy = NULL;
    if (!border_of_one_colour(&l)) return from;
    extent(&l, 0, &b.top, &b.bottom);
    extent(&l, 1, &b.left, &b.right);
    if (b.top >= b.bottom || b.left >= b.right || !is_filled(&l, b)) return from;
    int down = 1 + (b.bottom - b.top) * CUT / 100, across = 1 + (b.right - b.left) * CUT / 100;
    picture part = {b.bottom - b.top - 2 * down, b.right - b.left - 2 * across, NULL};
    if (part.height < 1 || part.width < 1) return from;
    *copy = memory_take((size_t)part.height * (size_t)part.width);
    for (int y = 0; y < part.height; y++)
        memcpy(*copy + (size_t)y * (size_t)part.width,
               from.grey + (size_t)(b.top + down + y) * (size_t)from.width + b.left + across,
               (size_t)part.width);
    part.grey = *copy;
    return part;
}
