/* options_private.h - between options.c and options_help.c.                     private to src/app */
#ifndef MNIST_DIST_APP_OPTIONS_PRIVATE_H
#define MNIST_DIST_APP_OPTIONS_PRIVATE_H

#include <argp.h>

#include "app/options.h"

enum { OPTIONS_MAX_ROWS = 64 };

/* argp's keys of options without a letter */
enum {
    KEY_CONFIG = 300,
    KEY_RECIPE,
    KEY_DRY_RUN,
    KEY_JSON,
    KEY_WHICH,
    KEY_FORMAT,
    KEY_FORCE,
    KEY_INFERENCE,
    KEY_KERNEL,
    KEY_USAGE,
    KEY_VERSION,
    KEY_NO_SHUFFLE,
    KEY_ROWS = 400 /* and the number of a setting's row */
};

/* A command's options, as argp wants them. */
void options_build(const command *c, struct argp_option out[OPTIONS_MAX_ROWS]);

/* Why argp refused this command line: which option is unknown, lacks its value or has one too many. */
status options_diagnose(const struct argp_option *rows, int argc, char **argv, message *why);

#endif
