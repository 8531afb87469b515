/* audit.h - --audit: does another processor compute the same bits?                     room: train
 *
 * A processor that computes wrong without an error damages a run for good: every rank gets its result. In each audited step one
 * leaf of the batch is computed twice: by its owner as a part of the step, and once more by another rank, or, where there is
 * one rank, by other threads. Both gradients are compared bit by bit, through a digest of each tensor. If they differ, nothing
 * is updated, and all ranks repeat the leaf to find out which result is the odd one.
 *
 *   the rule     audit_rule draws leaf, ranks and threads from seed and step alone (base/rng.h, RNG_AUDIT), so a run that
 *                goes on audits the leaves of the run that was not stopped
 *   the owner    runs the leaf as a pass of its own, between the passes of its other leaves; so its gradient is there before it
 *                is added to others. The bits of the step stay as they are (model/executor.h). Its threads change roles
 *   the auditor  runs the leaf in an executor of its own, before any parameter is updated
 * In an audited step ranks share no batch (executor_join): the gradient of a joint kernel, too, is that of the leaf.
 * What is not audited: the sum over leaves, the update, and what executor_joint_sum computes in other steps.
 *
 * Cost of an audited step: one leaf more, two more passes of the owner, two small messages.
 * Threads: as said.   Memory: the session's arena, all in audit_new: activations of a leaf and a slab.
 * Test: tests/mpi/train_audit.c, tests/unit/train_audit_rule.c
 */
#ifndef MNIST_DIST_TRAIN_AUDIT_H
#define MNIST_DIST_TRAIN_AUDIT_H

#include "train/session.h"

typedef struct audit_draw {
    int leaf;           /* of the batch                                                    */
    int owner, auditor; /* ranks; the same where there is one rank                         */
    uint32_t turn;      /* thread t of a rank does the work of thread t + turn, and so on  */
    uint32_t again;     /* likewise of the auditor; of one rank: from 0, which of the rest */
} audit_draw;

/* The rule: of a step, counted from 1, over `leaves` leaves on `ranks` ranks. Any thread; not collective. */
audit_draw audit_rule(uint64_t seed, int64_t step, int leaves, int ranks);

typedef struct audit audit;

/* NULL without --audit; else owned by the session's arena. Not collective. */
audit *audit_new(session *s);

/* The bytes that audit_new takes, about. */
size_t audit_bytes(const settings *cfg, const model *m, int threads);

/* A step begins: the leaf that it audits, or -1. a may be NULL. Not collective. */
int audit_begin(audit *a, int64_t step, int leaves);

/* ---- inside the region of an audited step ---- */

/* Whose work this thread of the owner does in the leaf's pass. */
int audit_role(const audit *a, int thread);
/* The owner's gradient of the leaf, a slab. One thread of the owner. */
void audit_keep(audit *a, const float *gradient);
/* On every rank, by every thread: on the auditor it computes the leaf again; it holds team barriers, and another one must
 * follow. leaf: the arguments of the leaf's pass, except partials and hooks; what they point to is borrowed until the next
 * step begins. */
void audit_repeat(audit *a, const pass_args *leaf, int thread);
/* After that: 1 if both gradients have the same bits; the same on all ranks. Collective; one thread of each rank. */
int audit_agrees(audit *a);

/* ---- after the step ---- */

/* If audit_agrees was 0, and before the next step: names step, leaf, tensor and the rank with the odd result. Returns
 * STATUS_STOPPED. Collective; opens regions of the team. */
status audit_tell(audit *a, failure *why);

#endif
