/* stage.h - what runs: forward and backward of one layer, or of several fused ones.    room: layer
 *
 * Two ways to share a stage's work among the threads of a rank:
 *   BY_SAMPLE   (all layers except dense) each thread takes whole leaves. Backward gives the gradient of one leaf; the model
 *               adds the leaves by the reduction tree.
 *   BY_OUTPUT   (dense) all threads work on the whole pass, each on its part of the outputs. Backward gives the sums for
 *               the maximal nodes of the pass; the leaves are added, in tree order, inside the register tile.
 *
 * Shapes   x [samples, in], y [samples, out]; per-sample results depend on the sample and the parameters alone.
 * Memory   the model owns it; stage_plan says how much. Scratch belongs to one stage and one thread; it is set to 0 once and
 *          only this stage writes it, so that borders that it does not write stay 0.
 * Threads  as said above.   Collective: no.   Errors: none at run time.
 * Oracle   tests/reference/.   Test tests/ref/layer_*.c, tests/grad/
 */
#ifndef MNIST_DIST_LAYER_STAGE_H
#define MNIST_DIST_LAYER_STAGE_H

#include <stdint.h>

#include "base/rng.h"
#include "base/tree.h"
#include "kernel/kernels.h"
#include "layer/kind.h"

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
    const layer *layer;           /* whose parameters it has                                    */
    const layer *fused;           /* the next layer, if the stage does its work too, or NULL  */
    int want_input_gradient;      /* 0 for the first stage                                      */
    size_t in_length, out_length; /* floats per sample                                          */
    int used_rows, used_cols;     /* the corner of the output that the next stage reads; 0: all */

    /* Set by stage_plan; 0 unless the type's plan says otherwise. */
    int reads_rows, reads_cols; /* the corner of the input that is read; 0: all          */
    size_t packed_length;       /* floats of private packed parameters                   */
    size_t scratch_length;      /* floats of scratch per thread                          */
    size_t saved_bytes;         /* per sample, kept from forward to backward             */
    size_t shared_length;       /* floats per sample of scratch that all threads share   */
    /* BY_SAMPLE: floats of a leaf's gradient, the layer's tensors as they lie in the slab from tensor[0].at.offset on. */
    size_t leaf_length;

    /* Set by the model: where this stage's part of the packed forms and of a thread's scratch begins. */
    size_t packed_offset, scratch_offset;
} stage;

/* Which samples these are, for stages that draw random numbers (rule 4: value = f(seed, stream, epoch, sample, index)). */
typedef struct stage_draw {
    int trains; /* 0: dropout does nothing               */
    uint64_t seed;
    uint32_t epoch;
    const int *samples; /* indices into the data set; NULL: first, first + 1, ... */
    int first;
} stage_draw;

/* What the random numbers of the i-th sample of a pass are drawn with. */
static inline rng_key stage_draw_key(const stage_draw *d, rng_stream stream, int i)
{
    int sample = d->samples ? d->samples[i] : d->first + i;
    return (rng_key){
        .seed = d->seed, .stream = stream, .epoch = d->epoch, .sample = (uint32_t)sample};
}

/* Where a BY_OUTPUT backward's samples lie in a batch whose inputs x and packed dy the ranks of a host share (io.x of all
 * ranks is one array, so is io.shared): the gradient of the kernel is left to kernel_rows. samples 0: it is not. */
typedef struct stage_joint {
    int first, samples; /* of the pass; of the batch */
} stage_joint;

/* Pointers for consecutive samples; packed and scratch are at this stage's offset. */
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
    /* BY_SAMPLE: 1: forward can compute a part of each sample's outputs, for passes of fewer samples than threads. */
    int shares_samples;
    /* How many layers of the chain this stage can run from s->layer on: 0, 1, or 2 with `next`, the layer after it (NULL at the
     * end of the chain). Of s, k, engine, sums, layer and want_input_gradient are set. Must not depend on the instruction
     * set. A takes of NULL: always 1. */
    int (*takes)(const stage *s, const layer *next);
    /* The sizes that are not 0, except leaf_length. NULL: all are 0. */
    void (*plan)(stage *s);
    /* packed = private forms of the parameters, after every update; shared among (part, parts). NULL: none. */
    void (*prepare)(const stage *s, const float *parameters, float *packed, int part, int parts);
    /* BY_SAMPLE: all samples, part 0 of 1; with shares_samples also a part of each sample's outputs, without barriers. What
     * backward needs need not be saved where io->draw.trains is 0. */
    void (*forward)(const stage *s, const stage_io *io, int samples, int part, int parts);
    /* BY_SAMPLE: overwrites gradient[leaf_length] with the sum over the samples in order. */
    void (*backward_leaf)(const stage *s, const stage_io *io, int samples, float *gradient);
    /* BY_OUTPUT: every thread of the team calls it (it holds team barriers). */
    void (*backward_tile)(const stage *s, const stage_io *io, int samples, const stage_tree *tree,
                          int part, int parts);
    /* BY_OUTPUT, or NULL: rows [lo, hi) of the gradient of the kernel, tensor 0, over the joint samples: out of io.x and
     * io.shared as all ranks' backward left them, the first sample's. tree: all leaves, one result: where row lo goes. */
    void (*kernel_rows)(const stage *s, const stage_io *io, range rows, const stage_tree *tree);
};

/* Sets type to the first of the kind's stages that takes the layer, and fused, in_length and out_length with it. next: the
 * layer after s->layer, or NULL. k, engine, sums, layer and want_input_gradient must be set. Returns the number of layers that
 * the stage runs, 1 or 2; 0, and s is left alone, where the kind has no stages: nothing has to run. */
int stage_choose(stage *s, const layer *next);

/* Sets the sizes. What stage_choose sets, used_rows, used_cols and the spans of the layer's tensors must be set. */
void stage_plan(stage *s);

/* Floats from the start of a leaf's gradient to the start of a tensor of the layer. */
static inline size_t stage_gradient_offset(const stage *s, int tensor)
{
    return s->layer->tensor[tensor].at.offset - s->layer->tensor[0].at.offset;
}

#endif
