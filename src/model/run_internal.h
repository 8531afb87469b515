/* model/run_internal.h - what run.c and backward.c share.                             layer: model (private) */
#ifndef MNIST_DIST_MODEL_RUN_INTERNAL_H
#define MNIST_DIST_MODEL_RUN_INTERNAL_H

#include "model/run.h"

enum {
    RUN_STACK = 20
}; /* nodes that a thread holds at once: at most 2 log2 of the leaves of a pass */

/* Phases of the trace. */
typedef struct run_phases {
    int load, loss, sum, joint;
    int forward[MODEL_MAX_LAYERS], backward[MODEL_MAX_LAYERS];
    double forward_flop[MODEL_MAX_LAYERS],
        backward_flop[MODEL_MAX_LAYERS]; /* nominal, of a sample */
} run_phases;

/* What the ranks of a host share of a batch; x NULL: nothing. */
typedef struct run_joint {
    float *x, *g;        /* [samples, inputs], and packed */
    float *own_x;        /* where x lies while no training passes */
    int samples, leaves; /* of the batch           */
    int most;            /* samples, of any        */
    tree_node *nodes;    /* [leaves of the largest] */
    unsigned char *merges;
    tree_plan plan; /* all leaves -> one sum  */
} run_joint;

typedef struct run_thread {
    float *scratch;          /* [model.scratch_length]                               */
    uint8_t *pixels;         /* [H, W]: an image that was transformed                 */
    tree_node leaves;        /* of the pass, counted from its first                  */
    tree_plan plan;          /* sums over them                                       */
    unsigned char *merges;   /* [pass_leaves]                                        */
    float *level[RUN_STACK]; /* the node stack: leaf gradients, [leaf_length] each   */
} run_thread;

struct run {
    const model *m;
    const float *parameters, *packed;
    int grain, threads, pass_leaves, capacity;
    int groups;                      /* of stages that run together */
    int group[MODEL_MAX_LAYERS + 1]; /* first stage of each; the last entry is model.stages */
    run_pass pass;
    trace *trace; /* or NULL */
    run_phases phase;

    float *activation[MODEL_MAX_LAYERS +
                      1]; /* [capacity, length]: input of stage i, the last: logits */
    float *
        gradient[MODEL_MAX_LAYERS + 1]; /* of the same; see leaf_local                            */
    int leaf_local[MODEL_MAX_LAYERS +
                   1]; /* 1: [threads, grain, length] instead                    */
    run_joint joint;
    uint8_t *saved[MODEL_MAX_LAYERS];
    float *shared[MODEL_MAX_LAYERS];

    size_t leaf_length; /* floats of a leaf's gradient, all BY_SAMPLE stages      */
    size_t leaf_offset[MODEL_MAX_LAYERS];
    run_thread *thread; /* [threads]                                              */

    tree_node *leaf_nodes; /* [pass_leaves]                                          */
    tree_plan plan;        /* leaves of the pass -> its maximal nodes                */
    unsigned char *merges;
    tree_plan collapse; /* the threads' nodes -> the pass' maximal nodes          */
    unsigned char *collapse_merges;
    tree_node *collapse_nodes;
    float **collapse_items;        /* [items] leaf gradients                                 */
    const float **collapse_floats; /* [threads, items] the same at one stage's offset        */
};

/* For a pass that begins: where its x lies. Before a stage's backward: where x and g lie in the batch. */
void run_joint_begin(run *r);
void run_joint_place(const run *r, int i, stage_io *io);

stage_io run_stage_io(const run *r, int i, int first, int thread);
tree_node run_thread_samples(const run *r, int thread);

#endif
