/* model/executor_internal.h - what the files of the executor share.                   room: model (private)
 *
 * executor_plan.c   memory
 * executor.c        forward and loss; uses joint.c
 * backward.c        gradients; uses executor.c
 * joint.c           a kernel's gradient over all ranks of a host; uses executor_plan.c
 */
#ifndef MNIST_DIST_MODEL_EXECUTOR_INTERNAL_H
#define MNIST_DIST_MODEL_EXECUTOR_INTERNAL_H

#include <stdatomic.h>

#include "model/executor.h"

/* Nodes that a thread holds at once: at most 2 log2 of the leaves of a pass. */
enum { EXECUTOR_STACK = 20, EXECUTOR_BOUNDARIES = MODEL_MAX_LAYERS + 1 };

/* Phases of the trace; flop nominal, per sample. */
typedef struct executor_phases {
    int load, loss, sum, joint;
    int forward[MODEL_MAX_LAYERS], backward[MODEL_MAX_LAYERS];
    double forward_flop[MODEL_MAX_LAYERS], backward_flop[MODEL_MAX_LAYERS];
} executor_phases;

/* What the ranks of a host share of a batch; x NULL: nothing. */
typedef struct executor_joint {
    float *x, *g;        /* [samples, inputs]; packed, as the stage says */
    float *own_x;        /* where x lies in a pass that does not train   */
    int samples, leaves; /* of the batch; samples 0: it is not shared    */
    int most;            /* the largest number of samples of a batch     */
    tree_node *nodes;    /* [leaves of the largest batch]                */
    unsigned char *merges;
    tree_plan plan; /* all leaves -> one sum */
} executor_joint;

typedef struct executor_thread {
    float *scratch;               /* [model.scratch_length]                             */
    uint8_t *pixels;              /* [H, W, C]: an image that was transformed           */
    range leaves;                 /* of the pass, counted from its first                */
    tree_plan plan;               /* sums over them                                     */
    unsigned char *merges;        /* [pass_leaves]                                      */
    float *level[EXECUTOR_STACK]; /* the node stack: leaf gradients, [leaf_length] each */
    int flushed;                  /* 1: it met a result below 2^-126                    */
} executor_thread;

/* Boundary i lies before stage i; boundary model.stages after the last one: the logits. */
struct executor {
    const model *m; /* usual, or deciding while a pass is repeated */
    const model *usual;
    model *deciding; /* with kernels_deciding; NULL where the processor follows the rule */
    const float *parameters, *packed;
    int grain, threads, pass_leaves, capacity;
    int groups;                     /* of stages that run together                             */
    int group[EXECUTOR_BOUNDARIES]; /* first stage of each; the last entry is model.stages     */
    pass_args pass;
    /* of each group: samples whose leaves threads have claimed */
    atomic_int claimed[EXECUTOR_BOUNDARIES];
    trace *trace; /* or NULL */
    executor_phases phase;

    float *activation[EXECUTOR_BOUNDARIES]; /* [capacity, length]                              */
    float *gradient[EXECUTOR_BOUNDARIES];   /* [capacity, length], or, where leaf_local is 1,  */
    int leaf_local[EXECUTOR_BOUNDARIES];    /* [threads, grain, length]                        */
    executor_joint joint;
    uint8_t *saved[MODEL_MAX_LAYERS]; /* [capacity, stage.saved_bytes]   */
    float *shared[MODEL_MAX_LAYERS];  /* [capacity, stage.shared_length] */

    size_t leaf_length; /* floats of a leaf's gradient, all BY_SAMPLE stages */
    size_t leaf_offset[MODEL_MAX_LAYERS];
    executor_thread *thread; /* [threads] */

    tree_node *leaf_nodes; /* [pass_leaves]                           */
    tree_plan plan;        /* leaves of the pass -> its maximal nodes */
    unsigned char *merges;
    tree_plan collapse; /* the threads' nodes -> the maximal nodes of the pass */
    unsigned char *collapse_merges;
    tree_node *collapse_nodes;
    float **collapse_items;        /* [items] leaf gradients                          */
    const float **collapse_floats; /* [threads, items] the same at one stage's offset */
};

/* Floats per sample between the stages boundary - 1 and boundary. */
size_t executor_boundary_length(const model *m, int boundary);

/* For a pass that begins, by thread 0: sets where the x of the joint stage lies. */
void executor_joint_begin(executor *r);

/* Sets io's joint and shared, if stage i is the joint stage of a pass that trains. */
void executor_joint_place(const executor *r, int i, stage_io *io);

/* The pointers of stage i for the samples of the pass from `first` on, without dy and dx. Any thread, for itself. */
stage_io executor_stage_io(const executor *r, int i, int first, int thread);
/* Calls the hook `poll`; thread 0 alone. */
void executor_poll(const executor *r);

/* By every thread, after denormals_forget and what it computed then: 1 on all of them if any flushed a result before it was
 * rounded, so that the pass has to be repeated. Another barrier must lie before the next call. */
int executor_flushed(executor *r, int thread);
/* By every thread, between barriers of its own: the pass goes on with this model, and no leaf is claimed. */
void executor_use(executor *r, const model *m, int thread);
/* The pass forward, without the hook late_parameters. */
void executor_forward_again(executor *r, int thread);

#endif
