/* train/stopping.c - which epoch is the best, and when training stops early. */
#include "train/stopping.h"

#include <math.h>

/* What is monitored of an epoch: the training value if there is no validation set. */
static monitored monitor_of(const settings *s, const metrics_epoch *e)
{
    if (!isnan(e->val_loss)) return (monitored)s->monitor;
    return s->monitor == MONITOR_VALIDATION_LOSS || s->monitor == MONITOR_LOSS ? MONITOR_LOSS
                                                                               : MONITOR_ACCURACY;
}

double stopping_value(const settings *s, const metrics_epoch *e)
{
    const double values[] = {e->val_loss, e->val_accuracy, e->loss, e->accuracy};
    return values[monitor_of(s, e)];
}

int stopping_is_better(const settings *s, double value, double best)
{
    if (isnan(best)) return 1;
    int is_loss = s->monitor == MONITOR_VALIDATION_LOSS || s->monitor == MONITOR_LOSS;
    return is_loss ? value < best - s->min_delta : value > best + s->min_delta;
}

int stopping_is_due(const settings *s, const progress_state *p, failure *reason)
{
    if (p->epochs == 0) return 0;
    const metrics_epoch *e = &p->history[p->epochs - 1];
    if (s->target_accuracy > 0 && e->val_accuracy >= s->target_accuracy) {
        fail(reason, STATUS_OK, "stopped after epoch %d: validation accuracy %.4f reaches %g",
             p->epoch, e->val_accuracy, s->target_accuracy);
        return 1;
    }
    if (s->patience == 0 || p->epoch - p->best_epoch < s->patience) return 0;
    fail(reason, STATUS_OK, "stopped after epoch %d: %s was best in epoch %d, %d ago", p->epoch,
         settings_word(settings_row("monitor"), (int)monitor_of(s, e)), p->best_epoch,
         p->epoch - p->best_epoch);
    return 1;
}
