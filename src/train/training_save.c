/* train/training_save.c - notes for the user, checkpoints, leaving early. */
#include "base/stop.h"
#include "base/timer.h"
#include "training.h"

int training_is_root(const training *t)
{
    return t->s->layout->rank == 0;
}

void training_note(const training *t, const char *line)
{
    if (training_is_root(t) && t->watch->noted && line[0]) t->watch->noted(t->watch->context, line);
}

/* --keep: the checkpoint that becomes `prev` now gets a name that stays. */
static status keep_last(const training *t, failure *why)
{
    if (t->s->cfg.keep == 0 || t->saved_step < 0) return STATUS_OK;
    return checkpoint_keep(t->folder, t->saved_step, why);
}

/* The record is flushed first: it may be ahead of the checkpoint (metrics_open cuts it back), but not behind. */
status training_save(training *t, checkpoint_role role, failure *why)
{
    session *s = t->s;
    int is_last = role == CHECKPOINT_LAST, on_root = training_is_root(t) && is_last;
    double begin_s = trace_now(s->trace);
    status code = t->guard ? guard_check(t->guard, NULL, why) : STATUS_OK;
    if (!code) code = guard_finite(s, why);
    if (code) return code; /* damaged parameters do not replace good ones */
    if (on_root) code = metrics_flush(t->record, why);
    if (!code && on_root) code = keep_last(t, why);
    code = comm_agree(s->c, code, why);
    if (!code) code = state_write(t->p->u, t->folder, role, &t->progress, &t->history, why);
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

status training_leave(training *t, failure *why)
{
    const progress_state *p = &t->progress;
    int saved = p->step == t->saved_step && p->epoch == t->saved_epoch;
    status code = saved ? STATUS_OK : training_save(t, CHECKPOINT_LAST, why);
    if (code) return code;
    return fail(why, STATUS_STOPPED, "stopped by %s at step %lld; continue with --resume",
                stop_reason(t->stop), (long long)p->step);
}
