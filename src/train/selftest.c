/* train/selftest.c - a training of the table of numerics, without files. */
#include "train/selftest.h"

#include <stdio.h>
#include <string.h>

#include "base/timer.h"
#include "train/evaluator.h"
#include "train/guard.h"

/* The digits that the settings use, and no others; digit i is the same in a set of any size. */
static status find_digits(const settings *cfg, dataset_plan *plan, failure *why)
{
    dataset_cfg data = dataset_cfg_default();
    data.folder = cfg->data;
    data.synthetic_train = (int)cfg->limit;
    data.synthetic_test = 1;
    status code = dataset_find(&data, plan, why);
    if (!code && plan->file[0][0])
        code = fail(why, STATUS_USAGE,
                    "the built-in digits are hidden by the folder '%s' here: start selftest in "
                    "another folder",
                    cfg->data);
    return code;
}

/* All steps, and after each epoch the validation that the schedule may watch. */
static status run_steps(session *s, stepper *p, failure *why)
{
    int each = sampler_steps(&s->order);
    while (s->step < s->cfg.max_steps) {
        int epoch = (int)(s->step / each);
        step_result r = step_run(p, epoch, (int)(s->step % each), 0);
        if (!r.finite) return guard_not_finite(p, &r, epoch, why);
        if (s->step % each != 0) continue;
        evaluation v = evaluator_run(s, &s->validation, NULL, NULL);
        plateau_see(&p->u->plateau, &p->u->schedule, v.loss);
    }
    return STATUS_OK;
}

static status run_session(const selftest_cfg *cfg, session *s, selftest_result *r, failure *why)
{
    if (cfg->opened) cfg->opened(s);
    guard *g = guard_new(s);
    status code = run_steps(s, step_new(s), why);
    if (!code) code = guard_check(g, r->digest, why);
    if (!code) code = guard_finite(s, why);
    r->steps = (int)s->step;
    snprintf(r->isa, sizeof r->isa, "%s", s->isa);
    return code;
}

status selftest_run(const selftest_cfg *cfg, const numerics_row *row, selftest_result *r,
                    failure *why)
{
    double begin_s = timer_now_s();
    dataset_plan *plan = memory_take(sizeof *plan);
    session *s = memory_take(sizeof *s);
    session_cfg open = {.c = cfg->c, .threads = cfg->threads, .cores = cfg->cores, .plan = plan};
    *r = (selftest_result){.steps = 0};
    status code = numerics_settings(row, cfg->isa, &open.cfg, why);
    if (!code) code = find_digits(&open.cfg, plan, why);
    code = comm_agree(cfg->c, code, why);
    if (!code) code = session_open(s, &open, why);
    if (!code) code = run_session(cfg, s, r, why);
    session_close(s);
    memory_free(s);
    memory_free(plan);
    r->seconds = timer_now_s() - begin_s;
    return code;
}
