/* choices.h - the settings that were given on the command line, in their order.            room: app
 *
 * They are applied to the defaults, to a configuration file, or to the settings of a checkpoint; the last of two counts.
 *
 * Threads: one.   Collective: no.   Memory: none; the texts are borrowed from argv.   Errors: as settings_set.
 * Test: tests/unit/app_options.c
 */
#ifndef MNIST_DIST_APP_CHOICES_H
#define MNIST_DIST_APP_CHOICES_H

#include "train/settings.h"

enum { CHOICES_MOST = 64 };

typedef struct choice {
    const char *name, *value;
} choice;

/* {0}: none. */
typedef struct choices {
    int count;
    choice at[CHOICES_MOST];
} choices;

/* STATUS_USAGE if there are CHOICES_MOST already. The value is not looked at. */
status choices_add(choices *c, const char *name, const char *value, failure *why);

/* 1 if the setting of this name was given. */
int choices_given(const choices *c, const char *name);

/* Sets in s what was given, and only that. */
status choices_apply(const choices *c, settings *s, failure *why);

#endif
