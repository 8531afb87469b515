/* train/evaluator.c - exact sums over a labelled set. */
#include "train/evaluator.h"

#include <math.h>
#include <string.h>

#include "base/stop.h"
#include "base/team.h"
#include "train/step.h"

enum { ROUND_SAMPLES = 512 };

typedef struct evaluation_job {
    session *s;
    const dataset_split *set;
    tree_node own;   /* samples of this rank */
    tree_node round; /* of these, now */
    uint8_t *predicted;
    float *probability;
    loss_sums sums[SETTINGS_MAX_THREADS];
} evaluation_job;

static void evaluate_thread(void *context, int thread)
{
    evaluation_job *job = context;
    session *s = job->s;
    int capacity = run_pass_leaves(s->r) * (int)s->cfg.grain;
    loss_sums sums = job->sums[thread];
    for (int first = job->round.lo; first < job->round.hi; first += capacity) {
        int count = job->round.hi - first < capacity ? job->round.hi - first : capacity,
            at = first - job->own.lo;
        run_pass pass = {.pixels = job->set->pixels,
                         .labels = job->set->labels,
                         .first = first,
                         .count = count,
                         .predicted = job->predicted + at,
                         .probability = job->probability + at,
                         .smoothing = (float)s->cfg.label_smoothing};
        run_begin_pass(s->r, &pass, thread);
        run_forward(s->r, thread);
        run_loss(s->r, thread, &sums);
        if (thread == 0) comm_pulse(s->c, s->step, STEP_FORWARD);
    }
    job->sums[thread] = sums;
}

static tree_node share_of(const session *s, int count)
{
    tree_node all = {0, count};
    if (s->cfg.eval_on == EVAL_ON_ROOT) return s->layout->rank == 0 ? all : (tree_node){0, 0};
    return tree_share(all, s->layout->rank, s->layout->ranks);
}

/* What the ranks tell each other after every round. */
typedef struct round_message {
    int more, stop;
} round_message;

/* This rank's samples, some at a time, until no rank has more; why it ended early, or 0. */
static int run_rounds(evaluation_job *job)
{
    session *s = job->s;
    int ranks = s->layout->ranks, left = 1, stop = 0;
    arena_mark mark = arena_now(&s->memory);
    round_message *all = arena_take(&s->memory, (size_t)ranks * sizeof *all);
    for (int at = job->own.lo; left && !stop; at = job->round.hi) {
        int end = at + ROUND_SAMPLES < job->own.hi ? at + ROUND_SAMPLES : job->own.hi;
        job->round = (tree_node){at, end};
        if (end > at) team_run(evaluate_thread, job);
        round_message own = {end < job->own.hi, stop_asked()};
        comm_allgather(s->c, &own, sizeof own, all);
        left = 0;
        for (int r = 0; r < ranks; r++) {
            left |= all[r].more;
            if (all[r].stop > stop) stop = all[r].stop;
        }
    }
    arena_release(&s->memory, mark);
    return stop;
}

/* Over all threads of all ranks. */
static loss_sums add_up(const evaluation_job *job)
{
    session *s = job->s;
    loss_sums own = {0}, total = {0};
    arena_mark mark = arena_now(&s->memory);
    loss_sums *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    for (int t = 0; t < s->threads; t++) loss_sums_add(&own, job->sums[t]);
    comm_allgather(s->c, &own, sizeof own, all);
    for (int r = 0; r < s->layout->ranks; r++) loss_sums_add(&total, all[r]);
    arena_release(&s->memory, mark);
    return total;
}

evaluation evaluator_run(session *s, const dataset_split *set, uint8_t *predicted,
                         float *probability)
{
    evaluation_job job = {.s = s, .set = set, .own = share_of(s, set->count)};
    arena_mark mark = arena_now(&s->memory);
    size_t own = (size_t)(job.own.hi - job.own.lo);
    job.predicted = arena_take(&s->memory, own);
    job.probability = arena_take(&s->memory, own * sizeof(float));
    int stopped = run_rounds(&job);
    loss_sums sums = add_up(&job);
    int gather = predicted != NULL && s->layout->rank == 0;
    comm_broadcast(s->c, &gather, sizeof gather);
    if (gather) {
        comm_gather(s->c, job.predicted, own, predicted);
        comm_gather(s->c, job.probability, own * sizeof(float), probability);
    }
    arena_release(&s->memory, mark);
    evaluation e = {.count = set->count,
                    .nonfinite = sums.nonfinite,
                    .seen = (int)own,
                    .stopped = stopped,
                    .loss = (double)NAN,
                    .accuracy = (double)NAN};
    if (set->count > 0) {
        e.loss = (double)sums.loss * 0x1p-32 / set->count;
        e.accuracy = (double)sums.correct / set->count;
    }
    return e;
}
