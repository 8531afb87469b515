/* checkpoint.h - the whole state of a run in one HDF5 file, which Keras loads too.    room: io
 *
 * A checkpoint is a 512-byte HDF5 user block, then an HDF5 image:
 *   user block   magic "mnist_dist ckpt\n" (16 bytes), format version (u32, little-endian), 4 zero bytes, length of the image
 *                (u64, little-endian), XXH3-128 of the image (16 bytes, canonical order), zeros
 *   image        /layers/<key>/vars/<i>, in recurrent layers /layers/<key>/cell/vars/<i>; /vars; /optimizer/vars/<i>: the
 *                layout of Keras' `.weights.h5` (keras/src/saving/saving_lib.py). float32, little-endian, contiguous. Each
 *                group `vars` has the attribute `name`
 *                /mnist_dist with the attributes format_version (i32), configuration and state (JSON texts)
 * Variables of the optimizer have Keras' order: 0 iteration (scalar i64), 1 learning rate (scalar f32), then the slots,
 * variable by variable (Adam: m and v of variable 0, m and v of variable 1, ...) or, with slots_apart, slot by slot. The same
 * state gives the same bytes: the order of the objects is fixed, and there are no times, rates or layouts in the file.
 *
 * Writing: the file is built in memory (HDF5's core driver), written to next.weights.h5 and synced. `last` is renamed to
 * `prev`, `next` to `last`, and the folder is synced. If any of this fails, the old `last` is still there and `next` is not.
 *
 * Reading: no byte of the file is trusted. Magic, version, length, digest and padding are checked before libhdf5 sees the
 * image. Then a child process reads all of it, since libhdf5 crashes on some damaged files (src/io/hdf5_probe.h). Then all
 * objects are checked: one hard link each, limits on depth and number, plain numbers, storage that is contiguous or compact
 * and lies wholly in the file. Soft links, external links and external storage are refused. Plain Keras files have
 * no digest: a changed value in one is not noticed. The optimiser of a whole model as `.h5` has the datasets
 * /optimizer_weights/<name>, in the order of the attribute weight_names. With a schedule of Keras there is no learning rate.
 *
 * Threads: one at a time (libhdf5).   Collective: no (only rank 0 calls).
 * Memory: writing takes twice the file's size until the call returns, reading the file's size until checkpoint_close.
 * Errors: STATUS_CANNOT_WRITE; STATUS_NO_INPUT; STATUS_BAD_DATA, with what is wrong: magic, version, length, digest, or a
 * tensor that is missing or has another shape, with what is there and what was wanted. A failure begins with the path.
 * Test: tests/io/io_checkpoint.c, io_damage.c, io_layout.c, io_keep.c, io_keras_legacy.c, tests/interop/
 */
#ifndef MNIST_DIST_IO_CHECKPOINT_H
#define MNIST_DIST_IO_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

enum { CHECKPOINT_MAX_LAYERS = 64, CHECKPOINT_MAX_TENSORS = 4, CHECKPOINT_MAX_SLOTS = 2 };

/* One variable. Its values, in row order, are borrowed. */
typedef struct checkpoint_tensor {
    shape shape; /* rank 0: a scalar */
    float *values;
} checkpoint_tensor;

/* One layer of Keras. */
typedef struct checkpoint_layer {
    char key[64];  /* of its group: "conv2d_1"                     */
    char name[64]; /* Keras' name of the layer, for the attribute  */
    int cell;      /* 1: its variables are in a group "cell"       */
    int tensors;
    checkpoint_tensor tensor[CHECKPOINT_MAX_TENSORS];
} checkpoint_layer;

/* The state of a run, to a file or from one. Variables are numbered layer by layer, tensor by tensor. Memory is borrowed. */
typedef struct checkpoint {
    int layers;
    checkpoint_layer layer[CHECKPOINT_MAX_LAYERS];
    char optimizer[32]; /* Keras' name: "adam"; slots are read only if the file names the same */
    int64_t iteration;
    float learning_rate;
    int slots;       /* of each variable, at most CHECKPOINT_MAX_SLOTS                        */
    int slots_apart; /* 0: the slots of a variable lie together; 1: slot 0 of all variables comes first */
    /* slot_values[s][v]: slot s of variable v, with the variable's shape */
    float *slot_values[CHECKPOINT_MAX_SLOTS][CHECKPOINT_MAX_LAYERS * CHECKPOINT_MAX_TENSORS];
    const char *configuration; /* JSON text: the settings that define the bits */
    const char *state;         /* JSON text: position, history, best epoch     */
} checkpoint;

typedef enum checkpoint_role { CHECKPOINT_LAST, CHECKPOINT_BEST } checkpoint_role;

/* ---- writing ---- */

/* Writes RUN/last.weights.h5, and the old one becomes RUN/prev.weights.h5; or RUN/best.weights.h5. *seconds: how long it took;
 * *bytes: the file's size; both may be NULL. */
status checkpoint_write(const char *run_folder, checkpoint_role role, const checkpoint *c,
                        double *seconds, size_t *bytes, failure *why);

/* Gives RUN/last.weights.h5, the checkpoint of this step, the second name RUN/step-NNNNNNNN.weights.h5, under which it stays
 * when `last` is replaced: a hard link, or a copy if the file system has none. Does nothing if there is no `last`. */
status checkpoint_keep(const char *run_folder, int64_t step, failure *why);

/* Removes files that checkpoint_keep has named, except those of the `most` latest steps. */
status checkpoint_thin_out(const char *run_folder, int most, failure *why);

/* The file that checkpoint_write writes, in memory; the caller frees *bytes with memory_free. */
status checkpoint_build(const checkpoint *c, unsigned char **bytes, size_t *length, failure *why);

/* A plain `.weights.h5` of Keras in memory: the tensors of the layers, no user block, no optimizer, no /mnist_dist. The caller
 * frees *bytes with memory_free. */
status checkpoint_build_keras(const checkpoint *c, unsigned char **bytes, size_t *length,
                              failure *why);

/* ---- reading ---- */

/* An open checkpoint, or an open file of Keras: `.weights.h5`, `.keras` (the weights in it), `.h5` of Keras 2. */
typedef struct checkpoint_file checkpoint_file;

/* Reads a file whole, verifies its user block if it has one, and opens its image. *file is NULL after an error; else the caller
 * ends with checkpoint_close. */
status checkpoint_open(const char *path, checkpoint_file **file, failure *why);

/* Frees the file and all that it has lent. NULL: does nothing. */
void checkpoint_close(checkpoint_file *file);

/* Opens the first whole file of a run: `best` if role is CHECKPOINT_BEST, `last`, `next` (complete, if the program was killed
 * between two renames), `prev`. path[FILE_PATH] receives its path; *note a line for the user if `last` was damaged or missing,
 * else "". STATUS_NO_INPUT, if none of them exists. */
status checkpoint_open_run(const char *run_folder, checkpoint_role role, checkpoint_file **file,
                           char *path, failure *note, failure *why);

/* The JSON texts of /mnist_dist; for a file of Keras those of checkpoint_take_model, or "". Valid until checkpoint_close. */
const char *checkpoint_configuration(const checkpoint_file *file);
const char *checkpoint_state(const checkpoint_file *file);
/* 1 for a checkpoint, 0 for a file of Keras. */
int checkpoint_has_state(const checkpoint_file *file);

/* Keras' JSON text of the model: config.json of a `.keras` file, model_config of a whole model as `.h5`; "" if the file has
 * none. Valid until checkpoint_close. */
const char *checkpoint_architecture(const checkpoint_file *file);
/* The first number of the version of Keras that wrote such a file, 2 or 3; 0: the file does not say it. */
int checkpoint_keras_version(const checkpoint_file *file);
/* What the file says of its optimiser's state. */
typedef struct checkpoint_optimizer {
    int present; /* 1: there is a state */
    /* in lower case, without "_" and Keras' number: "adam", "rmsprop"; "": not said */
    char name[64];
    int arrays; /* variables besides iteration and learning rate */
} checkpoint_optimizer;
checkpoint_optimizer checkpoint_optimizer_of(const checkpoint_file *file);
/* 1 if `name` is this optimiser's name in a file, whatever the case, "_" and Keras' number. An optimiser without name: 1. */
int checkpoint_optimizer_is(const checkpoint_optimizer *o, const char *name);

/* A line for the user about values that are converted to float32; "" if none are. */
failure checkpoint_note(const checkpoint_file *file);

/* Where the variables of one layer of Keras are. */
typedef struct checkpoint_place {
    const char *key;   /* in `.weights.h5`: "conv2d_1"; nested: "sequential/layers/conv2d"    */
    const char *name;  /* in `.h5` of Keras 2: the name of the layer                          */
    const char *inner; /* the group inside the layer's with its variables, "cell", or NULL    */
} checkpoint_place;

/* Reads variable `number` of a layer as float32 into *values, which the caller frees with memory_free; *values is NULL and the
 * status STATUS_OK if the layer has no such variable. */
status checkpoint_variable(const checkpoint_file *file, const checkpoint_place *place, int number,
                           shape *s, float **values, failure *why);

enum { CHECKPOINT_MAX_TAKEN = 128 };

/* The file is from now on one of this model: checkpoint_configuration and checkpoint_state return these texts, and
 * checkpoint_read gives these tensors, in their order, at most CHECKPOINT_MAX_TAKEN. The file takes over all memory. changed 1:
 * they are other numbers than the file's, whose optimiser's state is then refused. Only for a file of Keras, once. */
void checkpoint_take_model(checkpoint_file *file, char *configuration, char *state,
                           const checkpoint_tensor *tensor, int tensors, int changed);

/* The bytes of the HDF5 image and its user block. */
size_t checkpoint_bytes(const checkpoint_file *file);

/* Reads the file into the values of `c`, whose layers, keys, shapes, optimizer, slots and pointers the caller has set. The
 * file must have a tensor of the same shape for each tensor of c, and no others. (In a file of Keras 2 the order counts, not
 * names.) with_optimizer 1: reads the slots too, and sets iteration and, if the file has one, learning_rate. All is checked
 * before the first value is written. */
status checkpoint_read(const checkpoint_file *file, checkpoint *c, int with_optimizer,
                       failure *why);

/* STATUS_BAD_DATA, if a parameter that checkpoint_read has read is not a finite number; the failure names the element. */
status checkpoint_check_finite(const checkpoint_file *file, const checkpoint *c, failure *why);

/* One dataset as it is visited; all of it is valid during the call. Numbers have this machine's byte order. */
typedef struct checkpoint_array {
    const char *path;
    shape shape;
    const char *type; /* of the numbers in the file: "float32", "int64", "bfloat16", ...     */
    size_t bytes;     /* of one value                                                       */
    size_t length;    /* values                                                             */
    const void *values;
    const float *floats; /* the values, if the type is float32; else NULL                   */
} checkpoint_array;
typedef void (*checkpoint_visitor)(void *context, const checkpoint_array *array);

/* Calls visit for each dataset of the file. In a checkpoint the order is that of writing: the layers of the model, then the
 * optimizer (iteration, learning rate, slots). A file of Keras does not keep that order: there it is that of the names, with
 * numbers in them compared as numbers. STATUS_BAD_DATA, if values cannot be read. */
status checkpoint_visit(const checkpoint_file *file, checkpoint_visitor visit, void *context,
                        failure *why);

#endif
