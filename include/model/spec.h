/* spec.h - a model as words: "conv2d 32 3 relu; maxpool 2; flatten; dense 10".         room: model
 *
 * Layers are separated by ';', words by blanks; each kind's row (layer/kind.h) says which operands may follow its word.
 * Threads: any.   Collective: no.   Memory: none.
 * Errors: STATUS_USAGE; the failure quotes the layer's text, names the wrong word, and the nearest known one.
 * Test: tests/unit/model_spec.c, model_kit.c
 */
#ifndef MNIST_DIST_MODEL_SPEC_H
#define MNIST_DIST_MODEL_SPEC_H

#include <stddef.h>

#include "base/error.h"
#include "layer/kind.h"

/* Parses text into at most `max` layer settings; *count receives their number (>= 1). */
status spec_parse(const char *text, layer_cfg *cfgs, int max, int *count, failure *why);

/* 1 if spec_parse has something to say about a layer of this word: it is a layer's, or one that is left out for a reason. */
int spec_is_layer(const char *word);

/* STATUS_USAGE for a text that is neither a preset nor a chain; the failure lists the presets. */
status spec_unknown_model(const char *word, failure *why);

/* How a kind of layer is written, "conv2d FILTERS SIZE [stride N] [same] [ACTIVATION]", into out[size], cut where it is too
 * short. */
void spec_form(const layer_type *type, char *out, size_t size);

/* The canonical words of a chain, into out[size], cut where it is too short. */
void spec_format(const layer_cfg *cfgs, int count, char *out, size_t size);

#endif
