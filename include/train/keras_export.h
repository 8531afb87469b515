/* keras_export.h - a stored model as files for Keras.                                  room: train
 *
 *   KERAS_WEIGHTS   `.weights.h5`: what model.save_weights writes
 *   KERAS_ARCHIVE   `.keras`: a zip of metadata.json, config.json and model.weights.h5, which keras.models.load_model opens
 *                   without the model's code. Input: images with pixels scaled to 0..1, [H, W, C], or [H, W C] where the
 *                   first layer is recurrent; output: probabilities (a softmax is the activation of a last
 *                   dense layer without one, and a layer of its own after any other)
 *
 * Threads: one.   Collective: no.   Memory: twice the size of the weights while it runs.   Errors: STATUS_CANNOT_WRITE.
 * Test: tests/e2e/export.sh, tests/interop/keras_exchange.sh
 */
#ifndef MNIST_DIST_TRAIN_KERAS_EXPORT_H
#define MNIST_DIST_TRAIN_KERAS_EXPORT_H

#include "train/stored_model.h"

typedef enum keras_file { KERAS_WEIGHTS, KERAS_ARCHIVE } keras_file;

/* The kind of file that a path names by its ending, as for Keras; STATUS_USAGE for any other ending. */
status keras_file_kind(const char *path, keras_file *kind, failure *why);

/* Writes the model to path, whole or not at all, as file_write_shared of io/file.h. The bytes depend on the model and its
 * weights alone. */
status keras_export(const stored_model *s, keras_file kind, const char *path, int replaces,
                    failure *why);

/* Keras' configuration of the model, as JSON text; freed with memory_free. */
char *keras_config_text(const model *m);

#endif
