/* run.h - samples through a model: forward, loss, backward, pass by pass.             layer: model
 *
 * A rank walks its leaves in PASSES; activations exist for one pass. All functions but run_new are called by every thread of
 * the team, inside a region (base/team.h), with the same arguments; they hold team barriers.
 *
 *   run_begin_pass    which samples; thread 0 plans the sums, then a barrier
 *   run_forward       bytes -> floats -> logits
 *   run_loss          losses, counts, predictions; gradient of the logits where the pass trains
 *   run_backward      gradients: for each maximal node of the pass one slab, pass->partials[node]
 *
 * Order of sums (rules 1 and 2): within a leaf the stage's own; above leaves the reduction tree of the whole batch.
 * Memory: all from the arena in run_new; nothing later.   Collective: over the team, not over ranks.   Errors: none.
 * Test: tests/prop/model_layouts.c (threads, passes, leaves), tests/grad/model_gradient.c
 */
#ifndef MNIST_DIST_MODEL_RUN_H
#define MNIST_DIST_MODEL_RUN_H

#include "base/trace.h"
#include "model/model.h"

enum {
    RUN_PASS_SAMPLES = 512,  /* the most samples of a pass, where a leaf has no more */
    RUN_PASS_BYTES = 1 << 30 /* what activations and gradients of a pass should not exceed */
};

/* Called by thread 0 while others compute; either may be NULL. */
typedef struct run_hooks {
    void (*bucket_ready)(void *context,
                         int bucket); /* all gradients of the bucket are written, by all threads */
    void (*poll)(void *context);      /* between leaves */
    void *context;
} run_hooks;

/* How a sample's pixels are changed before they are used; image NULL: not at all. Any thread calls it; what it writes
 * must depend on the sample (the index in the data set) and its pixels alone. in, out: [H, W]. */
typedef struct run_transform {
    void (*image)(const void *context, int sample, const uint8_t *in, uint8_t *out);
    const void *context;
} run_transform;

typedef struct run_pass {
    const uint8_t
        *pixels; /* of the whole data set, [.., H, W]                                       */
    const uint8_t *labels;
    const int
        *samples; /* [count] indices into the data set; NULL: first, first + 1, ...          */
    int first, count;
    int leaves;      /* of the whole batch; 0: this pass does not train                         */
    tree_node range; /* the leaves of this pass                                                 */
    float scale;     /* of the logits' gradient: 1 / samples of the global batch                */
    float *const
        *partials;   /* [maximal nodes of range]: slabs that receive the sums                   */
    float smoothing; /* of the labels: softmax_args                                             */
    uint8_t
        *predicted; /* [count] or NULL                                                         */
    float
        *probability; /* [count] or NULL                                                         */
    uint64_t seed;    /* of dropout, where the pass trains; likewise epoch                       */
    uint32_t epoch;
    run_transform transform;
    run_hooks hooks;
} run_pass;

typedef struct run run;

/* Samples of the passes, whole leaves, of who has up to `samples` samples at a time: all, or as many as the two limits above
 * allow, but a leaf for each thread where 512 samples have as many. No bit of a result depends on it. */
int run_capacity(const model *m, int samples, int grain, int threads);
/* What run_new takes from its arena, without taking it. */
size_t run_bytes(const model *m, int capacity, int grain, int threads);

/* m and its packed slab are borrowed. capacity: samples of the largest pass, of run_capacity; grain: samples of a leaf. */
run *run_new(const model *m, int capacity, int grain, int threads, const float *parameters,
             const float *packed, arena *a);

/* From now on every stage's time is recorded; may be NULL. Names of phases: "conv2d_1 forward". */
void run_trace(run *r, trace *t);

void run_begin_pass(run *r, const run_pass *pass, int thread);
void run_forward(run *r, int thread);
/* Adds this thread's samples to *sums. */
void run_loss(run *r, int thread, loss_sums *sums);
void run_backward(run *r, int thread);

/* ---- joint sums ----
 *
 * Ranks that share memory need no partial sums of model.joint_bucket, a large dense kernel [D,U]: its gradient is x'g over
 * the samples of the whole batch, and every rank can form the rows that it owns out of the x and g of all. That saves
 * writing D U floats on every rank and reading as many again; x and g have (D + U) floats a sample.
 *
 *   run_join           x and g of all ranks lie in `memory` from now on; partials get no such kernel any more
 *   run_begin_batch    how many samples the batch has: on every rank, one thread, before its pass (it has one, or none)
 *   run_joint_sum      the own rows, once all ranks have ended their backward; nobody may begin a pass that trains before all
 *                      are done
 *
 * The sums are those of the reduction tree over all leaves: the bits are those of partial sums added up.
 * Test: tests/prop/model_joint.c */

/* Floats of the memory that `ranks` share, for batches of up to `samples`. 0: they should not, since there is one rank, the
 * model has no joint bucket, a rank's part could take several passes, or the batch is so large that it would not pay. */
size_t run_joint_floats(const model *m, int samples, int grain, int ranks);
/* memory: [run_joint_floats], on 64 bytes, borrowed; passes have to be of consecutive samples of the batch.
 * Before run_trace. */
void run_join(run *r, float *memory, int samples, arena *a);
void run_begin_batch(run *r, int samples);
/* This thread's share of `slice` of the slab, whole rows of the joint kernel, into out[0 .. slice.length); returns where in
 * out that is. Zeros where the batch is empty. */
span run_joint_sum(run *r, span slice, int thread, float *out);

/* Logits of the pass, [count, classes]; after run_forward and a barrier. */
const float *run_logits(const run *r);

/* Share of the last pass' pooled outputs that ReLU let through (the last pooling of the model), or -1 without one: how
 * sparse the gradient behind it is. Call outside of regions. */
double run_active_share(const run *r);

/* Most leaves of one pass. */
int run_pass_leaves(const run *r);

#endif
