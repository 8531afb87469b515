/* data/sources.c - the list of sources, in the order in which they are asked. */
#include "source.h"

static const dataset_source *const sources[] = {&source_idx, &source_synthetic};

const dataset_source *source_at(int index)
{
    int count = sizeof sources / sizeof *sources;
    return index >= 0 && index < count ? sources[index] : NULL;
}

const char *dataset_form(int index)
{
    const dataset_source *source = source_at(index);
    return source ? source->form : NULL;
}
