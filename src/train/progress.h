/* progress.h - the progress of a run as the JSON text of a checkpoint.                        room: train, private
 *
 * Threads: any.   Collective: no (only rank 0 calls).   Test: tests/unit/train_progress.c
 */
#ifndef MNIST_DIST_TRAIN_PROGRESS_H
#define MNIST_DIST_TRAIN_PROGRESS_H

#include "base/text_buffer.h"
#include "train/session.h"
#include "train/state.h"

/* The largest iteration_offset: doubles hold each whole number up to it. */
static const int64_t STATE_MOST_ITERATIONS = (int64_t)1 << 53;

/* Without clock and layout: the same progress gives the same text, which the caller frees with text_buffer_free. h: the words
 * of p's history, which receive the epochs that they lack. */
text_buffer progress_text(const session *s, const progress_state *p, history_text *h);

/* The progress that a text says. p->history: room for `max` epochs, of the caller. STATUS_USAGE, if the session's data is not
 * the run's, or its kernels give other bits; STATUS_BAD_DATA, with the member's name, if a member has another type or range, or
 * does not agree with the others or with the session's data, batch size and model. */
status progress_parse(const session *s, const char *text, progress_state *p, int max, failure *why);

#endif
