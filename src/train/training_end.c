/* train/training_end.c - the test set, the results, the profile. */
#include <math.h>

#include "base/timer.h"
#include "io/file.h"
#include "train/digest.h"
#include "train/evaluator.h"
#include "train/results.h"
#include "training.h"

/* The best weights' accuracy: that of the test if the last epoch was the best, NaN if their file is missing. */
static status test_best(training *t, train_result *r, failure *why)
{
    session *s = t->s;
    r->best_epoch = t->progress.best_epoch;
    r->best_test_accuracy = r->test_accuracy;
    r->best_is_last = r->best_epoch == 0 || s->step == (int64_t)r->best_epoch * t->steps_per_epoch;
    if (r->best_is_last) return STATUS_OK;
    r->best_test_accuracy = (double)NAN;
    char path[FILE_PATH];
    int there = training_is_root(t) && !file_join(t->folder, "best.weights.h5", path, NULL) &&
                file_exists(path);
    comm_broadcast(s->c, &there, sizeof there);
    if (!there) return STATUS_OK;
    checkpoint_file *file = NULL;
    status code = training_is_root(t) ? checkpoint_open(path, &file, why) : STATUS_OK;
    code = comm_agree(s->c, code, why);
    if (!code) code = state_read_weights(s, file, why);
    if (file) checkpoint_close(file);
    if (code) return code;
    evaluation best = evaluator_run(s, &s->data.test, NULL, NULL);
    r->best_test_accuracy = best.accuracy;
    t->stop = best.stopped;
    return t->stop ? training_leave(t, why) : STATUS_OK;
}

static void fill_figures(const training *t, train_result *r)
{
    const progress_state *p = &t->progress;
    r->epochs = p->epoch;
    r->step = p->step;
    r->numerics_before = p->numerics_before;
    r->numerics_since = p->numerics_since;
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

status training_end(training *t, train_result *r, failure *why)
{
    session *s = t->s;
    arena_mark mark = arena_now(&s->memory);
    uint8_t *predicted = arena_take(&s->memory, (size_t)s->data.test.count);
    size_t values = (size_t)s->data.test.count * (size_t)s->m.classes;
    float *probabilities = arena_take(&s->memory, values * sizeof *probabilities);
    double begin_s = trace_now(s->trace);
    evaluation test = evaluator_run(s, &s->data.test, predicted, probabilities);
    trace_span(s->trace, 0, PROFILE_TEST, begin_s);
    r->test_loss = test.loss;
    r->test_accuracy = test.accuracy;
    t->stop = test.stopped;
    digest_parameters(&s->m, s->parameters, r->parameters_digest);
    status code = t->stop ? training_leave(t, why) : test_best(t, r, why);
    fill_figures(t, r);
    if (!code && training_is_root(t)) {
        code = results_write_report(s, t->folder, results_place_of(r->epochs, r->step), predicted,
                                    probabilities, &s->memory, why);
        if (!code) code = metrics_finish(t->record, why);
        if (!code) code = results_write_json(s, t->folder, r, why);
    }
    arena_release(&s->memory, mark);
    return comm_agree(s->c, code, why);
}

/* After an early stop a profile that cannot be written is a remark. No rank pulses here: --hang-timeout has ended. */
status training_end_profile(training *t, status code, failure *why)
{
    session *s = t->s;
    failure missing = {""};
    roofline limits = {0, 0};
    if (code && code != STATUS_STOPPED) return code;
    if (code == STATUS_STOPPED) {
        if (profile_end(t->profile, t->folder, NULL, &missing)) training_note(t, missing.text);
        return STATUS_STOPPED;
    }
    if (t->profile) limits = roofline_measure(s->c, s->m.k, s->threads, &s->memory);
    return profile_end(t->profile, t->folder, &limits, why);
}
