/* checkpoint.h - the whole state of a run in one HDF5 file that Keras also loads.    layer: io
 *
 * File = 512-byte HDF5 user block + HDF5 image:
 *   user block   magic "mnist_dist ckpt\n" (16 bytes), format version (u32 LE), 4 zero bytes, length of the image (u64 LE),
 *                XXH3-128 of the image (16 bytes, canonical order), zeros. Verified before libhdf5 sees a byte.
 *   /vars, /layers/<key>/vars/<i> ("cell/vars" inside recurrent layers), /optimizer/vars/<i>    Keras' `.weights.h5` layout
 *                (keras/src/saving/saving_lib.py): float32 little-endian, contiguous, attribute `name` on each vars group
 *   /mnist_dist  attributes format_version (i32), configuration (JSON text), state (JSON text)
 * Optimiser variables as Keras orders them: 0 iteration (scalar i64), 1 learning_rate (scalar f32), then the slots
 * interleaved per variable (Adam: m, v of variable 0, m, v of variable 1, ...).
 * The same state gives a byte-identical file: fixed order, no object times, no clock fields, no rates, no layouts.
 *
 * Written: in memory (core driver) -> file_write_whole() to next.weights.h5, synced -> `last` is renamed to `prev` ->
 * `next` becomes `last` -> fsync of the folder. A failure leaves the old `last` and no `next`.
 *
 * Read: nothing is trusted. Magic, version, length, digest and padding are checked first, then every object of the file:
 * hard links only, depth and number of objects, plain numbers, contiguous (or compact) storage that is wholly there.
 * Plain Keras files have no digest: a changed value in one is not noticed.
 *
 * Threads: one.   Collective: no (rank 0 alone).   Memory: writing needs twice the file's size for a moment.
 * Errors: STATUS_CANNOT_WRITE; STATUS_NO_INPUT; STATUS_BAD_DATA with the reason (magic, version, length, digest, missing
 * tensor, another shape: names the tensor, what is there and what was wanted). Soft and external links, and external
 * storage, are refused.   Test: tests/io/io_checkpoint.c, io_damage.c, io_layout.c, tests/interop/
 */
#ifndef MNIST_DIST_IO_CHECKPOINT_H
#define MNIST_DIST_IO_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

enum { CHECKPOINT_MAX_LAYERS = 64, CHECKPOINT_MAX_TENSORS = 4, CHECKPOINT_MAX_SLOTS = 2 };

/* One variable: its values are borrowed. */
typedef struct checkpoint_tensor {
    shape shape; /* rank 0: a scalar */
    float *values;
} checkpoint_tensor;

/* One Keras layer: group "/layers/<key>/vars", or "/layers/<key>/cell/vars" when `cell`. */
typedef struct checkpoint_layer {
    char key[64];  /* "conv2d_1"                   */
    char name[64]; /* Keras' layer name, for the attribute */
    int cell;
    int tensors;
    checkpoint_tensor tensor[CHECKPOINT_MAX_TENSORS];
} checkpoint_layer;

/* A run's state as it goes to and comes from a file. Keras variable order is: layers in order, tensors in order. */
typedef struct checkpoint {
    int layers;
    checkpoint_layer layer[CHECKPOINT_MAX_LAYERS];
    char optimizer[32]; /* Keras' name: "adam", "sgd"; reading slots asks for the same */
    int64_t iteration;
    float learning_rate;
    int slots; /* per variable: 0 plain SGD, 1 momentum, 2 Adam */
    /* slot[s] of layer l, tensor t, same shape as the tensor: slot_values[s][variable number] */
    float *slot_values[CHECKPOINT_MAX_SLOTS][CHECKPOINT_MAX_LAYERS * CHECKPOINT_MAX_TENSORS];
    const char *configuration; /* JSON text: what defines the bits; stored as given  */
    const char *state;         /* JSON text: position, history, best; stored as given */
} checkpoint;

typedef enum checkpoint_role { CHECKPOINT_LAST, CHECKPOINT_BEST } checkpoint_role;

/* Writes RUN/last.weights.h5 (the old one becomes prev) or RUN/best.weights.h5. seconds (may be NULL): how long it took;
 * bytes (may be NULL): the file's size. */
status checkpoint_write(const char *run_folder, checkpoint_role role, const checkpoint *c,
                        double *seconds, size_t *bytes, message *why);
/* RUN/last.weights.h5, a checkpoint of this step, gets the second name step-NNNNNNNN.weights.h5 (a hard link, a copy where
 * the file system has none), under which it stays when it is last no more. Nothing where there is no last. */
status checkpoint_keep(const char *run_folder, int64_t step, message *why);
/* Removes the files that checkpoint_keep named, but for the `most` of the latest steps. */
status checkpoint_thin_out(const char *run_folder, int most, message *why);
/* Builds the file in memory; *bytes is freed with memory_free. What checkpoint_write puts on the disk. */
status checkpoint_build(const checkpoint *c, unsigned char **bytes, size_t *length, message *why);

/* A plain Keras `.weights.h5`: the layers' tensors alone, no user block, no optimiser, nothing of this program. */
status checkpoint_build_keras(const checkpoint *c, unsigned char **bytes, size_t *length,
                              message *why);

/* An open checkpoint, or a file of Keras: `.weights.h5`, `.keras` (the weights in it), `.h5` of Keras 2. has_state is 0 for
 * the latter. */
typedef struct checkpoint_file checkpoint_file;

/* path: a file. Reads it whole, verifies the user block where there is one, opens the image. */
status checkpoint_open(const char *path, checkpoint_file **file, message *why);
void checkpoint_close(checkpoint_file *file);

/* RUN/last.weights.h5, else (damaged or missing) next (complete, but the program was ended between two renames), else
 * prev; `note` receives one line about a damaged or missing last, or becomes empty; path[FILE_PATH] the file that was
 * opened. `role` BEST: RUN/best.weights.h5, else as LAST. STATUS_NO_INPUT where none of them is there. */
status checkpoint_open_run(const char *run_folder, checkpoint_role role, checkpoint_file **file,
                           char *path, message *note, message *why);

/* JSON texts of /mnist_dist, "" for a plain Keras file; valid until close. */
const char *checkpoint_configuration(const checkpoint_file *file);
const char *checkpoint_state(const checkpoint_file *file);
int checkpoint_has_state(const checkpoint_file *file);

/* Fills the values of `c` (layers, keys, shapes, optimizer, slots and slot pointers are set by the caller) from the
 * file: every layer's tensors must be there with these shapes, and no others (files of Keras 2: by order, names do
 * not matter). Optimiser slots are read where with_optimizer; then iteration and learning_rate are set too. All is
 * checked before the first value is written. */
status checkpoint_read(const checkpoint_file *file, checkpoint *c, int with_optimizer,
                       message *why);

/* Calls visit(context, path, shape, values, length) for each float32 tensor of the file, learning rate and slots included,
 * for inspect and verify: in the order of writing (layers as in the model, then the optimiser), or, for files of Keras,
 * which do not keep that order, by name with numbers read as numbers. */
typedef void (*checkpoint_visitor)(void *context, const char *path, shape s, const float *values,
                                   size_t length);
status checkpoint_visit(const checkpoint_file *file, checkpoint_visitor visit, void *context,
                        message *why);

#endif
