/* data/augment.c - the kinds of augmentation: their table, their text, their effect on an image. */
#include "data/augment.h"

#include <string.h>

#include "base/text.h"
#include "base/words.h"
#include "kernel/scalar.h"

/* ---- the kinds ---- */

/* The random amounts for one image. */
typedef struct drawing {
    int height, width;       /* of the image, pixels                    */
    double angle;            /* radians                                 */
    double size[2], move[2]; /* factors, pixels: to the right, and down */
    int left, top, side;     /* of the erased square                    */
} drawing;

/* A random word as a number in [-1,1). */
static double either_way(uint32_t word)
{
    return ((double)word - 0x1p31) * 0x1p-31;
}

/* A random word as a whole number in [0,count). */
static int below(uint32_t word, int count)
{
    return (int)((uint64_t)word * (uint64_t)count >> 32);
}

static void draw_rotate(double degrees, const uint32_t *word, drawing *d)
{
    static const double degree = 0x1.1df46a2529d39p-6; /* pi / 180 */
    d->angle = degrees * degree * either_way(word[0]);
}

static void draw_scale(double fraction, const uint32_t *word, drawing *d)
{
    for (int axis = 0; axis < 2; axis++) d->size[axis] = 1 + fraction * either_way(word[axis]);
}

static void draw_shift(double pixels, const uint32_t *word, drawing *d)
{
    for (int axis = 0; axis < 2; axis++) d->move[axis] = pixels * either_way(word[axis]);
}

static void draw_erase(double pixels, const uint32_t *word, drawing *d)
{
    int shorter = d->height < d->width ? d->height : d->width, most = (int)pixels;
    d->side = below(word[0], (most < shorter ? most : shorter) + 1);
    d->left = below(word[1], d->width - d->side + 1);
    d->top = below(word[2], d->height - d->side + 1);
}

enum { DRAWS = 2, WORDS = 4 * DRAWS }; /* random words of an image */

/* first_word: which random words a kind uses. A change here changes the bits of every augmented run. */
static const struct kind {
    const char *name, *form, *must;
    double most;
    int is_whole;
    int first_word;
    void (*draw)(double amount, const uint32_t *word, drawing *d);
} kinds[AUGMENT_KINDS] = {
    [AUGMENT_SHIFT] = {"shift", "shift PIXELS", "must be a number of pixels from 0 to 1024", 1024,
                       0, 3, draw_shift},
    [AUGMENT_ROTATE] = {"rotate", "rotate DEGREES", "must be a number of degrees from 0 to 180",
                        180, 0, 0, draw_rotate},
    [AUGMENT_SCALE] = {"scale", "scale FRACTION", "must be a number from 0 to 0.5", 0.5, 0, 1,
                       draw_scale},
    [AUGMENT_ERASE] = {"erase", "erase SIDE", "must be a whole number of pixels from 0 to 4096",
                       4096, 1, 5, draw_erase},
};

#define NONE "none"

const char *augment_form(int index)
{
    if (index == AUGMENT_KINDS) return NONE;
    return index >= 0 && index < AUGMENT_KINDS ? kinds[index].form : NULL;
}

/* ---- words ---- */

static status unknown(const words *w, failure *why)
{
    const char *names[AUGMENT_KINDS + 1] = {[AUGMENT_KINDS] = NONE};
    for (int i = 0; i < AUGMENT_KINDS; i++) names[i] = kinds[i].name;
    return words_refuse(w, why, "unknown%s",
                        text_suggest(words_peek(w), names, AUGMENT_KINDS + 1).text);
}

static status take_amount(const struct kind *k, words *w, double *amount, failure *why)
{
    int64_t whole = 0;
    if (!k->is_whole) return words_take_real(w, k->must, 0, k->most, amount, why);
    status code = words_take_int(w, k->must, 0, (int64_t)k->most, &whole, why);
    *amount = (double)whole;
    return code;
}

/* One kind and its amount. The amount of a kind that has not been named is negative. */
static status parse_phrase(words *w, double amount[AUGMENT_KINDS], failure *why)
{
    int i = 0;
    while (i < AUGMENT_KINDS && strcmp(words_peek(w), kinds[i].name) != 0) i++;
    if (i == AUGMENT_KINDS && strcmp(words_peek(w), NONE) == 0)
        return words_refuse(w, why, "must be alone");
    if (i == AUGMENT_KINDS) return unknown(w, why);
    if (amount[i] >= 0) return words_refuse(w, why, "appears twice");
    words_accept(w, kinds[i].name);
    status code = take_amount(&kinds[i], w, &amount[i], why);
    return code ? code : words_end(w, kinds[i].form, why);
}

/* Is the text "none" and nothing else? */
static int is_none(const char *text)
{
    const char *phrase;
    size_t length;
    return words_next_phrase(&text, &phrase, &length) && length == strlen(NONE) &&
           strncmp(phrase, NONE, length) == 0 && !words_next_phrase(&text, &phrase, &length);
}

status augment_parse(const char *text, augment_cfg *cfg, failure *why)
{
    const char *phrase;
    size_t length;
    int phrases = 0;
    *cfg = (augment_cfg){{0}};
    if (is_none(text)) return STATUS_OK;
    for (int i = 0; i < AUGMENT_KINDS; i++) cfg->amount[i] = -1;
    for (; words_next_phrase(&text, &phrase, &length); phrases++) {
        words w;
        status code = words_cut(&w, "augment", phrase, length, why);
        if (!code) code = parse_phrase(&w, cfg->amount, why);
        if (code) return code;
    }
    for (int i = 0; i < AUGMENT_KINDS; i++)
        if (cfg->amount[i] < 0) cfg->amount[i] = 0;
    return phrases ? STATUS_OK
                   : fail(why, STATUS_USAGE, "--augment: empty; leave it out, or give " NONE);
}

int augment_is_on(const augment_cfg *cfg)
{
    int on = 0;
    for (int i = 0; i < AUGMENT_KINDS; i++) on |= cfg->amount[i] > 0;
    return on;
}

/* ---- what happens to an image ---- */

/* To the nearest multiple of 2^-16. */
static int32_t to_fixed(double value)
{
    double scaled = value * 0x1p16;
    return (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

/* The affine map of augment.h. */
static void place(const drawing *d, augment_map *m)
{
    double centre[2] = {0.5 * (d->width - 1), 0.5 * (d->height - 1)};
    double sine = scalar_sin(d->angle), cosine = scalar_cos(d->angle);
    double xx = cosine / d->size[0], xy = sine / d->size[0];
    double yx = -sine / d->size[1], yy = cosine / d->size[1];
    double x = -(centre[0] + d->move[0]), y = -(centre[1] + d->move[1]);
    m->xx = to_fixed(xx), m->xy = to_fixed(xy);
    m->yx = to_fixed(yx), m->yy = to_fixed(yy);
    m->x = to_fixed(centre[0] + (xx * x + xy * y));
    m->y = to_fixed(centre[1] + (yx * x + yy * y));
}

augment_map augment_draw(const augment_cfg *cfg, rng_key key, int height, int width)
{
    uint32_t word[WORDS];
    drawing d = {.height = height, .width = width};
    for (int i = 0; i < DRAWS; i++) {
        rng_words drawn = rng_draw(key, (uint32_t)i);
        memcpy(word + 4 * i, drawn.word, sizeof drawn.word);
    }
    for (int i = 0; i < AUGMENT_KINDS; i++)
        kinds[i].draw(cfg->amount[i], word + kinds[i].first_word, &d);
    augment_map m = {.left = d.left, .top = d.top, .side = d.side};
    place(&d, &m);
    return m;
}

/* ---- sampling ---- */

/* One channel of an image: in[(y * width + x) * channels] is its pixel (x, y). */
typedef struct plane {
    const uint8_t *in;
    int height, width, channels;
} plane;

/* Pixel (x, y); 0 outside of the image. */
static inline uint32_t pixel(const plane *p, int x, int y)
{
    return x >= 0 && x < p->width && y >= 0 && y < p->height
               ? p->in[(y * p->width + x) * p->channels]
               : 0;
}

/* The bilinear mean of four neighbours, at right / 256 and down / 256 from the first. The halves of a word hold the upper and
 * the lower row: 255 * 256 fits into 16 bits. */
static inline uint8_t blend(uint32_t top, uint32_t top_right, uint32_t low, uint32_t low_right,
                            uint32_t right, uint32_t down)
{
    uint32_t rows = (top | low << 16) * (256 - right) + (top_right | low_right << 16) * right;
    return (uint8_t)(((rows & 0xffff) * (256 - down) + (rows >> 16) * down + 0x8000) >> 16);
}

/* The old image at (x, y), 2^-16 pixels. */
static inline uint8_t sample(const plane *p, int32_t x, int32_t y)
{
    int column = x >> 16, row = y >> 16;
    uint32_t right = (uint32_t)x >> 8 & 255, down = (uint32_t)y >> 8 & 255;
    if ((unsigned)column < (unsigned)(p->width - 1) && (unsigned)row < (unsigned)(p->height - 1)) {
        const uint8_t *at = p->in + (row * p->width + column) * p->channels;
        const uint8_t *low = at + p->width * p->channels;
        return blend(at[0], at[p->channels], low[0], low[p->channels], right, down);
    }
    if (column < -1 || column >= p->width || row < -1 || row >= p->height) return 0;
    return blend(pixel(p, column, row), pixel(p, column + 1, row), pixel(p, column, row + 1),
                 pixel(p, column + 1, row + 1), right, down);
}

/* The new image of one channel. */
static inline void apply(const augment_map *map, plane p, uint8_t *out)
{
    int32_t x0 = map->x, y0 = map->y;
    for (int row = 0; row < p.height; row++, x0 += map->xy, y0 += map->yy) {
        int32_t x = x0, y = y0;
        for (int column = 0; column < p.width; column++, x += map->xx, y += map->yx)
            out[(row * p.width + column) * p.channels] = sample(&p, x, y);
    }
}

void augment_apply(const augment_map *map, const uint8_t *in, int height, int width, int channels,
                   uint8_t *out)
{
    if (channels == 1) /* compiled for a constant 1 */
        apply(map, (plane){in, height, width, 1}, out);
    else
        for (int c = 0; c < channels; c++)
            apply(map, (plane){in + c, height, width, channels}, out + c);
    for (int row = map->top; row < map->top + map->side; row++)
        memset(out + (row * width + map->left) * channels, 0, (size_t)(map->side * channels));
}
