/* denormals.h - floats below 2^-126 count as 0, by one rule on every processor.        room: base
 *
 * The rule is x86's (docs/reproducibility.md, "Denormals"). AArch64 has it with the extension AFP. Without it, the processor
 * asks before it rounds, so that products in [2^-126 (1 - 2^-25), 2^-126) are 0 there. It notes that a result was flushed: who
 * computes products looks at the note, and computes them again (model/executor.h). riscv64 has no mode for it:
 * src/base/riscv64.h.
 * Threads: each call is for the calling thread.   Collective: no.   Memory: none.   Errors: none.
 * Test: tests/ref/kernel_flush.c, tests/ref/model_flush.c
 */
#ifndef MNIST_DIST_BASE_DENORMALS_H
#define MNIST_DIST_BASE_DENORMALS_H

/* Makes the calling thread flush denormals. team_run does it for its threads; main calls it for itself. */
void denormals_flush(void);

/* 1: this processor flushes before it rounds. */
int denormals_early(void);

/* Where denormals_early(): has this thread flushed a result since denormals_forget()? Elsewhere 0. */
void denormals_forget(void);
int denormals_met(void);

#endif
