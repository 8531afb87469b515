/* data/picture_parts.c - connected parts of ink, and those that make one digit. */
#include <string.h>

#include "base/arena.h"
#include "picture_steps.h"

enum {
    /* percent */
    SPECK = 5,        /* of the shorter side: what is smaller in both directions is no ink  */
    MARGIN = 50,      /* of the sheet's border: what touches more of it is a margin         */
    FRAME_SIDE = 60,  /* of both sides: the least extent of a frame                          */
    FRAME_EDGE = 10,  /* of its shorter side: how far from its edges a frame's ink lies      */
    FRAME_SHARE = 85, /* of its ink lies there                                               */
    NEAR = 10,        /* of a digit's size: parts that are this near belong to it            */
    NEAR_SMALL = 25,  /* likewise for parts of less than half of its size                    */
    LARGE = 50,       /* of a digit's size and                                               */
    LARGE_AREA = 20,  /* of its ink: another digit                                           */
    CRUMB_AREA = 4,   /* of its ink: less does not make the digit's box larger               */
    SPECK_PIXELS = 3
};

typedef struct part {
    sheet_box box;
    int64_t area, edge; /* pixels; of these, near the box's edges */
    int touching;       /* pixels on the sheet's border           */
    int dropped, chosen;
} part;

typedef struct parts {
    int count;
    int *label; /* [height, width] number of the part, or -1 */
    part *part; /* [count] */
} parts;

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

static int box_size(sheet_box b)
{
    return most(b.bottom - b.top, b.right - b.left);
}

static sheet_box box_of_both(sheet_box a, sheet_box b)
{
    return (sheet_box){least(a.top, b.top), most(a.bottom, b.bottom), least(a.left, b.left),
                       most(a.right, b.right)};
}

/* Pixels between two boxes, in the direction in which they are farther apart; 0, where they overlap. */
static int box_gap(sheet_box a, sheet_box b)
{
    int down = most(a.top, b.top) - least(a.bottom, b.bottom);
    int right = most(a.left, b.left) - least(a.right, b.right);
    return most(0, most(down, right));
}

/* Numbers of all parts: fills label, returns how many. stack: [height * width]. */
static int number_parts(const sheet *s, int *label, int *stack)
{
    int count = 0;
    for (int i = 0; i < s->height * s->width; i++) label[i] = -1;
    for (int i = 0; i < s->height * s->width; i++) {
        if (!s->mask[i] || label[i] >= 0) continue;
        int waiting = 1;
        stack[0] = i, label[i] = count;
        while (waiting) {
            int at = stack[--waiting], y = at / s->width, x = at % s->width;
            for (int v = most(y - 1, 0); v <= least(y + 1, s->height - 1); v++)
                for (int u = most(x - 1, 0); u <= least(x + 1, s->width - 1); u++) {
                    int next = v * s->width + u;
                    if (!s->mask[next] || label[next] >= 0) continue;
                    label[next] = count;
                    stack[waiting++] = next;
                }
        }
        count++;
    }
    return count;
}

static void measure(const sheet *s, parts *p)
{
    for (int i = 0; i < p->count; i++) p->part[i].box = (sheet_box){s->height, 0, s->width, 0};
    for (int i = 0; i < s->height * s->width; i++) {
        if (p->label[i] < 0) continue;
        part *own = &p->part[p->label[i]];
        int y = i / s->width, x = i % s->width;
        own->box = box_of_both(own->box, (sheet_box){y, y + 1, x, x + 1});
        own->area++;
        own->touching += y == 0 || x == 0 || y == s->height - 1 || x == s->width - 1;
    }
    for (int i = 0; i < s->height * s->width; i++) {
        if (p->label[i] < 0) continue;
        part *own = &p->part[p->label[i]];
        const sheet_box *b = &own->box;
        int y = i / s->width, x = i % s->width;
        int edge = most(2, least(b->bottom - b->top, b->right - b->left) * FRAME_EDGE / 100);
        own->edge += y - b->top < edge || b->bottom - 1 - y < edge || x - b->left < edge ||
                     b->right - 1 - x < edge;
    }
}

static parts open_parts(const sheet *s)
{
    size_t pixels = (size_t)s->height * (size_t)s->width;
    parts p = {.label = memory_take(pixels * sizeof(int))};
    int *stack = memory_take(pixels * sizeof(int));
    p.count = number_parts(s, p.label, stack);
    memory_free(stack);
    p.part = memory_take((size_t)(p.count + 1) * sizeof *p.part);
    memset(p.part, 0, (size_t)(p.count + 1) * sizeof *p.part);
    measure(s, &p);
    return p;
}

static int is_frame(const sheet *s, const part *p)
{
    return 100 * (p->box.bottom - p->box.top) >= FRAME_SIDE * s->height &&
           100 * (p->box.right - p->box.left) >= FRAME_SIDE * s->width &&
           100 * p->edge >= FRAME_SHARE * p->area;
}

/* Drops what is no ink of a digit, except that a frame alone stays. Returns 1, if there was a frame. */
static int drop_others(const sheet *s, parts *p)
{
    int border = 2 * (s->height + s->width) - 4, left = 0, framed = 0;
    int speck = most(SPECK_PIXELS, SPECK * least(s->height, s->width) / 100);
    for (int i = 0; i < p->count; i++) {
        part *own = &p->part[i];
        own->dropped = box_size(own->box) < speck || 100 * own->touching > MARGIN * border;
        left += !own->dropped && !is_frame(s, own);
    }
    for (int i = 0; i < p->count && left; i++) {
        if (p->part[i].dropped || !is_frame(s, &p->part[i])) continue;
        p->part[i].dropped = framed = 1;
    }
    return framed;
}

/* The part with most ink; one that touches the border counts a quarter. -1: none is left. */
static int main_part(const parts *p)
{
    int best = -1;
    int64_t largest = 0;
    for (int i = 0; i < p->count; i++) {
        int64_t area = p->part[i].touching ? p->part[i].area : 4 * p->part[i].area;
        if (p->part[i].dropped || area <= largest) continue;
        largest = area;
        best = i;
    }
    return best;
}

static int belongs(const part *p, const part *first, sheet_box box)
{
    int size = box_size(box), small = 100 * box_size(p->box) < LARGE * size;
    if (p->touching && !first->touching) return 0;
    if (100 * p->area < CRUMB_AREA * first->area) return 0;
    return 100 * box_gap(p->box, box) <= (small ? NEAR_SMALL : NEAR) * size;
}

/* Chooses the parts of the digit that `first` is of; returns their box. */
static sheet_box choose_parts(parts *p, int first)
{
    sheet_box box = p->part[first].box;
    p->part[first].chosen = 1;
    for (int grown = 1; grown;) {
        grown = 0;
        for (int i = 0; i < p->count; i++) {
            part *own = &p->part[i];
            if (own->dropped || own->chosen || !belongs(own, &p->part[first], box)) continue;
            own->chosen = grown = 1;
            box = box_of_both(box, own->box);
        }
    }
    return box;
}

/* Parts outside the digit that are as large as one, and whole. */
static int other_digits(const parts *p, int first, sheet_box box)
{
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        const part *own = &p->part[i];
        if (own->dropped || own->chosen || own->touching) continue;
        count += 100 * box_size(own->box) >= LARGE * box_size(box) &&
                 100 * own->area >= LARGE_AREA * p->part[first].area;
    }
    return count;
}

/* Leaves the chosen parts alone in the mask, and measures them. */
static void keep_chosen(sheet *s, const parts *p, sheet_digit *d)
{
    for (int i = 0; i < s->height * s->width; i++)
        s->mask[i] = p->label[i] >= 0 && p->part[p->label[i]].chosen;
    int64_t missing = 0, paper = 0;
    for (int i = 0; i < s->height * s->width; i++) {
        if (!s->mask[i]) continue;
        int y = i / s->width, x = i % s->width;
        d->area++;
        paper += s->light[i];
        missing += s->ink[i] * most(s->light[i], SHEET_DARK);
        d->outline += y == 0 || !s->mask[i - s->width];
        d->outline += y == s->height - 1 || !s->mask[i + s->width];
        d->outline += x == 0 || !s->mask[i - 1];
        d->outline += x == s->width - 1 || !s->mask[i + 1];
    }
    d->contrast = (int)(missing / (255 * most(1, (int)d->area)));
    d->ink = (int)(paper / most(1, (int)d->area)) - d->contrast;
}

sheet_digit sheet_find_digit(sheet *s)
{
    sheet_digit d = {.digits = 0};
    parts p = open_parts(s);
    d.lines = drop_others(s, &p);
    int first = main_part(&p);
    if (first >= 0) {
        d.box = choose_parts(&p, first);
        d.digits = 1 + other_digits(&p, first, d.box);
        keep_chosen(s, &p, &d);
    }
    memory_free(p.label);
    memory_free(p.part);
    return d;
}
