/* guard.h - are all copies of the parameters the same, and what is not finite?        room: train
 *
 * Every group of shared memory holds one copy of the parameters; with --reduce=mpi every rank does. They are equal as long as
 * the program, the network and the hosts' memory work. guard_check compares digests of every tensor of every copy. With
 * --reduce=mpi it finds all damage since the start. Without it, each slice has one owner, who sends it to all in every step:
 * guard_check finds what a rank did not receive as it was sent. Damage in an owner's own slice is in all copies one step
 * later; only the comparison with another run (verify, and the digests of the record) finds it.
 *
 * Threads: the one that called comm_start.   Collective: over all ranks, except guard_new.
 * Memory: the session's arena, in guard_new; guard_check takes none.   Errors: the same status and text on all ranks.
 * Test: tests/mpi/train_guard.c, tests/prop/train_no_allocation.c
 */
#ifndef MNIST_DIST_TRAIN_GUARD_H
#define MNIST_DIST_TRAIN_GUARD_H

#include "train/step.h"

typedef struct guard guard;

/* A guard of the session's parameters; owned by the session's arena. */
guard *guard_new(session *s);

/* hex, if not NULL, receives digest_parameters. STATUS_STOPPED if copies differ; `why` names the first such tensor, in the
 * model's order, and the lowest rank whose copy is not what most copies are (of two copies: not what the lower rank has). */
status guard_check(guard *g, char hex[33], failure *why);

/* STATUS_DIFFERS if the last update made parameters NaN or Inf; `why` names the first such tensor. Such parameters must not
 * leave the run: no command reads them, and the bits of a NaN depend on the processor. No update makes them finite again, so
 * parameters that pass were finite in all steps before. */
status guard_finite(const session *s, failure *why);

/* After a step of epoch `epoch` (from 0) that was not finite: returns STATUS_DIFFERS. `why` names the rank whose samples had
 * the first such loss, and the first tensor whose parameters, whose gradient on one rank, or else whose sum of gradients over
 * ranks is not finite. */
status guard_not_finite(const stepper *p, const step_result *r, int epoch, failure *why);

#endif
