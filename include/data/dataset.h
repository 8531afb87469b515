/* dataset.h - labelled images for training and testing: find them, read them, check them.   room: data
 *
 * Images are bytes (0 to 255) in the order [images, height, width, channels]; grey images have 1 channel. The model scales them
 * where it uses them. The caller gives one piece of memory for all bytes of a data set (train takes it from comm, shared by the
 * ranks of a host). It holds
 *   training pixels | training labels | test pixels | test labels,   each part starting on a multiple of 64 bytes,
 * behind 64 spare bytes, where a file's header is unpacked, and 64 more bytes at the end, so that a vector load that begins at
 * the last pixel stays inside.
 *
 * There are three steps, so that one rank can read the disk for the others:
 *   dataset_find     reads headers and labels         rank 0; the plan has no pointers and is broadcast as bytes
 *   dataset_load     fills and checks the memory      one rank of each group of shared memory
 *   dataset_view     gives pointers into the memory   every rank
 * Each kind of source is a row: src/data/sources.c lists the rows, src/data/source.h explains them.
 *
 * Threads: any, on different objects.   Collective: no.   Memory: no function allocates, except while it reads files.
 * Errors: as in idx.h, and
 *   STATUS_NO_INPUT   a named folder does not exist, holds no data, or lacks one of the files; the failure lists what is known
 *   STATUS_BAD_DATA   numbers of images and labels differ; a label is out of range; all training labels are the same, and the
 *                     number of classes is not given; training and test images differ in size; a set is empty
 *   STATUS_USAGE      a number of classes or of synthetic digits is out of range
 * Test: tests/unit/data_dataset.c, tests/e2e/colour.sh
 */
#ifndef MNIST_DIST_DATA_DATASET_H
#define MNIST_DIST_DATA_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { DATASET_MAX_CLASSES = 256, DATASET_PATH = 1024 };

/* What is asked for. */
typedef struct dataset_cfg {
    /* The value of --data: a folder, or a word that a source knows ("synthetic"). NULL: $MNIST_DIR; without that the first
     * folder of dataset_place that holds data; without such a folder the synthetic digits. A folder that is named, here or by
     * $MNIST_DIR, and cannot be read is an error: no other data takes its place. A searched folder that holds some but not all
     * of the files is an error too. If a folder named "synthetic" exists, the word means this folder. The text is borrowed. */
    const char *folder;
    int classes;         /* 1 to DATASET_MAX_CLASSES; 0: 1 + the largest training label        */
    int test_only;       /* 1: a folder that has a test set, and nothing to train on, will do   */
    uint64_t seed;       /* of the synthetic digits: DATASET_SYNTHETIC_SEED, not the run's seed */
    int synthetic_train; /* number of synthetic digits for training, at least 1                */
    int synthetic_test;  /* and for testing                                                    */
} dataset_cfg;

#define DATASET_SYNTHETIC_SEED 20240101u

/* Search; classes from the labels; 12000 and 2000 synthetic digits. */
dataset_cfg dataset_cfg_default(void);

/* What was found. It has no pointers that another rank would use. */
typedef struct dataset_plan {
    int source;                 /* number of the row in src/data/sources.c                     */
    dataset_cfg cfg;            /* as asked for, with folder NULL                              */
    char name[64];              /* "MNIST", "synthetic", or the last component of the folder   */
    char note[256];             /* for the user: "NOT MNIST (expect about 0.91)"; "": nothing  */
    char remark[512];           /* for the user, sentences about what is unusual; "": nothing  */
    char folder[DATASET_PATH];  /* its absolute path; for the synthetic digits "synthetic"     */
    char file[4][DATASET_PATH]; /* one for each part, in the order above; "": no file          */
    int file_at;                /* where in `file` the name below the folder begins              */
    int height, width, channels, classes;
    int train, test; /* numbers of images; train is 0 in a folder with only a test set */
    size_t bytes;    /* of the memory that dataset_load fills                      */
} dataset_plan;

/* A set of labelled images in borrowed memory. */
typedef struct dataset_split {
    int count;
    const uint8_t *pixels; /* [count, height, width, channels] */
    const uint8_t *labels; /* [count]                          */
} dataset_split;

/* A data set in memory; valid as long as the memory is. */
typedef struct dataset {
    char name[64], note[256], remark[512], folder[DATASET_PATH]; /* as in the plan */
    char file[4][DATASET_PATH]; /* names below the folder; "": no file */
    int height, width, channels, classes;
    dataset_split train; /* all training images: the validation part is in it, see dataset_cut */
    dataset_split test;
    /* XXH3-128 in hex of height, width, both counts (32 bits each, little-endian), then all parts in order. It need not name
     * the channels: they follow from these numbers and the number of bytes. */
    char digest[33];
    /* The same of the test set alone: no training images, and their count 0. */
    char test_digest[33];
} dataset;

/* What --data can be, one text for each source: "a folder of IDX files", "synthetic". NULL past the last. Static text. */
const char *dataset_form(int index);

/* Where data is searched if none is named, in this order; the first is "$MNIST_DIR". NULL past the last. Static text. */
const char *dataset_place(int index);

/* Finds the data, reads its headers and labels and fills *plan. A folder of 28 x 28 images, 60000 and 10000 of them, whose
 * first ten labels of both sets are those of MNIST or Fashion-MNIST gets that name; any other folder gets its own. */
status dataset_find(const dataset_cfg *cfg, dataset_plan *plan, failure *why);

/* Reads or draws all images and labels into memory[plan->bytes], which begins on a multiple of 64 bytes, and checks them.
 * Leaves the digests behind the last part, where dataset_view finds them. */
status dataset_load(const dataset_plan *plan, void *memory, failure *why);

/* The data set in memory that dataset_load has filled by this plan. */
dataset dataset_view(const dataset_plan *plan, const void *memory);

/* Bytes of one image: height * width * channels. */
size_t dataset_image_bytes(const dataset *d);

/* "28 x 28" for one channel, "32 x 32 x 3" for more. */
typedef struct dataset_extent_text {
    char text[48];
} dataset_extent_text;
dataset_extent_text dataset_extent(int height, int width, int channels);

/* Cuts the training images in two, as validation_split of Keras does. Only the first `limit` images are used (0: all). Of these
 * n, the first floor(n * (1 - fraction)) are *train, the others *validation; either may be empty. 0 <= fraction < 1. */
void dataset_cut(const dataset *d, int limit, double validation_fraction, dataset_split *train,
                 dataset_split *validation);

#endif
