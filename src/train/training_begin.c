/* train/training_begin.c - the run folder, and the parameters to begin with. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/timer.h"
#include "train/keras_import.h"
#include "train/results.h"
#include "train/stopping.h"
#include "training.h"

/* ---- --weights ---- */

/* path: Keras' `.weights.h5` or `.h5`, a checkpoint, or a run folder, whose last weights are taken. remark: what the user
 * should know, or "". */
static status open_weights(const char *path, checkpoint_file **file, failure *remark, failure *why)
{
    char opened[FILE_PATH];
    status code;
    if (!file_is_folder(path)) {
        code = checkpoint_open(path, file, why);
        if (code) return code;
        *remark = checkpoint_note(*file);
        return keras_import(*file, path, remark, why);
    }
    code = checkpoint_open_run(path, CHECKPOINT_LAST, file, opened, remark, why);
    if (!code && !remark->text[0])
        fail(remark, STATUS_OK, "starts from the weights of %.900s%s", opened,
             results_place_in(*file).text);
    return code;
}

static status take_weights(training *t, failure *why)
{
    session *s = t->s;
    checkpoint_file *file = NULL;
    failure remark = {""}, of_state = {""};
    status code = STATUS_OK;
    if (training_is_root(t)) code = open_weights(s->cfg.weights, &file, &remark, why);
    code = comm_agree(s->c, code, why);
    if (!code && s->cfg.optimizer_state == YES)
        code = state_read_start(t->p->u, file, &t->progress, &of_state, why);
    else if (!code)
        code = state_read_weights(s, file, why);
    if (file) checkpoint_close(file);
    if (code) return code;
    training_note(t, remark.text);
    training_note(t, of_state.text);
    return code;
}

/* ---- --resume, --resume-from ---- */

double training_watched_loss(const metrics_epoch *e)
{
    return isnan(e->val_loss) ? e->loss : e->val_loss;
}

static void note_numerics(const training *t)
{
    const progress_state *p = &t->progress;
    char line[160];
    if (!p->numerics_before) return;
    snprintf(line, sizeof line,
             "the run began with numerics %d and took another number after step %s: its bits are "
             "those of no number",
             p->numerics_before, text_thousands(p->numerics_since).text);
    training_note(t, line);
}

/* What the epochs before this part of the run mean for the schedule and for stopping. */
static void recall(training *t)
{
    const progress_state *p = &t->progress;
    updater *u = t->p->u;
    for (int i = 0; i < p->epochs; i++)
        plateau_see(&u->plateau, &u->schedule, training_watched_loss(&p->history[i]));
    t->stopped = stopping_is_due(&t->s->cfg, p, &t->reason);
    training_note(t, t->reason.text);
    note_numerics(t);
}

/* Rank 0 makes the folder. */
static status choose_folder(training *t, run_place *f, failure *why)
{
    const session *s = t->s;
    char stem[2 * FILE_PATH];
    const char *kind = strpbrk(s->m.name, " ;") ? "custom" : s->m.name;
    snprintf(stem, sizeof stem, "%s-%s", kind, s->data.name);
    status code = run_folder_choose(&s->cfg, stem, f, why);
    memcpy(t->folder, f->path, sizeof t->folder);
    t->lock = f->lock;
    training_note(t, f->unlocked.text);
    training_note(t, f->remark.text);
    return code;
}

/* How the run begins; the same on all ranks. */
typedef struct beginning {
    int continues; /* 1: from a checkpoint */
    int is_last;   /* 1: from the folder's own last.weights.h5, undamaged */
} beginning;

static status restore(training *t, beginning *b, failure *why)
{
    session *s = t->s;
    run_place f = {.from = NULL};
    status code = training_is_root(t) ? choose_folder(t, &f, why) : STATUS_OK;
    code = comm_agree(s->c, code, why);
    *b = (beginning){f.from != NULL, f.is_last};
    if (!code) {
        comm_broadcast(s->c, b, sizeof *b);
        if (b->continues)
            code = state_read(t->p->u, f.from, &t->progress, SETTINGS_MAX_EPOCHS, why);
        else if (s->cfg.weights[0] && s->cfg.resume == YES)
            code = take_weights(t, why);
        if (!code) recall(t);
    }
    if (f.from) checkpoint_close(f.from);
    return code;
}

/* The files of the folder, on rank 0. A folder with a config.json but no checkpoint is of a run that begins again
 * (train/run_folder.h). So config.json comes first; except in a run that goes on from another folder, which has its first
 * checkpoint before it. */
static status open_files(training *t, const beginning *b, failure *why)
{
    const settings *cfg = &t->s->cfg;
    failure remark = {""};
    status code = cfg->resume_from[0] ? run_folder_take_along(cfg, t->folder, why)
                                      : results_write_config(t->s, t->folder, why);
    if (code) return code;
    code = metrics_open(t->folder, b->continues ? t->progress.step : -1, t->progress.epoch,
                        &t->record, &remark, why);
    if (code) return code;
    training_note(t, remark.text);
    if (file_sync_is_missing())
        training_note(t, "this file system has no fsync: a power failure may lose checkpoints");
    return STATUS_OK;
}

status training_begin(training *t, failure *why)
{
    session *s = t->s;
    beginning b = {0};
    status code = STATUS_OK;
    /* before a folder is made, which an error would leave empty; with --resume the folder says whether they are needed */
    if (s->cfg.weights[0] && s->cfg.resume == NO) code = take_weights(t, why);
    if (!code) code = restore(t, &b, why);
    if (code) return code;
    if (training_is_root(t)) code = open_files(t, &b, why);
    code = comm_agree(s->c, code, why);
    if (b.is_last) t->saved_step = t->progress.step, t->saved_epoch = t->progress.epoch;
    if (!code && b.continues && !b.is_last) code = training_save(t, CHECKPOINT_LAST, why);
    if (!code && training_is_root(t) && s->cfg.resume_from[0])
        code = results_write_config(s, t->folder, why);
    t->saved_s = timer_now_s();
    return comm_agree(s->c, code, why);
}
