/* data/dataset_classes.c - reads the labels of a data set, and counts its classes. */
#include "dataset_classes.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "dataset_layout.h"

static int labels_in(const dataset_plan *plan, int part)
{
    return part == TRAIN_LABELS ? plan->train : plan->test;
}

static const char *source_of(const dataset_plan *plan, int part)
{
    return plan->file[part][0] ? plan->file[part] : plan->name;
}

status dataset_check_labels(const dataset_plan *plan, int part, const uint8_t *labels, failure *why)
{
    int classes = plan->classes, largest = 0;
    char hint[96] = "";
    for (int i = 0; i < labels_in(plan, part); i++)
        if (labels[i] > largest) largest = labels[i];
    if (largest < classes) return STATUS_OK;
    if (plan->cfg.classes)
        snprintf(hint, sizeof hint, ", as --classes or the weights say");
    else if (part == TEST_LABELS)
        snprintf(hint, sizeof hint,
                 ". Is it a class without training images? Then give --classes %d", largest + 1);
    int i = 0;
    while (labels[i] < classes) i++;
    return fail(why, STATUS_BAD_DATA,
                "%s: label %d at position %d (from 0), expected 0 to %d (%d classes)%s",
                source_of(plan, part), labels[i], i, classes - 1, classes, hint);
}

/* As the settings say, else as the labels of the training set do, or of the test set where there is no other. */
static status count(dataset_plan *plan, const uint8_t *train, const uint8_t *test, failure *why)
{
    int part = plan->train ? TRAIN_LABELS : TEST_LABELS, labels = labels_in(plan, part);
    const uint8_t *label = plan->train ? train : test;
    int smallest = 255, largest = 0;
    for (int i = 0; i < labels; i++) {
        if (label[i] < smallest) smallest = label[i];
        if (label[i] > largest) largest = label[i];
    }
    plan->classes = plan->cfg.classes ? plan->cfg.classes : 1 + largest;
    if (smallest == largest && !plan->cfg.classes)
        return fail(why, STATUS_BAD_DATA,
                    "%s: all %d labels are %d: with one class there is nothing to tell apart. "
                    "--classes N says that there are more",
                    source_of(plan, part), labels, largest);
    if (smallest > 0)
        dataset_remark(plan, "labels begin at %d, so no image is of class %s", smallest,
                       smallest > 1 ? "0 or the next ones" : "0");
    return STATUS_OK;
}

status dataset_count_classes(dataset_plan *plan, failure *why)
{
    const dataset_source *source = source_at(plan->source);
    if (!source->read_labels) {
        plan->classes = plan->cfg.classes ? plan->cfg.classes : source->classes;
        return STATUS_OK;
    }
    uint8_t *train = memory_take((size_t)plan->train + 1);
    uint8_t *test = memory_take((size_t)plan->test + 1);
    status code = source->read_labels(plan, train, test, why);
    if (!code) code = count(plan, train, test, why);
    if (!code) code = dataset_check_labels(plan, TRAIN_LABELS, train, why);
    if (!code) code = dataset_check_labels(plan, TEST_LABELS, test, why);
    memory_free(train);
    memory_free(test);
    return code;
}
