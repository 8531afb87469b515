/* optim/rows.h - the rows of all optimisers, and the formulas that they share.        room: optim (private) */
#ifndef MNIST_DIST_OPTIM_ROWS_H
#define MNIST_DIST_OPTIM_ROWS_H

#include "optim/optimizer.h"

/* In the order of --help. */
#define OPTIMIZER_ROWS(X)                                                                          \
    X(sgd) X(momentum) X(nesterov) X(rmsprop) X(adam) X(adamw) X(adamax) X(lars) X(lamb)

#define OPTIMIZER_DECLARE(name) extern const optimizer_type optimizer_##name;
OPTIMIZER_ROWS(OPTIMIZER_DECLARE)
#undef OPTIMIZER_DECLARE

/* ---- common.c ---- */

/* w -= lr wd w, rounded once. */
void optimizer_decay(const optimizer_cfg *cfg, const optimizer_part *p);

/* 1 - beta^step. */
double optimizer_correction(double beta, int64_t step);

#endif
