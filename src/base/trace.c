/* base/trace.c - for each thread a ring of spans, and sums by phase. */
#include "base/trace.h"

#include <stdio.h>

#include "base/error.h"
#include "base/team.h"

enum { BARRIER = 0 };

typedef struct lane {
    trace_event *ring; /* [spans] */
    int64_t count;     /* of all spans so far */
    trace_total total[TRACE_SECTIONS][TRACE_MAX_PHASES];
} lane;

struct trace {
    int phases, threads, spans;
    int step;
    double origin_s;
    lane **lane; /* [threads], each in memory of its own */
    char name[TRACE_MAX_PHASES][TRACE_NAME];
};

trace *trace_new(const char *const *phases, int count, int threads, int spans, double origin_s,
                 arena *a)
{
    CHECK(threads > 0 && spans > 0 && count > 0, "%d threads, %d spans, %d phases", threads, spans,
          count);
    trace *t = arena_take(a, sizeof *t);
    t->threads = threads;
    t->spans = spans;
    t->step = -1;
    t->origin_s = origin_s;
    t->lane = arena_take(a, (size_t)threads * sizeof *t->lane);
    for (int i = 0; i < threads; i++) {
        t->lane[i] = arena_take(a, sizeof *t->lane[i]);
        t->lane[i]->ring = arena_take(a, (size_t)spans * sizeof(trace_event));
    }
    for (int i = 0; i < count; i++) trace_phase(t, phases[i]);
    return t;
}

int trace_phase(trace *t, const char *name)
{
    CHECK(t->phases < TRACE_MAX_PHASES, "more than %d phases", TRACE_MAX_PHASES);
    snprintf(t->name[t->phases], TRACE_NAME, "%s", name);
    return t->phases++;
}

void trace_step(trace *t, int step)
{
    if (t) t->step = step;
}

void trace_work(trace *t, int thread, int phase, double begin_s, double flop)
{
    if (!t) return;
    double end_s = timer_now_s();
    lane *l = t->lane[thread];
    trace_total *total = &l->total[t->step < 0 ? TRACE_OUTSIDE : TRACE_IN_STEP][phase];
    total->seconds += end_s - begin_s;
    total->flop += flop;
    total->spans++;
    l->ring[l->count++ % t->spans] = (trace_event){.begin_s = begin_s - t->origin_s,
                                                   .end_s = end_s - t->origin_s,
                                                   .phase = phase,
                                                   .step = t->step};
}

void trace_barrier(trace *t, int thread)
{
    double begin_s = trace_now(t);
    team_barrier();
    trace_span(t, thread, BARRIER, begin_s);
}

int trace_threads(const trace *t)
{
    return t->threads;
}

int trace_phases(const trace *t)
{
    return t->phases;
}

const char *trace_phase_name(const trace *t, int phase)
{
    return t->name[phase];
}

trace_total trace_total_of(const trace *t, trace_section section, int thread, int phase)
{
    return t->lane[thread]->total[section][phase];
}

int trace_events(const trace *t, int thread)
{
    int64_t count = t->lane[thread]->count;
    return count < t->spans ? (int)count : t->spans;
}

trace_event trace_event_at(const trace *t, int thread, int index)
{
    const lane *l = t->lane[thread];
    int64_t first = l->count - trace_events(t, thread);
    return l->ring[(first + index) % t->spans];
}

int64_t trace_dropped(const trace *t, int thread)
{
    return t->lane[thread]->count - trace_events(t, thread);
}
