/* stage.h - what runs: forward and backward of one layer, or of several fused ones.    layer: layer
 *
 * Two ways to share a stage's work among the threads of a rank:
 *   BY_SAMPLE   (all but dense layers) every thread takes whole leaves. Backward gives the gradient of ONE
 *               leaf; the model sums leaves by the reduction tree.
 *   BY_OUTPUT   (dense) all threads work on the whole pass, each on its part of the outputs. Backward gives the sums for
 *               the maximal nodes of the pass, the tree over leaves being inside the register tile.
 *
 * Shapes   x [samples, in], y [samples, out]; per-sample results depend on the sample and the parameters alone.
 * Memory   all of it is the model's; `plan` says how much. Scratch belongs to one stage and one thread, is zeroed once and
 *          never touched by others, so that a stage may rely on borders that it left zero.
 * Threads  as said above.   Collective: no.   Errors: none at run time.
 * Oracle   tests/reference/.   Test tests/ref/layer_*.c, tests/grad/
 */
#ifndef MNIST_DIST_LAYER_STAGE_H
#define MNIST_DIST_LAYER_STAGE_H

#include <stdint.h>

#include "base/tree.h"
#include "kernel/kernels.h"
#include "layer/layer.h"

typedef enum stage_split { STAGE_BY_SAMPLE, STAGE_BY_OUTPUT } stage_split;
typedef enum gemm_engine { GEMM_OWN, GEMM_BLIS } gemm_engine;
/* STAGE_EXACT: no algorithm that rounds more than the plain sums do (--exact-conv). */
typedef enum stage_sums { STAGE_FAST, STAGE_EXACT } stage_sums;

typedef struct stage_type stage_type;

typedef struct stage {
    const stage_type *type;
    const kernels *k;
    gemm_engine engine;
    stage_sums sums;
    const layer *layer;           /* whose parameters it has                               */
    const layer *pool;            /* the max pooling fused behind it, or NULL              */
    int want_input_gradient;      /* 0 for the first stage                                 */
    size_t in_length, out_length; /* floats per sample                                */
    int used_rows, used_cols;     /* the corner of the output that the next stage reads; 0: all  */

    /* set by plan */
    int reads_rows, reads_cols; /* the corner of the input that is read; 0: all            */
    size_t packed_length;       /* floats of private packed parameters                   */
    size_t scratch_length;      /* floats of scratch per thread                          */
    size_t saved_bytes;         /* per sample, kept from forward to backward             */
    size_t shared_length;       /* floats per sample of scratch that all threads share   */
    size_t
        leaf_length; /* BY_SAMPLE: floats of a leaf's gradient: the layer's tensors as they lie in the slab,
                                from tensor[0].at.offset on                           */
    /* set by the model */
    size_t packed_offset, scratch_offset, leaf_offset;
} stage;

/* Which samples these are, for stages that draw random numbers (rule 4: value = f(seed, stream, epoch, sample, index)). */
typedef struct stage_draw {
    int trains; /* 0: dropout does nothing               */
    uint64_t seed;
    uint32_t epoch;
    const int *samples; /* indices into the data set; NULL: first, first + 1, ... */
    int first;
} stage_draw;

/* Where a BY_OUTPUT backward's samples lie in a batch whose inputs x and packed dy the ranks of a host share (io.x of all
 * ranks is one array, so is io.shared): the gradient of the kernel is left to kernel_rows. samples 0: it is not. */
typedef struct stage_joint {
    int first, samples; /* of the pass; of the batch */
} stage_joint;

/* Pointers for a run of samples; packed and scratch already at this stage's offset. */
typedef struct stage_io {
    const float *parameters; /* the whole slab        */
    const float *packed;
    const float *x;
    float *y;
    uint8_t *saved;
    float *dy; /* the stage may overwrite it */
    float *dx; /* NULL: not wanted      */
    float *scratch;
    float *shared; /* BY_OUTPUT             */
    stage_joint joint;
    stage_draw draw;
} stage_io;

/* How a BY_OUTPUT backward sums over the pass: leaves of `grain` samples, the stack machine over them, and where the slabs
 * of its results begin. */
typedef struct stage_tree {
    int grain;
    tree_plan plan;
    const unsigned char *merges;
    float *const *results;
} stage_tree;

struct stage_type {
    const char *name;
    stage_split split;
    void (*plan)(stage *s);
    /* packed = private forms of the parameters, after every update; shared among (part, parts). NULL: none. */
    void (*prepare)(const stage *s, const float *parameters, float *packed, int part, int parts);
    /* BY_SAMPLE: all samples, part 0 of 1. */
    void (*forward)(const stage *s, const stage_io *io, int samples, int part, int parts);
    /* BY_SAMPLE: overwrites gradient[leaf_length] with the sum over the samples in order. */
    void (*backward_leaf)(const stage *s, const stage_io *io, int samples, float *gradient);
    /* BY_OUTPUT: every thread of the team calls it (it holds team barriers). */
    void (*backward_tile)(const stage *s, const stage_io *io, int samples, const stage_tree *tree,
                          int part, int parts);
    /* BY_OUTPUT, or NULL: rows [lo, hi) of the gradient of the kernel, tensor 0, over the joint samples: out of io.x and
     * io.shared as all ranks' backward left them, the first sample's. tree: all leaves, one result: where row lo goes. */
    void (*kernel_rows)(const stage *s, const stage_io *io, tree_node rows, const stage_tree *tree);
};

extern const stage_type
    stage_conv2d; /* convolution, bias, activation, and a max pooling without overlap */
extern const stage_type stage_conv2d_pixels, stage_conv2d_pooled;
/* The one of these two that does the work of both layers of a stage, or NULL: 3 x 3, stride 1, no padding, pooling of 2 x 2,
 * numbers of channels and filters that fill vectors; one channel only where nobody wants the input's gradient. */
const stage_type *stage_conv2d_fused(const stage *s);
extern const stage_type stage_maxpool;
extern const stage_type stage_avgpool; /* over windows, or over the whole image */
extern const stage_type stage_activation;
extern const stage_type stage_dropout;
extern const stage_type stage_layer_norm;
extern const stage_type stage_dense;     /* product, bias, activation */
extern const stage_type stage_recurrent; /* simple_rnn, lstm, gru: all time steps */
/* simple_rnn and lstm whose state alone is wanted, blank leading rows shared: where recurrent_fused_takes says so */
extern const stage_type stage_recurrent_fused;

/* 1 if stage_recurrent_fused can run a recurrent layer's stage, of which all but the type and the plan is set: simple_rnn or
 * lstm, own products, units a multiple of 32, the last state, no input gradient. The same for every instruction set. */
int recurrent_fused_takes(const stage *s);

#endif
