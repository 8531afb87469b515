/* trace.h - who did what from when to when: spans of time, thread by thread.          layer: base
 *
 * A PHASE is a name registered at set-up. A thread closes a SPAN of a phase with trace_span, naming the moment in which it
 * began; spans of a thread nest and never overlap otherwise. Two things are kept: sums per phase over everything, in steps
 * and outside of them, and the newest spans of each thread in a ring, so that memory is bounded however long a run is.
 *
 *   double begin_s = trace_now(t);   work();   trace_span(t, thread, phase, begin_s);
 *
 * With t NULL all of this is a comparison. Who owns the arena owns the trace.
 *
 * Threads: trace_span, trace_work and trace_barrier from any thread of the team, with its own number; all others outside of
 * regions.   Memory: all in trace_new.   Collective: no.   Errors: none (CHECKs).   Test: tests/unit/base_trace.c
 */
#ifndef MNIST_DIST_BASE_TRACE_H
#define MNIST_DIST_BASE_TRACE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/timer.h"

enum { TRACE_MAX_PHASES = 128, TRACE_NAME = 64 };

typedef struct trace trace;

/* Where the sums of a span go. */
typedef enum trace_section { TRACE_OUTSIDE, TRACE_IN_STEP, TRACE_SECTIONS } trace_section;

typedef struct trace_event {
    double begin_s, end_s; /* from the origin on */
    int32_t phase;
    int32_t step; /* -1: outside of steps */
} trace_event;

typedef struct trace_total {
    double seconds, flop;
    int64_t spans;
} trace_total;

/* phases: the first `count` phases, so that an enum can name them; phase 0 is what trace_barrier books. spans: of each
 * thread's ring. origin_s: the moment, in timer_now_s, that counts as 0. */
trace *trace_new(const char *const *phases, int count, int threads, int spans, double origin_s,
                 arena *a);
/* One more phase: its number. */
int trace_phase(trace *t, const char *name);

/* What comes now belongs to step `step`, or (-1) to none. */
void trace_step(trace *t, int step);

static inline double trace_now(const trace *t)
{
    return t ? timer_now_s() : 0;
}

/* A span that began at begin_s and ends now; trace_work: in which `flop` floating-point operations were done. */
void trace_work(trace *t, int thread, int phase, double begin_s, double flop);
static inline void trace_span(trace *t, int thread, int phase, double begin_s)
{
    if (t) trace_work(t, thread, phase, begin_s, 0);
}

/* team_barrier, and a span of phase 0 while waiting. */
void trace_barrier(trace *t, int thread);

/* ---- what was recorded ---- */

int trace_threads(const trace *t);
int trace_phases(const trace *t);
const char *trace_phase_name(const trace *t, int phase);
trace_total trace_total_of(const trace *t, trace_section section, int thread, int phase);
/* Spans that the ring still holds, oldest first, in the order in which they ended; and how many it lost. */
int trace_events(const trace *t, int thread);
trace_event trace_event_at(const trace *t, int thread, int index);
int64_t trace_dropped(const trace *t, int thread);

#endif
