/* train/evaluator.c - exact sums over a labelled set. */
#include "train/evaluator.h"

#include <math.h>
#include <string.h>

#include "base/team.h"
#include "train/step.h"

enum { MAX_THREADS = 256 };

typedef struct evaluation_job {
    session *s;
    const dataset_split *set;
    tree_node own; /* samples of this rank */
    uint8_t *predicted;
    float *probability;
    loss_sums sums[MAX_THREADS];
} evaluation_job;

static void evaluate_thread(void *context, int thread)
{
    evaluation_job *job = context;
    session *s = job->s;
    int capacity = run_pass_leaves(s->r) * (int)s->cfg.grain;
    loss_sums sums = {0};
    for (int first = job->own.lo; first < job->own.hi; first += capacity) {
        int count = job->own.hi - first < capacity ? job->own.hi - first : capacity,
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

evaluation evaluator_run(session *s, const dataset_split *set, uint8_t *predicted,
                         float *probability)
{
    evaluation_job job = {.s = s, .set = set, .own = share_of(s, set->count)};
    arena_mark mark = arena_now(&s->memory);
    size_t own = (size_t)(job.own.hi - job.own.lo);
    job.predicted = arena_take(&s->memory, own);
    job.probability = arena_take(&s->memory, own * sizeof(float));
    team_run(evaluate_thread, &job);
    int64_t sums[3] = {0};
    for (int t = 0; t < s->threads; t++) {
        sums[0] += job.sums[t].loss;
        sums[1] += job.sums[t].correct;
        sums[2] += job.sums[t].nonfinite;
    }
    comm_sum(s->c, sums, 3);
    int gather = predicted != NULL && s->layout->rank == 0;
    comm_broadcast(s->c, &gather, sizeof gather);
    if (gather) {
        comm_gather(s->c, job.predicted, own, predicted);
        comm_gather(s->c, job.probability, own * sizeof(float), probability);
    }
    arena_release(&s->memory, mark);
    evaluation e = {.count = set->count,
                    .nonfinite = sums[2],
                    .seen = (int)own,
                    .loss = (double)NAN,
                    .accuracy = (double)NAN};
    if (set->count > 0) {
        e.loss = (double)sums[0] * 0x1p-32 / set->count;
        e.accuracy = (double)sums[1] / set->count;
    }
    return e;
}
