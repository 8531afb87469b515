/* trace.h - what each thread did, and when.                                           room: base
 *
 * A PHASE is a name that is registered at set-up. A SPAN is the time that a thread spends in a phase once: trace_span
 * records it when it ends. Two spans of a thread are nested or apart. The trace keeps the sums for each phase and thread
 * over the whole run, inside and outside of steps, and the newest spans of each thread in a ring of fixed size.
 *
 *   double begin_s = trace_now(t);   work();   trace_span(t, thread, phase, begin_s);
 *
 * With t NULL these calls do nothing. The arena owns the trace.
 *
 * Threads: trace_span, trace_work and trace_barrier: any thread of the team, with its own number; the others: outside of
 * regions.   Memory: taken in trace_new.   Collective: no.   Errors: none (CHECKs).   Test: tests/unit/base_trace.c
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

/* phases: names of the phases 0 ... count - 1, which an enum can number; trace_barrier uses phase 0. spans: the size of each
 * thread's ring. origin_s: the time of timer_now_s that counts as 0. */
trace *trace_new(const char *const *phases, int count, int threads, int spans, double origin_s,
                 arena *a);
/* Registers one more phase and returns its number. */
int trace_phase(trace *t, const char *name);

/* Later spans belong to this optimiser step; -1: to none. */
void trace_step(trace *t, int step);

static inline double trace_now(const trace *t)
{
    return t ? timer_now_s() : 0;
}

/* Records a span from begin_s to now. flop: floating-point operations done in it. */
void trace_work(trace *t, int thread, int phase, double begin_s, double flop);
static inline void trace_span(trace *t, int thread, int phase, double begin_s)
{
    if (t) trace_work(t, thread, phase, begin_s, 0);
}

/* team_barrier; records the time that it waits as a span of phase 0. */
void trace_barrier(trace *t, int thread);

/* ---- what was recorded ---- */

int trace_threads(const trace *t);
int trace_phases(const trace *t);
const char *trace_phase_name(const trace *t, int phase);
trace_total trace_total_of(const trace *t, trace_section section, int thread, int phase);
/* Spans that the ring holds, in the order in which they ended, oldest first; and the number of older ones that it dropped. */
int trace_events(const trace *t, int thread);
trace_event trace_event_at(const trace *t, int thread, int index);
int64_t trace_dropped(const trace *t, int thread);

#endif
