/* data/source_synthetic.c - a source: digits that the program draws itself (data/synthetic.h). */
#include <stdio.h>
#include <string.h>

#include "data/synthetic.h"
#include "source.h"

static int recognise(const char *where, int is_folder)
{
    return !where || (strcmp(where, "synthetic") == 0 && !is_folder);
}

static status probe(const char *where, dataset_plan *plan, failure *why)
{
    const dataset_cfg *cfg = &plan->cfg;
    (void)where;
    if (cfg->synthetic_train < 1 || cfg->synthetic_test < 1)
        return fail(why, STATUS_USAGE,
                    "%d training and %d test digits, expected at least 1 of each",
                    cfg->synthetic_train, cfg->synthetic_test);
    plan->height = plan->width = SYNTHETIC_SIDE;
    plan->channels = 1;
    plan->train = cfg->synthetic_train, plan->test = cfg->synthetic_test;
    snprintf(plan->name, sizeof plan->name, "synthetic");
    snprintf(plan->folder, sizeof plan->folder, "synthetic");
    snprintf(plan->note, sizeof plan->note, "NOT MNIST, built-in digits (expect about 0.98)");
    return STATUS_OK;
}

static void draw_set(uint64_t seed, synthetic_set set, int count, uint8_t *pixels, uint8_t *labels)
{
    const size_t image = (size_t)SYNTHETIC_SIDE * SYNTHETIC_SIDE;
    for (int i = 0; i < count; i++)
        labels[i] = (uint8_t)synthetic_draw(seed, set, i, pixels + (size_t)i * image);
}

static status draw_parts(const dataset_plan *plan, uint8_t *const part[DATASET_PARTS], failure *why)
{
    (void)why;
    draw_set(plan->cfg.seed, SYNTHETIC_TRAIN, plan->train, part[TRAIN_PIXELS], part[TRAIN_LABELS]);
    draw_set(plan->cfg.seed, SYNTHETIC_TEST, plan->test, part[TEST_PIXELS], part[TEST_LABELS]);
    return STATUS_OK;
}

const dataset_source source_synthetic = {
    .form = "synthetic",
    .classes = SYNTHETIC_CLASSES,
    .recognise = recognise,
    .probe = probe,
    .read = draw_parts,
};
