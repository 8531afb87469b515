/* keras_import.h - the model that a file of Keras holds, as a chain of this program's layers.      room: train
 *
 * `.keras` files and whole models as `.h5` say their model. It is read where each layer is one of ours, changes nothing in
 * inference, or can be computed by others exactly:
 *   Rescaling, Normalization     rescaling. In front, with factors for pixels of 0..255, it is adapted to pixels of 0..1
 *   BatchNormalization           with the means that it has learned: into the kernel and the bias of the layer before it, or of
 *                                the next one that has a kernel; so does Normalization with several means
 *   hard_sigmoid of Keras 2      that of Keras 3 with parameters times 1.2
 *   use_bias=False               a bias of zeros
 *   Dropout, RandomFlip, ...     ours where there is one, else left out
 * Everything else is refused with layer, class and argument: no file is read as another model than Keras has in it.
 *
 * Threads: one.   Collective: no.   Memory: that of the parameters, in the file until checkpoint_close.
 * Errors: STATUS_BAD_DATA; the failure begins with the file's path.
 * Test: tests/e2e/keras_files.sh, tests/interop/keras_import.sh
 */
#ifndef MNIST_DIST_TRAIN_KERAS_IMPORT_H
#define MNIST_DIST_TRAIN_KERAS_IMPORT_H

#include "io/checkpoint.h"

/* Reads the model of a file that has checkpoint_architecture, and gives it to the file with checkpoint_take_model: the
 * setting "model", and the sides and classes of its images as in a checkpoint's state. Does nothing if the file has no model,
 * or has been read already. path: the file's, for failures. *note: what was adapted is added to it. */
status keras_import(checkpoint_file *file, const char *path, failure *note, failure *why);

/* May `given`, a preset or a chain that the user gave, stand for the chain `stored` of the file? STATUS_BAD_DATA, with the
 * layer and the operand that differ, if the two compute other functions. Layers that do nothing in inference may differ. */
status keras_import_match(const char *path, const char *stored, const char *given, int classes,
                          failure *why);

#endif
