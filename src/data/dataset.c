/* data/dataset.c - fills the memory of a data set, checks and digests it, and points into it. */
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/text.h"
#include "data/synthetic.h"
#include "dataset_layout.h"

/* What dataset_view needs to know of the content; lies in the spare bytes at the end. */
typedef struct trailer {
    int32_t classes;
    char digest[33];
} trailer;
_Static_assert(sizeof(trailer) <= DATASET_ALIGN, "the trailer fits into the spare bytes");

dataset_layout dataset_layout_of(const dataset_plan *plan)
{
    size_t pixels = (size_t)plan->height * (size_t)plan->width;
    size_t train = (size_t)plan->train, test = (size_t)plan->test, at = 0;
    dataset_layout l = {.length = {train * pixels, train, test * pixels, test}};
    for (int part = 0; part < DATASET_PARTS; part++) {
        l.offset[part] = at;
        at += (l.length[part] + DATASET_ALIGN - 1) / DATASET_ALIGN * DATASET_ALIGN;
    }
    l.trailer = at;
    l.bytes = at + DATASET_ALIGN;
    return l;
}

static status read_files(const dataset_plan *plan, const dataset_layout *l, uint8_t *memory,
                         message *why)
{
    for (int part = 0; part < DATASET_PARTS; part++) {
        idx_kind kind = part % 2 ? IDX_LABELS : IDX_IMAGES;
        idx_header header = {part < 2 ? plan->train : plan->test, 1, 1};
        if (kind == IDX_IMAGES) header.height = plan->height, header.width = plan->width;
        status code = idx_read(plan->file[part], kind, &header, memory + l->offset[part], why);
        if (code) return code;
    }
    return STATUS_OK;
}

static void draw_set(const dataset_plan *plan, synthetic_set set, int count, uint8_t *pixels,
                     uint8_t *labels)
{
    for (int i = 0; i < count; i++)
        labels[i] = (uint8_t)synthetic_draw(plan->cfg.seed, set, i,
                                            pixels + (size_t)i * SYNTHETIC_SIDE * SYNTHETIC_SIDE);
}

static void draw_digits(const dataset_plan *plan, const dataset_layout *l, uint8_t *memory)
{
    draw_set(plan, SYNTHETIC_TRAIN, plan->train, memory + l->offset[0], memory + l->offset[1]);
    draw_set(plan, SYNTHETIC_TEST, plan->test, memory + l->offset[2], memory + l->offset[3]);
}

static const char *label_source(const dataset_plan *plan, int part)
{
    return plan->kind == DATASET_FILES ? plan->file[part] : "the synthetic digits";
}

/* The classes that the settings or the training labels say. */
static int count_classes(const dataset_plan *plan, const uint8_t *labels, size_t count)
{
    int largest = 0;
    if (plan->cfg.classes) return plan->cfg.classes;
    for (size_t i = 0; i < count; i++)
        if (labels[i] > largest) largest = labels[i];
    return 1 + largest;
}

static status check_labels(const char *source, const uint8_t *labels, size_t count, int classes,
                           message *why)
{
    for (size_t i = 0; i < count; i++)
        if (labels[i] >= classes)
            return fail(why, STATUS_BAD_DATA,
                        "%s: label %d at position %zu (from 0), expected 0 to %d (%d classes)",
                        source, labels[i], i, classes - 1, classes);
    return STATUS_OK;
}

static void little_endian(uint32_t value, uint8_t bytes[4])
{
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

static void digest_parts(const dataset_plan *plan, const dataset_layout *l, const uint8_t *memory,
                         char text[33])
{
    const int extent[4] = {plan->height, plan->width, plan->train, plan->test};
    uint8_t head[16];
    XXH128_canonical_t canonical;
    XXH3_state_t *state = XXH3_createState();
    CHECK(state, "%s", "no memory for the digest");
    for (int i = 0; i < 4; i++) little_endian((uint32_t)extent[i], head + 4 * i);
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, head, sizeof head);
    for (int part = 0; part < DATASET_PARTS; part++)
        XXH3_128bits_update(state, memory + l->offset[part], l->length[part]);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    text_hex(canonical.digest, sizeof canonical.digest, text);
}

status dataset_load(const dataset_plan *plan, void *memory, message *why)
{
    dataset_layout l = dataset_layout_of(plan);
    uint8_t *bytes = memory;
    CHECK((uintptr_t)memory % DATASET_ALIGN == 0, "memory at %p", memory);
    status code = STATUS_OK;
    if (plan->kind == DATASET_FILES)
        code = read_files(plan, &l, bytes, why);
    else
        draw_digits(plan, &l, bytes);
    trailer end = {.classes = 0};
    if (!code) end.classes = count_classes(plan, bytes + l.offset[1], l.length[1]);
    for (int part = 1; !code && part < DATASET_PARTS; part += 2)
        code = check_labels(label_source(plan, part), bytes + l.offset[part], l.length[part],
                            end.classes, why);
    if (code) return code;
    digest_parts(plan, &l, bytes, end.digest);
    memcpy(bytes + l.trailer, &end, sizeof end);
    return STATUS_OK;
}

dataset dataset_view(const dataset_plan *plan, const void *memory)
{
    dataset_layout l = dataset_layout_of(plan);
    const uint8_t *bytes = memory;
    trailer end;
    memcpy(&end, bytes + l.trailer, sizeof end);
    dataset d = {.height = plan->height,
                 .width = plan->width,
                 .classes = end.classes,
                 .train = {plan->train, bytes + l.offset[0], bytes + l.offset[1]},
                 .test = {plan->test, bytes + l.offset[2], bytes + l.offset[3]}};
    memcpy(d.name, plan->name, sizeof d.name);
    memcpy(d.note, plan->note, sizeof d.note);
    memcpy(d.digest, end.digest, sizeof d.digest);
    return d;
}

/* Of a data set that is only planned there is nothing to point at. */
static const uint8_t *behind(const uint8_t *begin, size_t bytes)
{
    return begin ? begin + bytes : NULL;
}

void dataset_cut(const dataset *d, int limit, double validation_fraction, dataset_split *train,
                 dataset_split *validation)
{
    CHECK(validation_fraction >= 0 && validation_fraction < 1, "fraction %g", validation_fraction);
    CHECK(limit >= 0, "limit %d", limit);
    int count = limit && limit < d->train.count ? limit : d->train.count;
    int first = (int)floor(count * (1.0 - validation_fraction));
    size_t image = (size_t)d->height * (size_t)d->width;
    *train = (dataset_split){first, d->train.pixels, d->train.labels};
    *validation = (dataset_split){count - first, behind(d->train.pixels, (size_t)first * image),
                                  behind(d->train.labels, (size_t)first)};
}
