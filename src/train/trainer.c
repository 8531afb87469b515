/* train/trainer.c - a whole run: epochs of steps, validation, checkpoints. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/stop.h"
#include "base/timer.h"
#include "train/evaluator.h"
#include "train/stopping.h"
#include "training.h"

_Static_assert((int)STEP_PHASES <= (int)METRICS_MAX_PHASES, "the record takes all phases");

/* Writes the step's figures to the record and gives them to the observer. */
static status tell_step(training *t, const step_result *r, int epoch, int step, double step_s,
                        failure *why)
{
    progress_state *p = &t->progress;
    if (!training_is_root(t)) return STATUS_OK;
    metrics_step m = {.epoch = epoch + 1,
                      .step = t->s->step,
                      .loss = r->loss_sum / r->samples,
                      .accuracy = (double)r->correct / r->samples,
                      .learning_rate = t->p->u->optimizer.learning_rate,
                      .images_per_second = r->samples / step_s,
                      .parameters_digest = t->digest[0] ? t->digest : NULL};
    status code = metrics_add_step(t->record, &m, why);
    if (!code && t->watch->stepped)
        t->watch->stepped(t->watch->context, t->s, epoch + 1, step + 1,
                          p->epoch_loss / (double)p->epoch_samples,
                          (double)p->epoch_correct / (double)p->epoch_samples,
                          (double)t->trained / t->training_s);
    return code;
}

static int is_digest_due(const training *t, int64_t done)
{
    return t->guard && done % t->s->cfg.digest_every == 0;
}

/* --digest-every: checks that all copies of the parameters agree and are finite, and takes the digest for the record. */
static status check_copies(training *t, failure *why)
{
    t->digest[0] = 0;
    if (!is_digest_due(t, t->s->step)) return STATUS_OK;
    status code = guard_check(t->guard, training_is_root(t) ? t->digest : NULL, why);
    return code ? code : guard_finite(t->s, why);
}

/* Is `done` steps all that --max-steps allows? */
static int is_end(const training *t, int64_t done)
{
    return t->s->cfg.max_steps > 0 && done >= t->s->cfg.max_steps;
}

static int is_over(const training *t)
{
    return is_end(t, t->s->step);
}

/* 1: after this step of the epoch the parameters are read by something else than the next step, as far as the ranks know before
 * they vote. */
static int pauses_after(const training *t, int step)
{
    const int64_t done = t->s->step + 1;
    return step + 1 == t->steps_per_epoch || is_end(t, done) || is_digest_due(t, done) ||
           cadence_counts(&t->every, done, 0);
}

/* Runs a step and adds its figures to the sums of the epoch. *told: the status of writing them to the record, on rank 0. */
static status run_step(training *t, int epoch, int step, status *told, failure *why)
{
    session *s = t->s;
    progress_state *p = &t->progress;
    double start_s = timer_now_s();
    int wishes = pauses_after(t, step) ? 0 : STEP_IS_FOLLOWED;
    if (training_is_root(t) && cadence_times(&t->every, start_s - t->saved_s))
        wishes |= STEP_WANTS_CHECKPOINT;
    step_result r = step_run(t->p, epoch, step, wishes);
    double step_s = timer_now_s() - start_s;
    if (r.audit_differs) return audit_tell(t->p->audit, why);
    if (!r.finite) return guard_not_finite(t->p, &r, epoch, why);
    status copies = check_copies(t, why);
    if (copies) return copies;
    for (int i = 0; i < STEP_PHASES; i++) t->phase_s[i] += r.phase_s[i];
    t->training_s += step_s;
    t->trained += r.samples;
    p->step = s->step;
    p->epoch_loss += r.loss_sum;
    p->epoch_correct += r.correct;
    p->epoch_samples += r.samples;
    t->stop = r.stop;
    t->due = r.checkpoint;
    if (!*told) *told = tell_step(t, &r, epoch, step, step_s, why);
    return STATUS_OK;
}

static status run_epoch(training *t, int epoch, failure *why)
{
    session *s = t->s;
    memset(t->phase_s, 0, sizeof t->phase_s);
    int step = (int)(s->step - (int64_t)epoch * t->steps_per_epoch);
    /* only rank 0 can fail to write; it goes on until the ranks agree on a status */
    status told = STATUS_OK;
    for (t->due = 0; step < t->steps_per_epoch && !is_over(t) && !t->stop; step++) {
        status code = run_step(t, epoch, step, &told, why);
        if (code) return code;
        int due = t->due || cadence_counts(&t->every, s->step, 0);
        if (!due || t->stop || step + 1 == t->steps_per_epoch || is_over(t)) continue;
        code = comm_agree(s->c, told, why);
        if (!code) code = training_save(t, CHECKPOINT_LAST, why);
        if (code) return code;
    }
    return told;
}

/* Time per phase: least, mean and most over the ranks. */
static void phase_figures(training *t, metrics_epoch *e)
{
    session *s = t->s;
    arena_mark mark = arena_now(&s->memory);
    double(*all)[STEP_PHASES] = arena_take(&s->memory,
                                           (size_t)s->layout->ranks * sizeof t->phase_s);
    comm_allgather(s->c, t->phase_s, sizeof t->phase_s, all);
    e->phases = STEP_PHASES;
    for (int i = 0; i < STEP_PHASES; i++) {
        metrics_phase *f = &e->phase[i];
        snprintf(f->name, sizeof f->name, "%s", step_phase_name((step_phase)i));
        f->min_s = f->max_s = all[0][i];
        for (int r = 0; r < s->layout->ranks; r++) {
            f->mean_s += all[r][i] / s->layout->ranks;
            if (all[r][i] < f->min_s) f->min_s = all[r][i];
            if (all[r][i] > f->max_s) f->max_s = all[r][i], f->rank = r;
        }
    }
    arena_release(&s->memory, mark);
}

typedef struct verdict {
    int best, stopped;
    plateau plateau;
} verdict;

/* Rank 0 judges the epoch that was just added to the history. Returns 1 if it is the best so far. */
static int judge(training *t, const metrics_epoch *e)
{
    session *s = t->s;
    updater *u = t->p->u;
    progress_state *p = &t->progress;
    double value = stopping_value(&s->cfg, e), best = p->best_epoch ? p->best_value : (double)NAN;
    verdict v = {.best = stopping_is_better(&s->cfg, value, best), .plateau = u->plateau};
    progress_state after = *p;
    if (v.best) after.best_epoch = e->epoch;
    v.stopped = stopping_is_due(&s->cfg, &after, &t->reason);
    plateau_see(&v.plateau, &u->schedule, training_watched_loss(e));
    comm_broadcast(s->c, &v, sizeof v);
    if (v.best) p->best_epoch = e->epoch, p->best_value = value;
    u->plateau = v.plateau;
    t->stopped = v.stopped;
    return v.best;
}

/* Validation, the record, and checkpoints. If t->stop is set in the meantime, none of them: the epoch has not ended then. */
static status end_epoch(training *t, int epoch, double start_s, int64_t trained_before,
                        double training_before_s, failure *why)
{
    session *s = t->s;
    progress_state *p = &t->progress;
    double begin_s = trace_now(s->trace);
    evaluation v = evaluator_run(s, &s->validation, NULL, NULL);
    trace_span(s->trace, 0, PROFILE_VALIDATION, begin_s);
    if ((t->stop = v.stopped)) return STATUS_OK;
    metrics_epoch e = {.epoch = epoch + 1,
                       .step = s->step,
                       .loss = p->epoch_loss / (double)p->epoch_samples,
                       .accuracy = (double)p->epoch_correct / (double)p->epoch_samples,
                       .val_loss = v.loss,
                       .val_accuracy = v.accuracy,
                       .seconds = timer_now_s() - start_s};
    e.images_per_second = (double)(t->trained - trained_before) /
                          (t->training_s - training_before_s);
    phase_figures(t, &e);
    p->epoch = epoch + 1;
    p->epoch_loss = 0;
    p->epoch_correct = p->epoch_samples = 0;
    p->history[p->epochs++] = e;
    int best = judge(t, &e);
    status code = training_is_root(t) ? metrics_add_epoch(t->record, &e, why) : STATUS_OK;
    if (training_is_root(t) && t->watch->epoch_done) t->watch->epoch_done(t->watch->context, s, &e);
    training_note(t, t->reason.text);
    code = comm_agree(s->c, code, why);
    int last = epoch + 1 == s->cfg.epochs || is_over(t) || t->stopped;
    int due = t->due || cadence_counts(&t->every, s->step, epoch + 1);
    /* in this order: `last` names the best, which must be there */
    if (!code && best) code = training_save(t, CHECKPOINT_BEST, why);
    if (!code && (due || last)) code = training_save(t, CHECKPOINT_LAST, why);
    return code;
}

/* Why any rank wants to stop before the first step; 0: none does. */
static int ask_all(const training *t)
{
    session *s = t->s;
    arena_mark mark = arena_now(&s->memory);
    int own = stop_asked(), stop = 0,
        *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &own, sizeof own, all);
    for (int r = 0; r < s->layout->ranks; r++)
        if (all[r] > stop) stop = all[r];
    arena_release(&s->memory, mark);
    return stop;
}

/* 1 if all steps of the epoch that has begun are done. */
static int is_epoch_run(const training *t)
{
    return t->s->step == (int64_t)(t->progress.epoch + 1) * t->steps_per_epoch;
}

static int has_more(const training *t)
{
    return t->progress.epoch < t->s->cfg.epochs && !t->stopped && (!is_over(t) || is_epoch_run(t));
}

static status all_epochs(training *t, failure *why)
{
    session *s = t->s;
    t->stop = ask_all(t);
    while (has_more(t) && !t->stop) {
        int epoch = t->progress.epoch;
        double start_s = timer_now_s(), training_s = t->training_s;
        int64_t trained = t->trained;
        status code = comm_agree(s->c, run_epoch(t, epoch, why), why);
        if (code) return code;
        if (t->stop) break;
        if (is_epoch_run(t))
            code = end_epoch(t, epoch, start_s, trained, training_s, why);
        else
            code = training_save(t, CHECKPOINT_LAST, why); /* --max-steps inside an epoch */
        trace_span(s->trace, 0, PROFILE_EPOCH, start_s);
        if (code) return code;
    }
    return t->stop ? training_leave(t, why) : STATUS_OK;
}

static const char *phase_name(int phase)
{
    return step_phase_name((step_phase)phase);
}

/* Trains and tests, watched if --hang-timeout is given. */
static status train(training *t, train_result *result, failure *why)
{
    session *s = t->s;
    double timeout_s = settings_hang_timeout(&s->cfg);
    if (timeout_s > 0) comm_watch(s->c, timeout_s, phase_name);
    status code = all_epochs(t, why);
    if (!code) code = training_end(t, result, why);
    if (timeout_s > 0) comm_unwatch(s->c);
    return training_end_profile(t, code, why);
}

/* A run from its folder to its results. */
static status run(training *t, train_result *result, char *run_folder, failure *why)
{
    session *s = t->s;
    status code = training_begin(t, why);
    if (code) return code;
    if (training_is_root(t)) {
        memcpy(run_folder, t->folder, sizeof t->folder);
        if (t->watch->started) t->watch->started(t->watch->context, s, t->folder, s->step);
    }
    return train(t, result, why);
}

status train_run(session *s, profile *p, const train_observer *observer, train_result *result,
                 char *run_folder, failure *why)
{
    training t = {.s = s,
                  .profile = p,
                  .saved_step = -1,
                  .watch = observer,
                  .steps_per_epoch = sampler_steps(&s->order),
                  .began_s = timer_now_s()};
    if (s->cfg.epochs > SETTINGS_MAX_EPOCHS)
        return fail(why, STATUS_USAGE, "--epochs=%lld: at most %d", (long long)s->cfg.epochs,
                    SETTINGS_MAX_EPOCHS);
    if (cadence_parse(s->cfg.checkpoint_every, &t.every, why)) return STATUS_USAGE;
    int continues = s->cfg.resume == YES || s->cfg.resume_from[0];
    int room = continues ? SETTINGS_MAX_EPOCHS : (int)s->cfg.epochs;
    t.p = step_new(s);
    if (s->cfg.digest_every > 0) t.guard = guard_new(s);
    t.progress.history = memory_take((size_t)room * sizeof *t.progress.history);
    status code = run(&t, result, run_folder, why);
    if (t.record) metrics_close(t.record);
    folder_lock_release(&t.lock);
    memory_free(t.progress.history);
    text_buffer_free(&t.history.rows);
    return code;
}
