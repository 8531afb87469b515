/* guard.h - are all copies of the parameters the same, and what is not finite?        layer: train
 *
 * Every group of shared memory holds one copy of the parameters (with --reduce=mpi every rank does). They are equal as long
 * as the program, the network and the hosts' memory are in order; guard_check compares digests of every tensor of every
 * copy. It sees what a rank did not get as it was sent, and with --reduce=mpi all damage since the start. With the tree every
 * slice has one owner, who sends it to all in every step: damage in the owner's own slice is everywhere one step later, and
 * only the comparison with another run (verify, and the digests of the record) finds it.
 *
 * Collective: all ranks.   Threads: the thread that called comm_start.   Memory: taken by guard_new; the checks take none.
 * Test: tests/mpi/train_guard.c, tests/prop/train_no_allocation.c
 */
#ifndef MNIST_DIST_TRAIN_GUARD_H
#define MNIST_DIST_TRAIN_GUARD_H

#include "train/session.h"
#include "train/step.h"

typedef struct guard guard;

/* In the session's arena. */
guard *guard_new(session *s);

/* The digest of the parameters, as session_digest, where hex is not NULL. STATUS_STOPPED where copies differ, on all ranks:
 * the first tensor in the model's order, and the lowest rank whose copy is not what most copies are (of two: not what the
 * lower rank has). */
status guard_check(guard *g, const session *s, char hex[33], message *why);

/* After a step that was not finite: STATUS_DIFFERS; `why` names the rank whose samples had the first such loss, and the first
 * tensor whose parameters, whose gradient on one rank, or else whose gradients' sum over ranks is not finite. */
status guard_not_finite(const session *s, const step_result *r, int epoch, message *why);

#endif
