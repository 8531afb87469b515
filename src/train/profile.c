/* train/profile.c - spans of all ranks as a trace and as a table. */
#include "train/profile.h"

#include <math.h>
#include <string.h>

#include "base/text_buffer.h"
#include "base/timer.h"
#include "train/run_folder.h"

enum {
    MOST_SPANS = 1 << 16,    /* of a thread's ring: some 1,000 steps of the CNN */
    MOST_ALL_SPANS = 1 << 22 /* of all rings: some 500 MB of text on rank 0 */
};

static const char *const names[PROFILE_PHASES] = {
    "wait",         "epoch",    "validation", "test", "checkpoint", "step",    "sample",
    "merge passes", "exchange", "sum slices", "vote", "update",     "publish", "prepare"};

/* The same moment on every rank: the clock of the first rank of each host, immediately after a barrier. */
static double common_moment(session *s)
{
    typedef struct {
        double now_s;
        int host;
    } reading;
    arena_mark mark = arena_now(&s->memory);
    reading own = {.host = s->layout->host},
            *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_barrier(s->c);
    own.now_s = timer_now_s();
    comm_allgather(s->c, &own, sizeof own, all);
    int first = 0;
    while (all[first].host != own.host) first++;
    double moment_s = all[first].now_s;
    arena_release(&s->memory, mark);
    return moment_s;
}

int profile_spans(int64_t threads)
{
    int64_t each = MOST_ALL_SPANS / threads;
    if (each > MOST_SPANS) return MOST_SPANS;
    return each > 0 ? (int)each : 1;
}

static void record(session *s, int spans, double origin_s)
{
    s->trace = trace_new(names, PROFILE_PHASES, s->threads, spans, origin_s, &s->memory);
    executor_trace(s->r, s->trace);
}

void profile_sums(session *s)
{
    if (!s->trace) record(s, 1, timer_now_s());
}

/* Others wait, communicate, or hold spans of their own. */
static int is_work(int phase)
{
    static const char idle[PROFILE_PHASES] = {
        [PROFILE_WAIT] = 1,     [PROFILE_EPOCH] = 1,      [PROFILE_VALIDATION] = 1,
        [PROFILE_TEST] = 1,     [PROFILE_CHECKPOINT] = 1, [PROFILE_STEP] = 1,
        [PROFILE_EXCHANGE] = 1, [PROFILE_VOTE] = 1,       [PROFILE_PUBLISH] = 1};
    return phase >= PROFILE_PHASES || !idle[phase];
}

profile_time profile_time_of(const session *s, int thread)
{
    profile_time sum = {0, 0};
    for (int section = 0; section < TRACE_SECTIONS; section++)
        for (int p = 0; p < trace_phases(s->trace); p++) {
            double seconds = trace_total_of(s->trace, (trace_section)section, thread, p).seconds;
            if (is_work(p)) sum.work_s += seconds;
            if (p == PROFILE_WAIT) sum.wait_s += seconds;
        }
    return sum;
}

profile *profile_attach(session *s)
{
    if (s->cfg.profile == NO) return NULL;
    double origin_s = common_moment(s);
    int64_t threads = s->threads;
    comm_sum(s->c, &threads, 1);
    record(s, profile_spans(threads), origin_s);
    profile *p = arena_take(&s->memory, sizeof *p);
    p->s = s;
    return p;
}

/* ---- the trace ---- */

/* The text of up to 2^22 events has a fixed form and is printed: io/json.h would take eight times as long, 20 s in a run that
 * stops early. Names have no character that JSON escapes. */

/* Microseconds; printed with three decimals they are whole nanoseconds. */
static double micros(int64_t ns)
{
    return (double)ns * 1e-3;
}

static void add_thread(const session *s, int thread, text_buffer *out)
{
    int rank = s->layout->rank;
    text_buffer_add(out,
                    ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"args\":{"
                    "\"name\":\"thread %d\"}}",
                    rank, thread, thread);
    for (int i = 0; i < trace_events(s->trace, thread); i++) {
        trace_event e = trace_event_at(s->trace, thread, i);
        int64_t begin_ns = llround(e.begin_s * 1e9), end_ns = llround(e.end_s * 1e9);
        text_buffer_add(out,
                        ",\n{\"name\":\"%s\",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f,\"pid\":%d,"
                        "\"tid\":%d",
                        trace_phase_name(s->trace, e.phase), micros(begin_ns),
                        micros(end_ns - begin_ns), rank, thread);
        if (e.step >= 0) text_buffer_add(out, ",\"args\":{\"step\":%d}", e.step + 1);
        text_buffer_add(out, "}");
    }
}

/* This rank's events, each with a comma in front. */
static text_buffer own_events(const session *s)
{
    text_buffer out = {0};
    text_buffer_add(&out,
                    ",\n{\"name\":\"process_sort_index\",\"ph\":\"M\",\"pid\":%d,\"args\":{\"sort_"
                    "index\":%d}}",
                    s->layout->rank, s->layout->rank);
    for (int t = 0; t < s->threads; t++) add_thread(s, t, &out);
    return out;
}

static int64_t dropped_by_all(session *s)
{
    int64_t dropped = 0;
    for (int t = 0; t < s->threads; t++) dropped += trace_dropped(s->trace, t);
    comm_sum(s->c, &dropped, 1);
    return dropped;
}

static int is_root(const session *s)
{
    return s->layout->rank == 0;
}

/* head, all ranks' events and tail, on rank 0; the caller frees it with memory_free. It can have hundreds of megabytes, so rank
 * 0 receives the events in their place. */
static char *gather_events(session *s, const text_buffer *head, const char *tail, size_t *length)
{
    arena_mark mark = arena_now(&s->memory);
    text_buffer own = own_events(s);
    size_t *bytes = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *bytes), events = 0;
    comm_allgather(s->c, &own.length, sizeof own.length, bytes);
    for (int r = 0; r < s->layout->ranks; r++) events += bytes[r];
    *length = head->length + events + strlen(tail);
    char *text = is_root(s) ? memory_take(*length + 1) : NULL;
    if (text) {
        memcpy(text, head->text, head->length);
        memcpy(text + head->length + events, tail, strlen(tail) + 1);
    }
    comm_gather(s->c, own.text, own.length, text ? text + head->length : NULL);
    text_buffer_free(&own);
    arena_release(&s->memory, mark);
    return text;
}

static text_buffer trace_head(const session *s, int64_t dropped)
{
    text_buffer out = {0};
    text_buffer_add(&out,
                    "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"program\":\"mnist_dist "
                    "%s\",\"ranks\":%d,\"dropped_spans\":%lld},\"traceEvents\":[",
                    MNIST_DIST_VERSION, s->layout->ranks, (long long)dropped);
    for (int r = 0; r < s->layout->ranks; r++)
        text_buffer_add(&out,
                        "%s\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,\"args\":{\"name\":"
                        "\"rank %d\"}}",
                        r ? "," : "", r, r);
    return out;
}

static status write_trace(session *s, const char *folder, int64_t dropped, failure *why)
{
    size_t length;
    text_buffer head = trace_head(s, dropped);
    char *text = gather_events(s, &head, "]}\n", &length);
    status code = is_root(s) ? run_folder_write(folder, "trace.json", text, length, why)
                             : STATUS_OK;
    memory_free(text);
    text_buffer_free(&head);
    return code;
}

/* ---- the table ---- */

/* A phase of one rank. */
typedef struct figure {
    double seconds, flop;
} figure;

/* A phase over all ranks. */
typedef struct row {
    double least, mean, most;
    int rank; /* of the most */
    double flop;
} row;

/* Only thread 0 records these; they contain others. */
static int is_whole(int phase)
{
    return phase >= PROFILE_EPOCH && phase <= PROFILE_CHECKPOINT;
}

static figure own_figure(const session *s, trace_section section, int phase)
{
    figure f = {0, 0};
    for (int t = 0; t < s->threads; t++) {
        trace_total total = trace_total_of(s->trace, section, t, phase);
        f.seconds += is_whole(phase) ? total.seconds : total.seconds / s->threads;
        f.flop += total.flop;
    }
    return f;
}

/* rows[section][phase] on rank 0. */
static void gather_rows(session *s, row rows[TRACE_SECTIONS][TRACE_MAX_PHASES])
{
    typedef figure figures[TRACE_SECTIONS][TRACE_MAX_PHASES];
    int ranks = s->layout->ranks;
    figures *own = arena_take(&s->memory, sizeof *own);
    figures *all = arena_take(&s->memory, (size_t)ranks * sizeof *all);
    for (int c = 0; c < TRACE_SECTIONS; c++)
        for (int p = 0; p < trace_phases(s->trace); p++)
            (*own)[c][p] = own_figure(s, (trace_section)c, p);
    comm_gather(s->c, own, sizeof *own, all);
    for (int c = 0; c < TRACE_SECTIONS; c++)
        for (int p = 0; p < trace_phases(s->trace); p++) {
            row f = {.least = all[0][c][p].seconds};
            for (int r = 0; r < ranks; r++) {
                double seconds = all[r][c][p].seconds;
                f.mean += seconds / ranks;
                f.flop += all[r][c][p].flop;
                if (seconds < f.least) f.least = seconds;
                if (seconds > f.most) f.most = seconds, f.rank = r;
            }
            rows[c][p] = f;
        }
}

/* m: NULL where the limits are not known. */
static void add_rate(text_buffer *out, double gflops, const roofline *m)
{
    text_buffer_add(out, " %9.1f", gflops);
    if (m)
        text_buffer_add(out, " %7.0f %% %7.0f %%", 100 * gflops / m->fma_peak_gflops,
                        100 * gflops / m->sgemm_gflops);
}

static void add_row(text_buffer *out, const char *name, const row *f, double whole_s,
                    const roofline *m)
{
    text_buffer_add(out, "%-28s %10.3f %10.3f %10.3f %5d", name, f->least, f->mean, f->most,
                    f->rank);
    if (whole_s > 0) text_buffer_add(out, " %8.1f %%", 100 * f->mean / whole_s);
    if (f->flop > 0 && f->mean > 0) {
        text_buffer_add(out, "%s", whole_s > 0 ? "" : "           ");
        add_rate(out, f->flop / f->mean * 1e-9, m);
    }
    text_buffer_add(out, "\n");
}

static int has_rows(const session *s, const row *rows)
{
    for (int p = 0; p < trace_phases(s->trace); p++)
        if (rows[p].most > 0) return 1;
    return 0;
}

/* The phases of one section; whole_s: seconds of what they are parts of, or 0. */
static void add_section(const session *s, const row *rows, double whole_s, const roofline *m,
                        text_buffer *out)
{
    double rest_s = whole_s;
    text_buffer_add(out, "%-28s %10s %10s %10s %5s %10s %9s %9s %9s\n", "phase", "least s",
                    "mean s", "most s", "rank", whole_s > 0 ? "of step" : "", "GFLOP/s",
                    m ? "of peak" : "", m ? "of sgemm" : "");
    for (int p = 0; p < trace_phases(s->trace); p++) {
        if (rows[p].most <= 0) continue;
        if (p != PROFILE_STEP) rest_s -= rows[p].mean;
        add_row(out, trace_phase_name(s->trace, p), &rows[p], whole_s, m);
    }
    if (whole_s > 0)
        text_buffer_add(out, "%-28s %10s %10.3f %10s %5s %8.1f %%\n", "(between phases)", "",
                        rest_s, "", "", 100 * rest_s / whole_s);
}

static void add_introduction(const session *s, const roofline *m, text_buffer *out)
{
    text_buffer_add(out, "Seconds of %lld steps, over %d rank%s; ",
                    (long long)trace_total_of(s->trace, TRACE_IN_STEP, 0, PROFILE_STEP).spans,
                    s->layout->ranks, s->layout->ranks == 1 ? "" : "s");
    if (m)
        text_buffer_add(out, "limits of the same cores: FMA peak %.1f, sgemm %.1f GFLOP/s.",
                        m->fma_peak_gflops, m->sgemm_gflops);
    else
        text_buffer_add(out, "stopped early, the limits of the cores were not measured.");
    text_buffer_add(out, "\nRates are nominal (a direct convolution's operations).\n\n");
}

static text_buffer make_table(session *s, int64_t dropped, const roofline *m)
{
    typedef row rows[TRACE_SECTIONS][TRACE_MAX_PHASES];
    rows *all = arena_take(&s->memory, sizeof *all);
    text_buffer out = {0};
    gather_rows(s, *all);
    const row *inside = (*all)[TRACE_IN_STEP], *outside = (*all)[TRACE_OUTSIDE];
    add_introduction(s, m, &out);
    if (s->threads * s->layout->host_ranks > s->cores)
        text_buffer_add(&out,
                        "More threads than cores: a phase's rate counts only threads that had "
                        "a core, and can exceed the limits.\n\n");
    add_section(s, inside, inside[PROFILE_STEP].mean, m, &out);
    if (has_rows(s, outside)) {
        text_buffer_add(&out,
                        "\nOutside of steps; epoch, validation, test and checkpoint hold others\n");
        add_section(s, outside, 0, m, &out);
    }
    if (dropped > 0)
        text_buffer_add(&out,
                        "\ntrace.json holds the newest spans of every thread; %lld older ones were "
                        "dropped. The table counts all.\n",
                        (long long)dropped);
    return out;
}

status profile_end(profile *p, const char *run_folder, const roofline *limits, failure *why)
{
    if (!p) return STATUS_OK;
    session *s = p->s;
    status code = STATUS_OK;
    int64_t dropped = dropped_by_all(s);
    text_buffer table = make_table(s, dropped, limits);
    if (is_root(s)) p->table = arena_text(&s->memory, table.text);
    if (run_folder && is_root(s)) /* first, since it is small */
        code = run_folder_write(run_folder, "profile.txt", table.text, table.length, why);
    text_buffer_free(&table);
    code = comm_agree(s->c, code, why);
    if (run_folder && !code) code = write_trace(s, run_folder, dropped, why);
    return comm_agree(s->c, code, why);
}
