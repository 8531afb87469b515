/* data/idx_values.c - elements of any IDX type as bytes. */
#include "idx_values.h"

#include <math.h>
#include <string.h>

#define SLACK 1e-3 /* a step of 1/255 in 32-bit floats is off by 2e-5 of a step at most */

enum { QMNIST_COLUMNS = 8 };

idx_values idx_values_begin(const idx_file *f, idx_kind kind, uint8_t *out)
{
    int is_float = f->header.type == IDX_FLOATS || f->header.type == IDX_DOUBLES;
    return (idx_values){.f = f,
                        .kind = kind,
                        .unit = is_float && kind == IDX_IMAGES,
                        .one_hot = f->header.columns > 1,
                        .out = out};
}

/* The element at `raw`, as it is stored. */
static double value_at(const idx_header *h, const uint8_t *raw)
{
    uint64_t bits = 0;
    int bytes = idx_element_bytes(h);
    for (int i = 0; i < bytes; i++) bits = bits << 8 | raw[h->little ? bytes - 1 - i : i];
    uint32_t low = (uint32_t)bits;
    float single;
    double whole;
    memcpy(&single, &low, sizeof single);
    memcpy(&whole, &bits, sizeof whole);
    switch (h->type) {
    case IDX_SIGNED_BYTES:
        return (int8_t)bits;
    case IDX_SHORTS:
        return (int16_t)bits;
    case IDX_INTEGERS:
        return (int32_t)bits;
    case IDX_FLOATS:
        return (double)single;
    case IDX_DOUBLES:
        return whole;
    default:
        return (double)bits;
    }
}

static int is_byte(double value)
{
    return value >= 0 && value <= 255 && value == floor(value);
}

/* ---- pixels ---- */

/* The value is above 1, so that the file holds whole numbers: what came before it were 0s and 1s, or it is refused. */
static int leave_unit(idx_values *v)
{
    v->unit = 0;
    for (size_t i = 0; i < v->done; i++) {
        if (v->out[i] != 0 && v->out[i] != 255) return 0;
        v->out[i] = v->out[i] == 255;
    }
    return 1;
}

static int put_pixel(idx_values *v, double value)
{
    double step = floor(value * 255 + 0.5);
    if (v->unit && value > 1 && !leave_unit(v)) return 0;
    int fits = v->unit ? value >= 0 && fabs(value * 255 - step) <= SLACK : is_byte(value);
    if (fits) v->out[v->done++] = (uint8_t)(v->unit ? step : value);
    return fits;
}

static status refuse_pixel(const idx_values *v, double value, failure *why)
{
    const idx_header *h = &v->f->header;
    size_t image = (size_t)h->height * (size_t)h->width * (size_t)h->channels;
    return fail(
        why, STATUS_BAD_DATA,
        "%s: pixel %zu of image %zu is %g (%s): pixels must be whole numbers from 0 to 255, "
        "or steps of 1/255 from 0 to 1. Write the file with bytes (type 0x08)",
        v->f->path, v->done % image, v->done / image, value, idx_extent(h, IDX_IMAGES).text);
}

/* ---- labels ---- */

/* The place of the only 1 among 0s, or -1. */
static int place_of_one(const idx_header *h, const uint8_t *raw)
{
    int place = -1, bytes = idx_element_bytes(h);
    for (int c = 0; c < h->columns; c++) {
        double value = value_at(h, raw + c * bytes);
        if (value != 0 && (value != 1 || place >= 0)) return -1;
        if (value == 1) place = c;
    }
    return place;
}

/* A row is not one-hot, so the label is the first number of each: 1 where the place of the 1 was 0. */
static int leave_one_hot(idx_values *v)
{
    v->one_hot = 0;
    for (size_t i = 0; i < v->done; i++) v->out[i] = v->out[i] == 0;
    return v->f->header.columns == QMNIST_COLUMNS;
}

static int put_label(idx_values *v, const uint8_t *raw)
{
    const idx_header *h = &v->f->header;
    double label = value_at(h, raw);
    if (v->one_hot) {
        int place = place_of_one(h, raw);
        if (place < 0 && !leave_one_hot(v)) return 0;
        if (v->one_hot) label = place;
    }
    if (!is_byte(label)) return 0;
    v->out[v->done++] = (uint8_t)label;
    return 1;
}

static status refuse_label(const idx_values *v, const uint8_t *raw, failure *why)
{
    const idx_header *h = &v->f->header;
    if (h->columns > 1 && h->columns != QMNIST_COLUMNS)
        return fail(why, STATUS_BAD_DATA,
                    "%s: row %zu of %s has no single 1 among 0s: labels must be one number each, "
                    "one-hot, or QMNIST's 8 columns",
                    v->f->path, v->done, idx_extent(h, IDX_LABELS).text);
    return fail(why, STATUS_BAD_DATA,
                "%s: label %g at position %zu (from 0), expected a whole number from 0 to 255",
                v->f->path, value_at(h, raw), v->done);
}

/* ---- both ---- */

status idx_values_put(idx_values *v, const uint8_t *raw, size_t bytes, failure *why)
{
    const idx_header *h = &v->f->header;
    size_t row = (size_t)h->columns * (size_t)idx_element_bytes(h);
    for (size_t at = 0; at + row <= bytes; at += row) {
        if (v->kind == IDX_LABELS && !put_label(v, raw + at)) return refuse_label(v, raw + at, why);
        if (v->kind == IDX_IMAGES && !put_pixel(v, value_at(h, raw + at)))
            return refuse_pixel(v, value_at(h, raw + at), why);
    }
    return STATUS_OK;
}
