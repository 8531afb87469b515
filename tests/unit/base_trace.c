/* Spans: order, sums, the ring's bound, and that nothing happens without a trace. */
#include "check.h"

#include "base/team.h"
#include "base/trace.h"

enum { WAIT, WORK, OUTER, PHASES, RING = 8 };

static const char *const names[PHASES] = {"wait", "work", "outer"};

static trace *make(arena *a, int threads)
{
    return trace_new(names, PHASES, threads, RING, timer_now_s(), a);
}

static void spans_are_kept_in_order(void **state)
{
    (void)state;
    arena a = {0};
    trace *t = make(&a, 1);
    int own = trace_phase(t, "own");
    assert_int_equal(own, PHASES);
    assert_int_equal(trace_phases(t), PHASES + 1);
    assert_string_equal(trace_phase_name(t, own), "own");
    double outer_s = trace_now(t), inner_s = trace_now(t);
    trace_span(t, 0, own, inner_s);
    trace_step(t, 7);
    inner_s = trace_now(t);
    trace_work(t, 0, WORK, inner_s, 1e9);
    trace_span(t, 0, OUTER, outer_s);
    assert_int_equal(trace_events(t, 0), 3);
    assert_int_equal(trace_dropped(t, 0), 0);
    trace_event first = trace_event_at(t, 0, 0), second = trace_event_at(t, 0, 1),
                outer = trace_event_at(t, 0, 2);
    assert_int_equal(first.phase, own);
    assert_int_equal(first.step, -1);
    assert_int_equal(second.phase, WORK);
    assert_int_equal(second.step, 7);
    assert_int_equal(outer.phase, OUTER);
    assert_true(0 <= outer.begin_s && outer.begin_s <= first.begin_s);
    assert_true(first.begin_s <= first.end_s && first.end_s <= second.begin_s);
    assert_true(second.begin_s <= second.end_s && second.end_s <= outer.end_s);
    trace_total inside = trace_total_of(t, TRACE_IN_STEP, 0, WORK);
    assert_true(inside.seconds >= 0 && inside.seconds <= outer.end_s - outer.begin_s);
    assert_true(inside.flop == 1e9 && inside.spans == 1);
    assert_int_equal(trace_total_of(t, TRACE_OUTSIDE, 0, WORK).spans, 0);
    assert_int_equal(trace_total_of(t, TRACE_OUTSIDE, 0, own).spans, 1);
    arena_free(&a);
}

static void a_full_ring_keeps_the_newest_and_counts_the_rest(void **state)
{
    (void)state;
    arena a = {0};
    trace *t = make(&a, 1);
    for (int i = 0; i < RING + 5; i++) {
        trace_step(t, i);
        trace_span(t, 0, WORK, trace_now(t));
    }
    assert_int_equal(trace_events(t, 0), RING);
    assert_int_equal(trace_dropped(t, 0), 5);
    for (int i = 0; i < RING; i++) assert_int_equal(trace_event_at(t, 0, i).step, 5 + i);
    assert_int_equal(trace_total_of(t, TRACE_IN_STEP, 0, WORK).spans, RING + 5);
    arena_free(&a);
}

static void two_threads(void *context, int thread)
{
    trace *t = context;
    trace_barrier(t, thread);
    trace_span(t, thread, thread ? WORK : OUTER, trace_now(t));
}

static void threads_have_lanes_of_their_own(void **state)
{
    (void)state;
    arena a = {0};
    team_set_threads(2);
    trace *t = make(&a, 2);
    assert_int_equal(trace_threads(t), 2);
    team_run(two_threads, t);
    for (int thread = 0; thread < 2; thread++) {
        assert_int_equal(trace_events(t, thread), 2);
        assert_int_equal(trace_event_at(t, thread, 0).phase, WAIT);
        assert_int_equal(trace_event_at(t, thread, 1).phase, thread ? WORK : OUTER);
    }
    team_run(two_threads, NULL); /* no trace: barriers alone */
    team_set_threads(1);
    arena_free(&a);
}

static void nothing_happens_without_a_trace(void **state)
{
    (void)state;
    assert_true(trace_now(NULL) == 0);
    trace_step(NULL, 1);
    trace_span(NULL, 0, WORK, 0);
    trace_work(NULL, 0, WORK, 0, 1);
    trace_barrier(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_kept_in_order),
        cmocka_unit_test(a_full_ring_keeps_the_newest_and_counts_the_rest),
        cmocka_unit_test(threads_have_lanes_of_their_own),
        cmocka_unit_test(nothing_happens_without_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
