/* recipe.h - tuned settings by name.                                                   room: train
 *
 *   fast99   the CNN to 99 % test accuracy on MNIST in the fewest seconds: one epoch of Adam under one cycle of the learning
 *            rate (Smith and Topin, arXiv 1708.07120), with smoothed labels (Szegedy et al., arXiv 1512.00567), on the
 *            first 42,000 training images, none held back for validation. The length of the schedule is fixed beforehand: a
 *            run does not look at the test set.
 *   fast995  the same to 99.5 %: three epochs of all 60,000 images, each moved, turned and stretched at random.
 *
 * A recipe sets settings and does nothing else. Settings given beside it override it; all are stored and shown as usual.
 * Threads: any.   Collective: no.   Errors: STATUS_USAGE with the known names.   Test: tests/unit/app_options.c
 */
#ifndef MNIST_DIST_TRAIN_RECIPE_H
#define MNIST_DIST_TRAIN_RECIPE_H

#include "train/settings.h"

/* Names, and what each is for, in a few words; the name is NULL past the last. */
const char *recipe_name(int index);
const char *recipe_about(int index);

/* Sets the recipe's options in s. */
status recipe_apply(const char *name, settings *s, failure *why);

#endif
