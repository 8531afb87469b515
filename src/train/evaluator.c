/* train/evaluator.c - loss and accuracy of a labelled set, as exact sums. */
#include "train/evaluator.h"

#include <math.h>

#include "base/stop.h"
#include "base/team.h"
#include "train/step.h"

enum { ROUND_SAMPLES = 512 };

typedef struct evaluation_job {
    session *s;
    const dataset_split *set;
    range own;            /* samples of this rank    */
    range round;          /* of these, in this round */
    uint8_t *predicted;   /* [own], or NULL          */
    float *probabilities; /* [own, classes], or NULL */
    loss_sums *sums;      /* [threads]               */
} evaluation_job;

static void evaluate_thread(void *context, int thread)
{
    evaluation_job *job = context;
    session *s = job->s;
    int capacity = executor_pass_leaves(s->r) * (int)s->cfg.grain;
    loss_sums sums = job->sums[thread];
    for (int first = job->round.lo; first < job->round.hi; first += capacity) {
        int count = job->round.hi - first < capacity ? job->round.hi - first : capacity;
        size_t at = (size_t)(first - job->own.lo), classes = (size_t)s->m.classes;
        pass_args pass = {.pixels = job->set->pixels,
                          .labels = job->set->labels,
                          .first = first,
                          .count = count,
                          .predicted = job->predicted ? job->predicted + at : NULL,
                          .probabilities = job->probabilities ? job->probabilities + at * classes
                                                              : NULL,
                          .smoothing = (float)s->cfg.label_smoothing};
        executor_begin_pass(s->r, &pass, thread);
        executor_forward(s->r, thread);
        executor_loss(s->r, thread, &sums);
        if (thread == 0) comm_pulse(s->c, s->step, STEP_FORWARD);
    }
    job->sums[thread] = sums;
}

static range share_of(const session *s, int count)
{
    range all = {0, count};
    if (s->cfg.eval_on == EVAL_ON_ROOT) return s->layout->rank == 0 ? all : (range){0, 0};
    return range_part(all, s->layout->rank, s->layout->ranks);
}

/* What a rank gives to all after every round. */
typedef struct round_vote {
    int more, stop; /* does it have more samples; why does it want to stop */
} round_vote;

/* Runs this rank's samples, some in each round, until no rank has more. Returns 0, or why it ended early. */
static int run_rounds(evaluation_job *job)
{
    session *s = job->s;
    int ranks = s->layout->ranks, left = 1, stop = 0;
    arena_mark mark = arena_now(&s->memory);
    round_vote *all = arena_take(&s->memory, (size_t)ranks * sizeof *all);
    for (int at = job->own.lo; left && !stop; at = job->round.hi) {
        int end = at + ROUND_SAMPLES < job->own.hi ? at + ROUND_SAMPLES : job->own.hi;
        job->round = (range){at, end};
        if (end > at) team_run(evaluate_thread, job);
        round_vote own = {end < job->own.hi, stop_asked()};
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
                         float *probabilities)
{
    evaluation_job job = {.s = s, .set = set, .own = share_of(s, set->count)};
    arena_mark mark = arena_now(&s->memory);
    size_t own = (size_t)(job.own.hi - job.own.lo), row = (size_t)s->m.classes * sizeof(float);
    int gather = predicted != NULL && s->layout->rank == 0;
    comm_broadcast(s->c, &gather, sizeof gather);
    if (gather) {
        job.predicted = arena_take(&s->memory, own);
        job.probabilities = arena_take(&s->memory, own * row);
    }
    job.sums = arena_take(&s->memory, (size_t)s->threads * sizeof *job.sums);
    int stopped = run_rounds(&job);
    loss_sums sums = add_up(&job);
    if (gather) {
        comm_gather(s->c, job.predicted, own, predicted);
        comm_gather(s->c, job.probabilities, own * row, probabilities);
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
