/* data/dataset.c - fills the memory of a data set, checks it, computes its digest, gives pointers into it. */
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/text.h"
#include "dataset_classes.h"
#include "dataset_layout.h"

/* What dataset_view needs to know of the content. It lies in the spare bytes at the end. */
typedef struct trailer {
    uint8_t digest[16], test_digest[16];
} trailer;
_Static_assert(sizeof(trailer) <= DATASET_ALIGN, "the trailer fits into the spare bytes");

static void little_endian(uint32_t value, uint8_t bytes[4])
{
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

/* Of the parts from `first` on; without the training parts, the test set has the digest of a data set without training
 * images. */
static void digest_parts(const dataset_plan *plan, const uint8_t *memory, int first,
                         uint8_t digest[16])
{
    dataset_layout l = dataset_layout_of(plan);
    const int extent[4] = {plan->height, plan->width, first ? 0 : plan->train, plan->test};
    uint8_t head[16];
    XXH128_canonical_t canonical;
    XXH3_state_t *state = XXH3_createState();
    CHECK(state, "%s", "no memory for the digest");
    for (int i = 0; i < 4; i++) little_endian((uint32_t)extent[i], head + 4 * i);
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, head, sizeof head);
    for (int part = first; part < DATASET_PARTS; part++)
        XXH3_128bits_update(state, memory + l.offset[part], l.length[part]);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    memcpy(digest, canonical.digest, 16);
}

status dataset_load(const dataset_plan *plan, void *memory, failure *why)
{
    dataset_layout l = dataset_layout_of(plan);
    uint8_t *part[DATASET_PARTS];
    trailer end;
    CHECK((uintptr_t)memory % DATASET_ALIGN == 0, "memory at %p", memory);
    for (int i = 0; i < DATASET_PARTS; i++) part[i] = (uint8_t *)memory + l.offset[i];
    status code = source_at(plan->source)->read(plan, part, why);
    if (!code) code = dataset_check_labels(plan, TRAIN_LABELS, part[TRAIN_LABELS], why);
    if (!code) code = dataset_check_labels(plan, TEST_LABELS, part[TEST_LABELS], why);
    if (code) return code;
    digest_parts(plan, memory, TRAIN_PIXELS, end.digest);
    digest_parts(plan, memory, TEST_PIXELS, end.test_digest);
    memcpy((uint8_t *)memory + l.trailer, &end, sizeof end);
    return STATUS_OK;
}

dataset dataset_view(const dataset_plan *plan, const void *memory)
{
    dataset_layout l = dataset_layout_of(plan);
    const uint8_t *bytes = memory;
    trailer end;
    memcpy(&end, bytes + l.trailer, sizeof end);
    dataset d = {
        .height = plan->height,
        .width = plan->width,
        .channels = plan->channels,
        .classes = plan->classes,
        .train = {plan->train, bytes + l.offset[TRAIN_PIXELS], bytes + l.offset[TRAIN_LABELS]},
        .test = {plan->test, bytes + l.offset[TEST_PIXELS], bytes + l.offset[TEST_LABELS]}};
    memcpy(d.name, plan->name, sizeof d.name);
    memcpy(d.note, plan->note, sizeof d.note);
    memcpy(d.remark, plan->remark, sizeof d.remark);
    memcpy(d.folder, plan->folder, sizeof d.folder);
    for (int part = 0; part < DATASET_PARTS; part++)
        if (plan->file[part][0])
            snprintf(d.file[part], DATASET_PATH, "%s", plan->file[part] + plan->file_at);
    text_hex(end.digest, sizeof end.digest, d.digest);
    text_hex(end.test_digest, sizeof end.test_digest, d.test_digest);
    return d;
}

/* NULL for a data set that is only planned. */
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
    size_t image = dataset_image_bytes(d);
    *train = (dataset_split){first, d->train.pixels, d->train.labels};
    *validation = (dataset_split){count - first, behind(d->train.pixels, (size_t)first * image),
                                  behind(d->train.labels, (size_t)first)};
}
