/* presets.h - models that have a name.                                                room: model
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: none.   Test: tests/unit/model_spec.c
 */
#ifndef MNIST_DIST_MODEL_PRESETS_H
#define MNIST_DIST_MODEL_PRESETS_H

#include <stddef.h>

/* Names by index, in the order in which they are listed to users: NULL past the last. */
const char *presets_name(int index);

/* The chain of the preset of this name, with `classes` outputs, into out[size], cut where it is too short: 1. 0, and out is
 * left alone, where there is no such preset. */
int presets_chain(const char *name, int classes, char *out, size_t size);

#endif
