/* train/bench_ranks.c - the times of every rank while bench measures. */
#include "train/bench_ranks.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "train/profile.h"

enum {
    MOST_SAMPLES = 512,        /* of a rank */
    MOST_ALL_SAMPLES = 1 << 16 /* of all ranks: some 8 MB of text */
};

static const char *const part_names[BENCH_PARTS] = {
    "step", "compute", "sum", "update", "prepare", "send", "exchange", "vote", "publish", "group"};

struct bench_recorder {
    session *s;
    int steps, every, samples; /* samples: room for them */
    int done;                  /* steps so far           */
    double part_s[BENCH_PARTS], phase_s[STEP_PHASES];
    double cpu_s;       /* at the begin                  */
    profile_time *time; /* [threads] at the begin        */
    double *sample_ms;  /* [samples][BENCH_PARTS]        */
};

const char *bench_part_name(bench_part part)
{
    return part_names[part];
}

static double processor_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

bench_recorder *bench_recorder_new(session *s, int steps)
{
    int most = MOST_ALL_SAMPLES / s->layout->ranks;
    if (most > MOST_SAMPLES) most = MOST_SAMPLES;
    if (most < 1) most = 1;
    profile_sums(s);
    bench_recorder *p = arena_take(&s->memory, sizeof *p);
    p->s = s;
    p->steps = steps;
    p->every = (steps + most - 1) / most;
    p->samples = (steps + p->every - 1) / p->every;
    p->time = arena_take(&s->memory, (size_t)s->threads * sizeof *p->time);
    p->sample_ms = arena_take(&s->memory, (size_t)p->samples * BENCH_PARTS * sizeof *p->sample_ms);
    return p;
}

void bench_recorder_begin(bench_recorder *p)
{
    p->done = 0;
    memset(p->part_s, 0, sizeof p->part_s);
    memset(p->phase_s, 0, sizeof p->phase_s);
    for (int t = 0; t < p->s->threads; t++) p->time[t] = profile_time_of(p->s, t);
    p->cpu_s = processor_s();
}

void bench_recorder_add(bench_recorder *p, const double parts[BENCH_PARTS],
                        const double phases[STEP_PHASES])
{
    if (!p) return;
    double *sample = NULL, step_s = 0;
    if (p->done % p->every == 0 && p->done / p->every < p->samples)
        sample = p->sample_ms + (size_t)(p->done / p->every) * BENCH_PARTS;
    for (int i = BENCH_STEP + 1; i < BENCH_PARTS; i++) {
        step_s += parts[i];
        p->part_s[i] += parts[i];
        if (sample) sample[i] = parts[i] * 1e3;
    }
    p->part_s[BENCH_STEP] += step_s;
    if (sample) sample[BENCH_STEP] = step_s * 1e3;
    for (int i = 0; i < STEP_PHASES; i++) p->phase_s[i] += phases[i];
    p->done++;
}

void bench_parts_of(const step_parts *step, double parts[BENCH_PARTS])
{
    for (int i = 0; i < STEP_WAITS; i++) {
        parts[BENCH_COMPUTE + i] = step->work_s[i];
        parts[BENCH_EXCHANGE + i] = step->wait_s[i];
    }
    parts[BENCH_SEND] = step->send_s;
}

/* ---- gathering ---- */

static bench_rank own_record(const bench_recorder *p)
{
    const session *s = p->s;
    double mean = 1e3 / p->done;
    bench_rank own = {.cores = s->cores, .threads = s->threads};
    gethostname(own.host, sizeof own.host - 1);
    own.cpu_ms = (processor_s() - p->cpu_s) * mean;
    for (int i = 0; i < BENCH_PARTS; i++) own.part_ms[i] = p->part_s[i] * mean;
    for (int i = 0; i < STEP_PHASES; i++) own.phase_ms[i] = p->phase_s[i] * mean;
    return own;
}

/* Doubles of a rank besides its record. */
static size_t numbers_of(const bench_recorder *p, int threads)
{
    return 2 * (size_t)threads + (size_t)p->samples * BENCH_PARTS;
}

static double *own_numbers(const bench_recorder *p)
{
    const session *s = p->s;
    double mean = 1e3 / p->done,
           *own = arena_take(&p->s->memory, numbers_of(p, s->threads) * sizeof *own);
    for (int t = 0; t < s->threads; t++) {
        profile_time now = profile_time_of(s, t);
        own[t] = (now.work_s - p->time[t].work_s) * mean;
        own[s->threads + t] = (now.wait_s - p->time[t].wait_s) * mean;
    }
    memcpy(own + 2 * s->threads, p->sample_ms, (size_t)p->samples * BENCH_PARTS * sizeof *own);
    return own;
}

const bench_rank *bench_recorder_gather(bench_recorder *p, int *samples, int *every)
{
    session *s = p->s;
    int ranks = s->layout->ranks, is_root = s->layout->rank == 0;
    bench_rank own = own_record(p);
    double *own_values = own_numbers(p), *values = NULL;
    bench_rank *all = is_root ? arena_take(&s->memory, (size_t)ranks * sizeof *all) : NULL;
    comm_gather(s->c, &own, sizeof own, all);
    size_t count = 0;
    for (int r = 0; r < ranks && is_root; r++) count += numbers_of(p, all[r].threads);
    if (is_root) values = arena_take(&s->memory, count * sizeof *values);
    comm_gather(s->c, own_values, numbers_of(p, s->threads) * sizeof *own_values, values);
    for (int r = 0; r < ranks && is_root; r++) {
        all[r].work_ms = values;
        all[r].wait_ms = values + all[r].threads;
        all[r].sample_ms = values + 2 * all[r].threads;
        values += numbers_of(p, all[r].threads);
    }
    *samples = p->samples;
    *every = p->every;
    return all;
}
