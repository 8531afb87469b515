/* unit/train_early_stopping.c - the best epoch and the stop, epoch by epoch, as Keras' EarlyStopping has them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "train/stopping.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

enum { MOST = 16 };

typedef struct run_so_far {
    settings cfg;
    metrics_epoch history[MOST];
    progress_state p;
    failure reason;
} run_so_far;

static void begin(run_so_far *r, int monitor, int64_t patience, double min_delta)
{
    *r = (run_so_far){.cfg = settings_default()};
    r->cfg.monitor = monitor;
    r->cfg.patience = patience;
    r->cfg.min_delta = min_delta;
    r->p.history = r->history;
    r->p.best_value = (double)NAN;
}

/* An epoch ends; 1: the run does. */
static int ends(run_so_far *r, metrics_epoch e)
{
    progress_state *p = &r->p;
    p->history[p->epochs++] = e;
    p->epoch = p->epochs;
    double value = stopping_value(&r->cfg, &e);
    if (stopping_is_better(&r->cfg, value, p->best_value)) {
        p->best_epoch = p->epoch;
        p->best_value = value;
    }
    return stopping_is_due(&r->cfg, p, &r->reason);
}

static int ends_with_loss(run_so_far *r, double val_loss)
{
    return ends(r,
                (metrics_epoch){.loss = 9, .accuracy = 0, .val_loss = val_loss, .val_accuracy = 0});
}

static void patience_counts_from_the_best(void **state)
{
    (void)state;
    run_so_far r;
    begin(&r, MONITOR_VALIDATION_LOSS, 2, 0);
    assert_false(stopping_is_due(&r.cfg, &r.p, &r.reason)); /* before the first epoch */
    assert_false(ends_with_loss(&r, 1));
    assert_false(ends_with_loss(&r, 1)); /* equal is not better */
    assert_false(ends_with_loss(&r, 0.9));
    assert_int_equal(r.p.best_epoch, 3);
    assert_false(ends_with_loss(&r, 0.95));
    assert_true(ends_with_loss(&r, 0.91));
    assert_int_equal(r.p.best_epoch, 3);
    assert_string_equal(r.reason.text,
                        "stopped after epoch 5: validation_loss was best in epoch 3, 2 ago");
}

static void no_patience_never_stops(void **state)
{
    (void)state;
    run_so_far r;
    begin(&r, MONITOR_VALIDATION_LOSS, 0, 0);
    for (int i = 0; i < 10; i++) assert_false(ends_with_loss(&r, i));
    assert_int_equal(r.p.best_epoch, 1);
}

static void better_is_better_by_more_than_min_delta(void **state)
{
    (void)state;
    run_so_far r;
    begin(&r, MONITOR_VALIDATION_LOSS, 3, 0.125);
    assert_false(ends_with_loss(&r, 1));
    assert_false(ends_with_loss(&r, 0.875)); /* by exactly that much */
    assert_false(ends_with_loss(&r, 0.75));
    assert_int_equal(r.p.best_epoch, 3);
    assert_true(r.p.best_value == 0.75);
    begin(&r, MONITOR_VALIDATION_ACCURACY, 3, 0.125);
    assert_false(ends(&r, (metrics_epoch){.val_accuracy = 0.5}));
    assert_false(ends(&r, (metrics_epoch){.val_accuracy = 0.625}));
    assert_int_equal(r.p.best_epoch, 1);
    assert_false(ends(&r, (metrics_epoch){.val_accuracy = 0.75}));
    assert_int_equal(r.p.best_epoch, 3);
}

static void each_monitor_watches_its_own(void **state)
{
    (void)state;
    const metrics_epoch first = {.loss = 1, .accuracy = 0.5, .val_loss = 1, .val_accuracy = 0.5};
    for (int monitor = MONITOR_VALIDATION_LOSS; monitor <= MONITOR_ACCURACY; monitor++)
        for (int better = MONITOR_VALIDATION_LOSS; better <= MONITOR_ACCURACY; better++) {
            metrics_epoch second = first;
            if (better == MONITOR_VALIDATION_LOSS) second.val_loss = 0.5;
            if (better == MONITOR_VALIDATION_ACCURACY) second.val_accuracy = 0.75;
            if (better == MONITOR_LOSS) second.loss = 0.5;
            if (better == MONITOR_ACCURACY) second.accuracy = 0.75;
            run_so_far r;
            begin(&r, monitor, 1, 0);
            assert_false(ends(&r, first));
            assert_int_equal(ends(&r, second), monitor != better);
            assert_int_equal(r.p.best_epoch, monitor == better ? 2 : 1);
        }
}

/* Without a validation set its values are NaN: training's are watched. */
static void without_a_validation_set(void **state)
{
    (void)state;
    metrics_epoch e = {
        .loss = 0.25, .accuracy = 0.5, .val_loss = (double)NAN, .val_accuracy = (double)NAN};
    run_so_far r;
    begin(&r, MONITOR_VALIDATION_LOSS, 1, 0);
    assert_true(stopping_value(&r.cfg, &e) == 0.25);
    assert_false(ends(&r, e));
    assert_true(ends(&r, e));
    assert_string_equal(r.reason.text, "stopped after epoch 2: loss was best in epoch 1, 1 ago");
    r.cfg.monitor = MONITOR_VALIDATION_ACCURACY;
    assert_true(stopping_value(&r.cfg, &e) == 0.5);
}

static void a_target_is_reached(void **state)
{
    (void)state;
    run_so_far r;
    begin(&r, MONITOR_VALIDATION_LOSS, 0, 0);
    r.cfg.target_accuracy = 0.75;
    assert_false(ends(&r, (metrics_epoch){.val_accuracy = 0.7499, .val_loss = 1}));
    assert_true(ends(&r, (metrics_epoch){.val_accuracy = 0.75, .val_loss = 1}));
    assert_string_equal(r.reason.text,
                        "stopped after epoch 2: validation accuracy 0.7500 reaches 0.75");
    assert_false(ends(&r, (metrics_epoch){.val_accuracy = (double)NAN, .val_loss = (double)NAN}));
}

/* What a checkpoint holds is all: the run that goes on decides as the one that never stopped. */
static void a_resumed_run_decides_alike(void **state)
{
    (void)state;
    static const double losses[] = {1, 0.8, 0.85, 0.7, 0.75, 0.72, 0.71, 0.6};
    for (int stop = 1; stop < 7; stop++) {
        run_so_far whole, part;
        begin(&whole, MONITOR_VALIDATION_LOSS, 3, 0);
        begin(&part, MONITOR_VALIDATION_LOSS, 3, 0);
        for (int i = 0; i < stop; i++)
            ends_with_loss(&whole, losses[i]), ends_with_loss(&part, losses[i]);
        run_so_far resumed;
        begin(&resumed, MONITOR_VALIDATION_LOSS, 3, 0);
        memcpy(resumed.history, part.history, sizeof part.history);
        resumed.p.epoch = part.p.epoch, resumed.p.epochs = part.p.epochs;
        resumed.p.best_epoch = part.p.best_epoch, resumed.p.best_value = part.p.best_value;
        for (int i = stop; i < 7; i++)
            assert_int_equal(ends_with_loss(&resumed, losses[i]),
                             ends_with_loss(&whole, losses[i]));
        assert_true(stopping_is_due(&resumed.cfg, &resumed.p, &resumed.reason));
        resumed.cfg.patience = 5; /* more patience than the run that stopped: it goes on */
        assert_false(stopping_is_due(&resumed.cfg, &resumed.p, &resumed.reason));
    }
}

/* A training that diverges: from the third epoch on the sum of losses is the largest there is (loss_add). */
static void huge_losses_are_never_the_best(void **state)
{
    (void)state;
    run_so_far r;
    double huge = (double)INT64_MAX * 0x1p-32 / 10000;
    assert_true(huge > 2e5 && isfinite(huge));
    begin(&r, MONITOR_VALIDATION_LOSS, 0, 0);
    ends_with_loss(&r, 2.3);
    ends_with_loss(&r, 100);
    ends_with_loss(&r, huge);
    assert_int_equal(r.p.best_epoch, 1);
    begin(&r, MONITOR_VALIDATION_LOSS, 0, 0);
    ends_with_loss(&r, huge);
    ends_with_loss(&r, huge); /* no better than itself */
    assert_int_equal(r.p.best_epoch, 1);
    ends_with_loss(&r, 100);
    assert_int_equal(r.p.best_epoch, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_counts_from_the_best),
        cmocka_unit_test(huge_losses_are_never_the_best),
        cmocka_unit_test(no_patience_never_stops),
        cmocka_unit_test(better_is_better_by_more_than_min_delta),
        cmocka_unit_test(each_monitor_watches_its_own),
        cmocka_unit_test(without_a_validation_set),
        cmocka_unit_test(a_target_is_reached),
        cmocka_unit_test(a_resumed_run_decides_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
