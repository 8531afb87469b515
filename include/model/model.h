/* model.h - a chain of layers, planned once: tensors in a slab, stages that run, memory that they need.   room: model
 *
 *   model_build         spec -> layers (what the user wrote) -> fusion pass -> stages (what runs)
 *   model_initialise    parameters from the seed
 *   model_prepare       private packed forms of the parameters, after every update
 * Running samples through it is model/executor.h.
 *
 * The slab holds the tensors layer by layer, each starting on 64 bytes; gaps are zero and stay zero. Gradients and optimiser
 * states have the same layout. Blocks of 1,024 floats restart at each tensor: slices of the exchange and norms use them.
 *
 * Threads: one, except model_prepare.   Collective: no.   Memory: the arena's, which must outlive the model.
 * Errors: STATUS_USAGE from model_build.   Test: tests/unit/model_spec.c, model_stages.c
 */
#ifndef MNIST_DIST_MODEL_MODEL_H
#define MNIST_DIST_MODEL_MODEL_H

#include <stdint.h>

#include "base/arena.h"
#include "layer/stage.h"

enum { MODEL_MAX_LAYERS = 32, MODEL_BLOCK = 1024, MODEL_SPEC = 512, MODEL_BUCKETS = 4 };

typedef struct model_cfg {
    const char *spec; /* a preset's name (presets.h) or a chain (spec.h) */
    shape input;      /* of an image, {3, {H, W, C}} */
    int classes;      /* outputs of the last layer must be this many; in presets they follow it */
    const kernels *k;
    gemm_engine engine;
    stage_sums sums;
    int joint; /* 1: a large dense kernel gets a bucket of its own, if there is one: joint_bucket */
} model_cfg;

typedef struct model {
    char name[MODEL_SPEC]; /* the preset's name, or the spec       */
    char spec[MODEL_SPEC]; /* always the chain, in canonical words */
    shape input;
    int classes;
    const kernels *k;
    int layers, stages;
    layer layer[MODEL_MAX_LAYERS];
    stage stage[MODEL_MAX_LAYERS];

    int64_t parameters;    /* without gaps                                 */
    size_t slab_length;    /* floats of a slab, with gaps                  */
    size_t packed_length;  /* floats of all packed forms                   */
    size_t scratch_length; /* floats per thread                            */
    double macs;           /* multiply-adds of the forward pass per sample */
    /* Nominal, per sample: forward, weight gradients, input gradients except the first layer's, state gradients. */
    double training_flop;

    int blocks;
    size_t *block_start; /* [blocks] ascending */
    int buckets;
    span bucket[MODEL_BUCKETS]; /* in the order in which backward finishes them                */
    int early_buckets;          /* finished before the last BY_SAMPLE stage with tensors begins */
    /* The first stage that reads parameters of the early buckets, which is BY_OUTPUT, where stages before it read those of the
     * other bucket; else 0: all parameters are read from the begin on. */
    int late_stage;
    /* A large dense kernel, whose gradient the ranks of a host form without partial sums (executor_join); -1: none. */
    int joint_bucket, joint_stage;
} model;

/* STATUS_USAGE: the failure quotes the word that is wrong and lists what is known. *m must be zeroed, and must not
 * move afterwards: its stages point at its layers. */
status model_build(model *m, const model_cfg *cfg, arena *a, failure *why);

/* The slab's parameters from the seed; gaps become 0. */
void model_initialise(const model *m, uint64_t seed, float *parameters);

/* packed [packed_length] from parameters; work is shared among (part, parts). Threads: any, one per part. */
void model_prepare(const model *m, const float *parameters, float *packed, int part, int parts);
/* The same of some stages alone. */
void model_prepare_stages(const model *m, range stages, const float *parameters, float *packed,
                          int part, int parts);

/* Calls visit for every tensor in Keras' variable order (layers in order, kernel before bias). */
typedef void (*model_tensor_visitor)(void *context, const layer *l, const layer_tensor *t);
void model_each_tensor(const model *m, model_tensor_visitor visit, void *context);

#endif
