/* recipe.h - tuned settings by name.                                                   layer: train
 *
 *   fast99   the CNN to 99 % test accuracy on MNIST in the fewest seconds: two epochs of Adam under one cycle of the learning
 *            rate (Smith and Topin, arXiv 1708.07120), all 60,000 training images, none held back for validation. The
 *            length of the schedule is fixed beforehand: nothing looks at the test set.
 *
 * A recipe only sets options; those given beside it override it. Its settings are stored and shown as any others.
 * Threads: any.   Collective: no.   Errors: STATUS_USAGE with the known names.   Test: tests/unit/app_options.c
 */
#ifndef MNIST_DIST_TRAIN_RECIPE_H
#define MNIST_DIST_TRAIN_RECIPE_H

#include "train/settings.h"

status recipe_apply(const char *name, settings *s, message *why);

#endif
