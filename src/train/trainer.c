/* train/trainer.c - a whole run: epochs of steps, validation, checkpoints, the test at the end. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/stop.h"
#include "base/timer.h"
#include "io/file.h"
#include "train/cadence.h"
#include "train/evaluator.h"
#include "train/guard.h"
#include "train/profile.h"
#include "train/results.h"
#include "train/run_folder.h"
#include "train/start.h"
#include "train/state.h"
#include "train/step.h"
#include "train/stopping.h"

typedef struct trainer {
    session *s;
    const train_observer *watch; /* rank 0 only acts on it */
    char folder[FILE_PATH];
    metrics *record; /* rank 0                 */
    progress_state progress;
    history_text history; /* rank 0's, for checkpoints */
    int steps_per_epoch;
    cadence every;               /* of checkpoints */
    int due;                     /* one at the end of the epoch, by rank 0's clock */
    int64_t saved_step;          /* what last.weights.h5 holds; -1: there is none */
    int saved_epoch;             /* likewise */
    double saved_s;              /* when it was written */
    int stop;                    /* why to leave early (base/stop.h), the same on all ranks */
    int stopped;                 /* by --patience or --target-accuracy */
    message reason;              /* why */
    double training_s;           /* steps alone, this run  */
    int64_t trained;             /* samples, this run      */
    double phase_s[STEP_PHASES]; /* of the epoch           */
    double began_s;
    guard *guard;    /* --digest-every; else NULL */
    char digest[33]; /* of the parameters after the newest step; "": not asked for */
} trainer;

static int is_root(const trainer *t)
{
    return t->s->layout->rank == 0;
}

static void note(const trainer *t, const char *line)
{
    if (is_root(t) && t->watch->noted && line[0]) t->watch->noted(t->watch->context, line);
}

/* What a plateau of the schedule is seen in. */
static double watched_loss(const metrics_epoch *e)
{
    return isnan(e->val_loss) ? e->loss : e->val_loss;
}

/* What the epochs before this run mean for the schedule and for stopping. */
static void recall(trainer *t)
{
    session *s = t->s;
    const progress_state *p = &t->progress;
    for (int i = 0; i < p->epochs; i++)
        plateau_see(&s->plateau, &s->schedule, watched_loss(&p->history[i]));
    t->stopped = stopping_is_due(&s->cfg, p, &t->reason);
    note(t, t->reason.text);
}

/* --weights; `late` where --resume decides first whether the run begins at all. */
static status take_weights(trainer *t, int late, message *why)
{
    const settings *cfg = &t->s->cfg;
    message remark;
    if (!cfg->weights[0] || late != (cfg->resume == YES)) return STATUS_OK;
    status code = start_from_weights(t->s, cfg->weights, &remark, why);
    if (!code) note(t, remark.text);
    return code;
}

/* Older checkpoints: the one that is about to be `prev` gets a name that stays. */
static status keep_last(const trainer *t, message *why)
{
    if (t->s->cfg.keep == 0 || t->saved_step < 0) return STATUS_OK;
    return checkpoint_keep(t->folder, t->saved_step, why);
}

/* The record's lines first: they may be ahead of the checkpoint (metrics_open cuts them back), but never behind. */
static status save(trainer *t, checkpoint_role role, message *why)
{
    session *s = t->s;
    int is_last = role == CHECKPOINT_LAST, on_root = is_root(t) && is_last;
    double begin_s = trace_now(s->trace);
    status code = t->guard ? guard_check(t->guard, s, NULL, why) : STATUS_OK;
    if (code) return code; /* what was good is not replaced */
    if (on_root) code = metrics_flush(t->record, why);
    if (!code && on_root) code = keep_last(t, why);
    code = comm_agree(s->c, code, why);
    if (!code) code = state_write(s, t->folder, role, &t->progress, &t->history, why);
    if (!code && on_root && s->cfg.keep > 0)
        code = checkpoint_thin_out(t->folder, (int)s->cfg.keep, why);
    if (!code && on_root) code = metrics_tabulate(t->record, why);
    code = comm_agree(s->c, code, why);
    trace_span(s->trace, 0, PROFILE_CHECKPOINT, begin_s);
    if (code || !is_last) return code;
    t->saved_step = t->progress.step;
    t->saved_epoch = t->progress.epoch;
    t->saved_s = timer_now_s();
    return STATUS_OK;
}

/* The checkpoint that --resume or --resume-from goes on from, if any, or --weights. */
static status restore(trainer *t, int *continues, int *is_last, message *why)
{
    session *s = t->s;
    checkpoint_file *from = NULL;
    message remark = {""};
    status code = is_root(t) ? run_folder_choose(s, t->folder, &from, is_last, &remark, why)
                             : STATUS_OK;
    note(t, remark.text);
    code = comm_agree(s->c, code, why);
    *continues = from != NULL;
    if (!code) {
        comm_broadcast(s->c, continues, sizeof *continues);
        comm_broadcast(s->c, is_last, sizeof *is_last);
        code = *continues ? state_read(s, from, &t->progress, t->progress.history,
                                       SETTINGS_MAX_EPOCHS, why)
                          : take_weights(t, 1, why);
        if (!code) recall(t);
    }
    if (from) checkpoint_close(from);
    return code;
}

/* A folder with config.json and without a checkpoint is a run to be begun again (train/run_folder.h). So the configuration
 * comes first; last where the run goes on from elsewhere, and has its first checkpoint before that. */
static status begin(trainer *t, message *why)
{
    session *s = t->s;
    int continues = 0, is_last = 0, elsewhere = s->cfg.resume_from[0] != 0;
    status code = take_weights(t, 0, why); /* before a folder is made, which would be left empty */
    if (!code) code = restore(t, &continues, &is_last, why);
    if (code) return code;
    if (is_root(t)) {
        code = elsewhere ? run_folder_take_along(s, t->folder, why)
                         : results_write_config(s, t->folder, why);
        if (!code)
            code = metrics_open(t->folder, continues ? t->progress.step : -1, t->progress.epoch,
                                &t->record, why);
    }
    code = comm_agree(s->c, code, why);
    if (is_last) t->saved_step = t->progress.step, t->saved_epoch = t->progress.epoch;
    if (!code && continues && !is_last) code = save(t, CHECKPOINT_LAST, why);
    if (!code && is_root(t) && elsewhere) code = results_write_config(s, t->folder, why);
    t->saved_s = timer_now_s();
    return comm_agree(s->c, code, why);
}

/* The step's figures to the record and to whoever watches. */
static status tell_step(trainer *t, const step_result *r, int epoch, int step, double step_s,
                        message *why)
{
    progress_state *p = &t->progress;
    if (!is_root(t)) return STATUS_OK;
    metrics_step m = {.epoch = epoch + 1,
                      .step = t->s->step,
                      .loss = r->loss_sum / r->samples,
                      .accuracy = (double)r->correct / r->samples,
                      .learning_rate = t->s->optimizer.learning_rate,
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

/* --digest-every: the digest for the record, where all copies of the parameters agree. */
static status check_copies(trainer *t, message *why)
{
    t->digest[0] = 0;
    if (!t->guard || t->s->step % t->s->cfg.digest_every != 0) return STATUS_OK;
    return guard_check(t->guard, t->s, is_root(t) ? t->digest : NULL, why);
}

/* Is this the last step that --max-steps allows? */
static int is_over(const trainer *t)
{
    return t->s->cfg.max_steps > 0 && t->s->step >= t->s->cfg.max_steps;
}

/* A step, and its figures to the running sums; *told: rank 0's, of writing them down. */
static status run_step(trainer *t, int epoch, int step, status *told, message *why)
{
    session *s = t->s;
    progress_state *p = &t->progress;
    double start_s = timer_now_s();
    s->wants_saving = is_root(t) && cadence_times(&t->every, start_s - t->saved_s);
    step_result r = step_run(s, epoch, step);
    double step_s = timer_now_s() - start_s;
    if (!r.finite) return guard_not_finite(s, &r, epoch, why);
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
    t->due = r.save;
    if (!*told) *told = tell_step(t, &r, epoch, step, step_s, why);
    return STATUS_OK;
}

static status run_epoch(trainer *t, int epoch, message *why)
{
    session *s = t->s;
    memset(t->phase_s, 0, sizeof t->phase_s);
    int step = (int)(s->step - (int64_t)epoch * t->steps_per_epoch);
    status told =
        STATUS_OK; /* rank 0 alone can fail to write: it goes on until all agree on something */
    for (t->due = 0; step < t->steps_per_epoch && !is_over(t) && !t->stop; step++) {
        status code = run_step(t, epoch, step, &told, why);
        if (code) return code;
        int due = t->due || cadence_counts(&t->every, s->step, 0);
        if (!due || t->stop || step + 1 == t->steps_per_epoch || is_over(t)) continue;
        code = comm_agree(s->c, told, why);
        if (!code) code = save(t, CHECKPOINT_LAST, why);
        if (code) return code;
    }
    return told;
}

/* Time per phase: least, mean and most over the ranks. */
static void phase_figures(trainer *t, metrics_epoch *e)
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

/* What the epoch just added to the history means, as rank 0 finds; 1: it is the best so far. */
static int judge(trainer *t, const metrics_epoch *e)
{
    session *s = t->s;
    progress_state *p = &t->progress;
    double value = stopping_value(&s->cfg, e), best = p->best_epoch ? p->best_value : (double)NAN;
    verdict v = {.best = stopping_is_better(&s->cfg, value, best), .plateau = s->plateau};
    progress_state after = *p;
    if (v.best) after.best_epoch = e->epoch;
    v.stopped = stopping_is_due(&s->cfg, &after, &t->reason);
    plateau_see(&v.plateau, &s->schedule, watched_loss(e));
    comm_broadcast(s->c, &v, sizeof v);
    if (v.best) p->best_epoch = e->epoch, p->best_value = value;
    s->plateau = v.plateau;
    t->stopped = v.stopped;
    return v.best;
}

/* Validation, the record, and checkpoints; nothing of it where t->stop is set in the meantime: the epoch stays open. */
static status end_epoch(trainer *t, int epoch, double start_s, int64_t trained_before,
                        double training_before_s, message *why)
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
    status code = is_root(t) ? metrics_add_epoch(t->record, &e, why) : STATUS_OK;
    if (is_root(t) && t->watch->epoch_done) t->watch->epoch_done(t->watch->context, s, &e);
    note(t, t->reason.text);
    code = comm_agree(s->c, code, why);
    int last = epoch + 1 == s->cfg.epochs || is_over(t) || t->stopped;
    int due = t->due || cadence_counts(&t->every, s->step, epoch + 1);
    /* in this order: what `last` says is the best is there */
    if (!code && best) code = save(t, CHECKPOINT_BEST, why);
    if (!code && (due || last)) code = save(t, CHECKPOINT_LAST, why);
    return code;
}

/* A signal or the clock may have come before the first step. */
static int ask_all(const trainer *t)
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

/* All leave here, with a checkpoint of this step unless it is there. */
static status leave(trainer *t, message *why)
{
    const progress_state *p = &t->progress;
    int saved = p->step == t->saved_step && p->epoch == t->saved_epoch;
    status code = saved ? STATUS_OK : save(t, CHECKPOINT_LAST, why);
    if (code) return code;
    return fail(why, STATUS_STOPPED, "stopped by %s at step %lld; continue with --resume",
                stop_reason(t->stop), (long long)p->step);
}

/* All steps of the epoch begun are done; only its end may be missing. */
static int is_epoch_run(const trainer *t)
{
    return t->s->step == (int64_t)(t->progress.epoch + 1) * t->steps_per_epoch;
}

static int has_more(const trainer *t)
{
    return t->progress.epoch < t->s->cfg.epochs && !t->stopped && (!is_over(t) || is_epoch_run(t));
}

static status all_epochs(trainer *t, message *why)
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
            code = save(t, CHECKPOINT_LAST, why); /* --max-steps inside an epoch */
        trace_span(s->trace, 0, PROFILE_EPOCH, start_s);
        if (code) return code;
    }
    return t->stop ? leave(t, why) : STATUS_OK;
}

/* The best weights' accuracy: known already where the last epoch was the best, unknown where their file is missing. */
static status test_best(trainer *t, train_result *r, message *why)
{
    session *s = t->s;
    r->best_epoch = t->progress.best_epoch;
    r->best_test_accuracy = r->test_accuracy;
    if (r->best_epoch == 0 || s->step == (int64_t)r->best_epoch * t->steps_per_epoch)
        return STATUS_OK;
    r->best_test_accuracy = (double)NAN;
    char path[FILE_PATH];
    int there = is_root(t) && !file_join(t->folder, "best.weights.h5", path, NULL) &&
                file_exists(path);
    comm_broadcast(s->c, &there, sizeof there);
    if (!there) return STATUS_OK;
    checkpoint_file *file = NULL;
    status code = is_root(t) ? checkpoint_open(path, &file, why) : STATUS_OK;
    code = comm_agree(s->c, code, why);
    if (!code) code = state_read_weights(s, file, why);
    if (file) checkpoint_close(file);
    if (code) return code;
    evaluation best = evaluator_run(s, &s->data.test, NULL, NULL);
    r->best_test_accuracy = best.accuracy;
    t->stop = best.stopped;
    return t->stop ? leave(t, why) : STATUS_OK;
}

static void training_figures(const trainer *t, train_result *r)
{
    const progress_state *p = &t->progress;
    r->epochs = p->epoch;
    r->train_loss = r->train_accuracy = r->validation_loss = r->validation_accuracy = (double)NAN;
    if (p->epochs > 0) {
        const metrics_epoch *e = &p->history[p->epochs - 1];
        r->train_loss = e->loss, r->train_accuracy = e->accuracy;
        r->validation_loss = e->val_loss, r->validation_accuracy = e->val_accuracy;
    } else if (p->epoch_samples > 0) { /* --max-steps inside the first epoch */
        r->train_loss = p->epoch_loss / (double)p->epoch_samples;
        r->train_accuracy = (double)p->epoch_correct / (double)p->epoch_samples;
    }
    r->images_per_second = t->training_s > 0 ? (double)t->trained / t->training_s : (double)NAN;
    r->seconds = timer_now_s() - t->began_s;
}

static status finish(trainer *t, train_result *r, message *why)
{
    session *s = t->s;
    arena_mark mark = arena_now(&s->memory);
    uint8_t *predicted = arena_take(&s->memory, (size_t)s->data.test.count);
    float *probability = arena_take(&s->memory, (size_t)s->data.test.count * sizeof(float));
    double begin_s = trace_now(s->trace);
    evaluation test = evaluator_run(s, &s->data.test, predicted, probability);
    trace_span(s->trace, 0, PROFILE_TEST, begin_s);
    r->test_loss = test.loss;
    r->test_accuracy = test.accuracy;
    t->stop = test.stopped;
    session_digest(s, r->parameters_digest);
    status code = t->stop ? leave(t, why) : test_best(t, r, why);
    training_figures(t, r);
    if (!code && is_root(t)) {
        code = results_write_report(s, t->folder, predicted, probability, why);
        if (!code) code = metrics_finish(t->record, why);
        if (!code) code = results_write_json(s, t->folder, r, why);
    }
    arena_release(&s->memory, mark);
    return comm_agree(s->c, code, why);
}

/* --profile, of a whole run or of one that stops. A stop stays one, with its checkpoint, where no profile can be written.
 * Nobody pulses here: --hang-timeout has ended. */
static status keep_profile(trainer *t, int stops, message *why)
{
    session *s = t->s;
    message missing = {""};
    if (stops) {
        if (profile_end(s, t->folder, NULL, &missing)) note(t, missing.text);
        return STATUS_STOPPED;
    }
    roofline limits = {0, 0};
    if (s->trace) limits = roofline_measure(s);
    return profile_end(s, t->folder, &limits, why);
}

static const char *phase_name(int phase)
{
    return step_phase_name((step_phase)phase);
}

/* The run itself, with --hang-timeout under watch. */
static status train(trainer *t, train_result *result, message *why)
{
    session *s = t->s;
    double timeout_s = settings_hang_timeout(&s->cfg);
    if (timeout_s > 0) comm_watch(s->c, timeout_s, phase_name);
    status code = all_epochs(t, why);
    if (!code) code = finish(t, result, why);
    if (timeout_s > 0) comm_unwatch(s->c);
    int stops = code == STATUS_STOPPED;
    return code && !stops ? code : keep_profile(t, stops, why);
}

status train_run(session *s, const train_observer *observer, train_result *result, char *run_folder,
                 message *why)
{
    trainer t = {.s = s,
                 .saved_step = -1,
                 .watch = observer,
                 .steps_per_epoch = sampler_steps(&s->order),
                 .began_s = timer_now_s()};
    if (s->cfg.epochs > SETTINGS_MAX_EPOCHS)
        return fail(why, STATUS_USAGE, "--epochs=%lld: at most %d", (long long)s->cfg.epochs,
                    SETTINGS_MAX_EPOCHS);
    if (cadence_parse(s->cfg.checkpoint_every, &t.every, why)) return STATUS_USAGE;
    int room = s->cfg.resume == YES || s->cfg.resume_from[0] ? SETTINGS_MAX_EPOCHS
                                                             : (int)s->cfg.epochs;
    t.progress.history = memory_take((size_t)room * sizeof *t.progress.history);
    if (s->cfg.digest_every > 0) t.guard = guard_new(s);
    status code = begin(&t, why);
    if (!code) {
        if (is_root(&t)) {
            memcpy(run_folder, t.folder, sizeof t.folder);
            if (observer->started) observer->started(observer->context, s, t.folder, s->step);
        }
        code = train(&t, result, why);
    }
    if (t.record) metrics_close(t.record);
    memory_free(t.progress.history);
    text_buffer_free(&t.history.rows);
    return code;
}
