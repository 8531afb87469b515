/* data/dataset_layout.c - sizes of images, where the parts of a data set lie, and remarks about it. */
#include "dataset_layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "data/idx.h"
_Static_assert((int)DATASET_ALIGN >= IDX_ROOM, "idx_read spoils no other part");

size_t dataset_image_bytes(const dataset *d)
{
    return (size_t)d->height * (size_t)d->width * (size_t)d->channels;
}

dataset_extent_text dataset_extent(int height, int width, int channels)
{
    dataset_extent_text out;
    int n = snprintf(out.text, sizeof out.text, "%d x %d", height, width);
    if (channels > 1) snprintf(out.text + n, sizeof out.text - (size_t)n, " x %d", channels);
    return out;
}

dataset_layout dataset_layout_of(const dataset_plan *plan)
{
    size_t image = (size_t)plan->height * (size_t)plan->width * (size_t)plan->channels;
    size_t train = (size_t)plan->train, test = (size_t)plan->test, at = 0;
    dataset_layout l = {.length = {[TRAIN_PIXELS] = train * image,
                                   [TRAIN_LABELS] = train,
                                   [TEST_PIXELS] = test * image,
                                   [TEST_LABELS] = test}};
    for (int part = 0; part < DATASET_PARTS; part++) {
        l.offset[part] = at += DATASET_ALIGN;
        at += (l.length[part] + DATASET_ALIGN - 1) / DATASET_ALIGN * DATASET_ALIGN;
    }
    l.trailer = at;
    l.bytes = at + DATASET_ALIGN;
    return l;
}

void dataset_remark(dataset_plan *plan, const char *format, ...)
{
    va_list values;
    size_t used = strlen(plan->remark), size = sizeof plan->remark;
    if (used) used += (size_t)snprintf(plan->remark + used, size - used, "; ");
    if (used >= size) return;
    va_start(values, format);
    vsnprintf(plan->remark + used, size - used, format, values);
    va_end(values);
}
