/* keras_chain.h - the layers of a model of Keras, in the order in which a sample passes them.      room: train, private
 *
 * The JSON of config.json (Keras 3) or of the attribute model_config (Keras 2): Sequential, Functional where each layer reads
 * the one before it, and such models inside each other.
 *
 * Threads: any, each with values of its own.   Collective: no.   Memory: keras_chain_free.
 * Errors: STATUS_BAD_DATA, with layer and class, without the file's name.
 * Test: tests/e2e/keras_files.sh, tests/interop/keras_import.sh
 */
#ifndef MNIST_DIST_TRAIN_KERAS_CHAIN_H
#define MNIST_DIST_TRAIN_KERAS_CHAIN_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

enum { KERAS_MAX_LAYERS = 96, KERAS_KEY = 160 };

typedef struct keras_layer {
    const char *class, *name; /* borrowed from the JSON */
    const json_t *config;
    char key[KERAS_KEY]; /* of its group in `.weights.h5` */
} keras_layer;

typedef struct keras_chain {
    json_t *root;
    /* the shape of the input with the samples in front, [null,28,28,1]; NULL: not said */
    const json_t *input;
    int layers;
    keras_layer layer[KERAS_MAX_LAYERS]; /* without InputLayer */
} keras_chain;

/* Reads the text into *c, which is zeroed before. The caller calls keras_chain_free after an error too. */
status keras_chain_read(keras_chain *c, const char *text, failure *why);
void keras_chain_free(keras_chain *c);

#endif
