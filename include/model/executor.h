/* executor.h - samples through a model: forward, loss, backward, pass by pass.             room: model
 *
 * A rank works through its leaves in PASSES; activations exist for one pass. The four functions of a pass are called by every
 * thread of the team, inside a region (base/team.h), with the same arguments and in this order; they hold team barriers.
 *
 *   executor_begin_pass    which samples; thread 0 plans the sums
 *   executor_forward       bytes -> floats -> logits
 *   executor_loss          losses, counts, predictions; the gradient of the logits where the pass trains
 *   executor_backward      gradients: for each maximal node of the pass one slab, pass->partials[node]
 *
 * Order of sums (rules 1 and 2 of docs/reproducibility.md): within a leaf the stage's own; above leaves the reduction tree of
 * the whole batch. No result depends on the number of threads or on how the batch is cut into passes.
 * Where the processor flushes before it rounds (base/denormals.h), forward and backward repeat a pass in which a result was
 * flushed, with kernels_deciding, and bucket_ready is called at the end of backward.
 * Threads: as said; all other functions: one, outside of regions, unless they say otherwise.   Collective: over the team, not
 * over ranks.   Memory: all from the arena in executor_new and executor_join; nothing later.   Errors: none.
 * Test: tests/prop/model_layouts.c (threads, passes, leaves), tests/grad/model_gradient.c, tests/ref/model_flush.c
 */
#ifndef MNIST_DIST_MODEL_EXECUTOR_H
#define MNIST_DIST_MODEL_EXECUTOR_H

#include "base/trace.h"
#include "model/model.h"

enum {
    PASS_SAMPLES = 512,  /* the most samples of a pass, where a leaf has no more */
    PASS_BYTES = 1 << 30 /* what activations and gradients of a pass should not exceed */
};

/* The first two are called by thread 0 while the other threads compute; each may be NULL. */
typedef struct pass_hooks {
    /* All gradients of the bucket (model.h) are written, by all threads. */
    void (*bucket_ready)(void *context, int bucket);
    /* Between the BY_SAMPLE stages of each leaf: in the backward pass, and if late_parameters is there in the forward pass */
    void (*poll)(void *context);
    /* Called by every thread before model.late_stage: parameters of this stage and those behind it, and their packed forms,
     * need not be there before it returns. It ends in a barrier of the team. */
    void (*late_parameters)(void *context, int thread);
    void *context;
} pass_hooks;

/* How a sample's pixels are changed before they are used; image NULL: not at all. Any thread calls it; what it writes
 * must depend on the sample (the index in the data set) and its pixels alone. in, out: [H, W, C]. */
typedef struct pass_transform {
    void (*image)(const void *context, int sample, const uint8_t *in, uint8_t *out);
    const void *context;
} pass_transform;

/* All pointers are borrowed until the pass ends. */
typedef struct pass_args {
    const uint8_t *pixels; /* of the whole data set, [.., H, W, C] */
    const uint8_t *labels; /* of the whole data set             */
    const int *samples;    /* [count] indices into the data set; NULL: first, first + 1, ... */
    int first, count;
    int leaves;             /* of the whole batch; 0: this pass does not train              */
    range range;            /* the leaves of this pass                                      */
    float scale;            /* of the logits' gradient: 1 / samples of the global batch     */
    float *const *partials; /* [maximal nodes of range]: slabs that receive the sums        */
    float smoothing;        /* of the labels: softmax_args                                  */
    uint8_t *predicted;     /* [count] or NULL          */
    float *probabilities;   /* [count, classes] or NULL */
    uint64_t seed; /* of the random numbers of layers; used where the pass trains, as is epoch */
    uint32_t epoch;
    pass_transform transform;
    pass_hooks hooks;
} pass_args;

typedef struct executor executor;

/* The samples of the largest pass, a whole number of leaves, for a caller with up to `samples` samples at a time: all of them
 * where the two limits above allow it, and a leaf for each thread at least where 512 samples have as many leaves. */
int executor_capacity(const model *m, int samples, int grain, int threads);

/* The bytes that executor_new takes from its arena, without taking them. */
size_t executor_bytes(const model *m, int capacity, int grain, int threads);

/* m, parameters (a slab) and packed [m->packed_length] are borrowed. capacity: from executor_capacity; grain: samples of a
 * leaf; threads: of the team that will call. */
executor *executor_new(const model *m, int capacity, int grain, int threads,
                       const float *parameters, const float *packed, arena *a);

/* From now on the time of every stage is recorded in t (borrowed); NULL: no longer. Names of phases: "conv2d_1 forward". */
void executor_trace(executor *r, trace *t);

void executor_begin_pass(executor *r, const pass_args *pass, int thread);
void executor_forward(executor *r, int thread);
/* Adds this thread's samples to *sums. */
void executor_loss(executor *r, int thread, loss_sums *sums);
void executor_backward(executor *r, int thread);

/* ---- joint sums ----
 *
 * Ranks that share memory need no partial sums of model.joint_bucket, a large dense kernel [D,U]: its gradient is x'g over
 * the samples of the whole batch, and every rank can form the rows that it owns out of the x and g of all ranks. That saves
 * writing D U floats on every rank and reading as many again; x and g have (D + U) floats a sample.
 *
 *   executor_join           x and g of all ranks lie in `memory` from now on; partials get no such kernel any more
 *   executor_begin_batch    how many samples the batch has: on every rank, by one thread, before its pass (one, or none). 0:
 *                           the passes of this batch, any number, have partials of the kernel, and there is no joint sum
 *   executor_joint_sum      the own rows, after all ranks have ended their backward; no rank may begin a pass that trains
 *                           before all ranks have their sums
 *
 * The sums are those of the reduction tree over all leaves: the bits are those of partial sums added up.
 * Test: tests/prop/model_joint.c */

/* Floats of the memory that `ranks` share, for batches of up to `samples`. 0, where they should not share: there is one rank,
 * the model has no joint bucket, a rank's part could take several passes, or the batch is too large to gain by it. */
size_t executor_joint_floats(const model *m, int samples, int grain, int ranks);

/* memory: [executor_joint_floats], 64-byte aligned, borrowed; the passes have to be of consecutive samples of the batch.
 * Before executor_trace. */
void executor_join(executor *r, float *memory, int samples, arena *a);
void executor_begin_batch(executor *r, int samples);

/* Inside a region, by every thread: this thread's share of `slice` of the slab, whole rows of the joint kernel, into
 * out[0 .. slice.length). Returns where in out that share is. Zeros where the batch is empty. */
span executor_joint_sum(executor *r, span slice, int thread, float *out);

/* Logits of the pass, [count, classes]; after executor_forward and a barrier. Any thread. */
const float *executor_logits(const executor *r);

/* The share of the outputs above 0 at the model's last convolution that is fused with its pooling, in the last pass; -1
 * without one, or where the pass did not keep them: it did not train, and the next layer is no dense one. Where that layer
 * has a ReLU, it is the share of the gradient after it that is not 0. */
double executor_active_share(const executor *r);

/* The most leaves of one pass. */
int executor_pass_leaves(const executor *r);

#endif
