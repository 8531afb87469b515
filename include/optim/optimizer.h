/* optimizer.h - how parameters follow their gradients.                                room: optim
 *
 *   sgd        w -= lr g                                       momentum   m = mu m - lr g; w += m
 *   nesterov   m = mu m - lr g; w += mu m - lr g               (as Keras writes them)
 *   rmsprop    v = b2 v + (1-b2) g^2; d = lr g / sqrt(v + eps); w -= d, or m = mu m + d; w -= m
 *              Hinton, Neural networks for machine learning, lecture 6e, as Keras, whose rho is b2
 *   adam       m += (g-m)(1-b1); v += (g^2-v)(1-b2); w -= lr sqrt(1-b2^t)/(1-b1^t) m / (sqrt(v) + eps)
 *              Kingma and Ba, arXiv 1412.6980, with the epsilon of its section 2's end, as Keras
 *   adamw      adam with a weight decay of its own: Loshchilov and Hutter, arXiv 1711.05101
 *   adamax     m as adam; u = max(b2 u, |g|); w -= lr/(1-b1^t) m / (u + eps)
 *              Kingma and Ba, section 7.1, with Keras' epsilon
 *   lars       r = 0.001 |w| / (|g| + wd |w|); m = mu m - lr r (g + wd w); w += m
 *              You, Gitman and Ginsburg, arXiv 1708.03888, algorithm 1
 *   lamb       m, v as adam; u = m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps); w -= lr |w|/|u| u
 *              You et al., arXiv 1904.00962, algorithm 2, as Keras: the identity for phi, u without decay
 *
 * |.|: 2-norm of one tensor (norm.h); where one of them is 0 the ratio is 1, as Keras' Lamb and TensorFlow's LARS have it.
 * Weight decay is Keras': w -= lr wd w before the update, of every tensor; lars alone has its paper's, inside the gradient.
 *
 * Each optimiser is one row, an optimizer_type, in a file of its own. To add one: its file in src/optim, its name in
 * src/optim/rows.h, its twin in tests/reference/update.c. Names, checks, help and tests go through the rows.
 *
 * State: slots, slabs laid out as the parameters. Everything except the norms is computed element by element, so any division
 * of the slab into parts gives the same bits. lars and lamb take two passes: optimizer_direction over all parts, then the
 * norms, then optimizer_follow tensor by tensor.
 * Threads: any, on disjoint parts.   Collective: no.   Memory: none; the caller owns the parts.   Errors: unknown names,
 * ranges.
 * Accuracy: error of an update below 4 eps, against the double reference.
 * Test: tests/ref/kernel_update.c, tests/unit/optim_optimizer.c, tests/unit/optim_rows.c
 */
#ifndef MNIST_DIST_OPTIM_OPTIMIZER_H
#define MNIST_DIST_OPTIM_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kernel/kernels.h"

enum { OPTIMIZER_MAX_SLOTS = 2 };

/* An optimiser and its numbers; a number that it does not use is 0. */
typedef struct optimizer_cfg {
    const struct optimizer_type *type;
    double learning_rate; /* that applies to the step */
    double momentum, beta1, beta2, epsilon;
    double weight_decay;
} optimizer_cfg;

/* Elements of the slab, the same of each array. */
typedef struct optimizer_part {
    const kernels *k;
    int64_t step;                     /* 1 for the first */
    float *w, *g;                     /* [length] parameters and their gradients */
    float *slot[OPTIMIZER_MAX_SLOTS]; /* [length] each; NULL past the last one */
    size_t length;                    /* a multiple of 16 */
} optimizer_part;

/* Numbers that not every optimiser uses. */
typedef enum optimizer_use {
    USES_MOMENTUM = 1,
    USES_BETA1 = 2,
    USES_BETA2 = 4,
    USES_EPSILON = 8
} optimizer_use;

/* One optimiser. Either `update` is set, or `trust` and `follow` are. */
typedef struct optimizer_type {
    const char *name; /* as users write it */
    /* In checkpoints: Keras' name, if Keras has the optimiser ("sgd" is also that of momentum and nesterov). */
    const char *file_name;
    unsigned uses;          /* the sum of its optimizer_use */
    optimizer_cfg defaults; /* Keras' where it has the optimiser; type: NULL */

    /* Names of the slots in the order of checkpoints, Keras' where it has the optimiser. */
    const char *slot[OPTIMIZER_MAX_SLOTS]; /* NULL past the last one */
    const char *momentum_slot; /* behind those, only if the momentum is not 0; or NULL */
    int slots_apart; /* 1: in files slot after slot; 0: variable after variable (io/checkpoint.h) */

    /* Updates w, element by element, after the weight decay. */
    void (*update)(const optimizer_cfg *cfg, const optimizer_part *p);

    /* An optimiser that needs norms of tensors: see optimizer_direction, optimizer_trust, optimizer_follow. */
    void (*direction)(const optimizer_cfg *cfg, const optimizer_part *p); /* NULL: does nothing */
    double (*trust)(const optimizer_cfg *cfg, double w_norm, double g_norm);
    void (*follow)(const optimizer_cfg *cfg, double trust, const optimizer_part *p);
} optimizer_type;

/* The row of an index from 0 on; NULL past the last. Its name, likewise. */
const optimizer_type *optimizer_row(int index);
const char *optimizer_name(int index);

/* The row of a name; STATUS_USAGE with the nearest and all known names otherwise. */
status optimizer_named(const char *name, const optimizer_type **type, failure *why);

optimizer_cfg optimizer_cfg_default(const optimizer_type *type);

/* STATUS_USAGE where a number that the optimiser uses is out of range. */
status optimizer_check(const optimizer_cfg *cfg, failure *why);

/* The number of slots. */
int optimizer_slots(const optimizer_cfg *cfg);

/* 1: an update needs norms of tensors (lars, lamb). */
int optimizer_needs_norms(const optimizer_cfg *cfg);

/* Updates a part. Not for optimisers that need norms. */
void optimizer_update(const optimizer_cfg *cfg, const optimizer_part *p);

/* First pass of an optimiser that needs norms, over any part: lamb decays w and turns g into its direction u; lars does
 * nothing. */
void optimizer_direction(const optimizer_cfg *cfg, const optimizer_part *p);
/* r of a tensor, from the norms of w and g after the first pass. */
double optimizer_trust(const optimizer_cfg *cfg, double w_norm, double g_norm);
/* Second pass, over a part of one tensor with its r. g is spent. */
void optimizer_follow(const optimizer_cfg *cfg, double trust, const optimizer_part *p);

#endif
