/* app/train.c - the command train. */
#include <stdio.h>

#include "app/app.h"
#include "app/estimate.h"
#include "app/print.h"
#include "app/progress.h"
#include "base/text.h"
#include "io/file.h"
#include "train/trainer.h"

/* ---- --dry-run: what would be done ---- */

static void print_memory(const estimate *e, size_t message_bytes)
{
    double shared = (double)(e->data_bytes + e->host_bytes);
    double own = (double)(e->partial_bytes + e->state_bytes + e->pass_bytes + message_bytes);
    printf("memory about %s a host (data and parameters), %s a rank (activations %s)\n",
           print_bytes(shared).text, print_bytes(own).text,
           print_bytes((double)e->pass_bytes).text);
}

static status plan_run(const app *a, arena *memory, message *why)
{
    const settings *cfg = &a->o.cfg;
    dataset_plan plan;
    model *m = arena_take(memory, sizeof *m);
    status code = session_find_data(cfg, &plan, why);
    if (!code) code = estimate_model(cfg, plan.height, plan.width, m, memory, why);
    if (code) return code;
    dataset whole = {.train = {.count = plan.train}};
    dataset_split training, validation;
    dataset_cut(&whole, (int)cfg->limit, cfg->validation_split, &training, &validation);
    if (training.count < 1)
        return fail(why, STATUS_USAGE, "--validation-split=%g leaves no image to train on",
                    cfg->validation_split);
    estimate e = estimate_memory(cfg, m, training.count, plan.bytes, a->layout->ranks,
                                 a->threads_most);
    int steps = (int)((training.count + cfg->batch_size - 1) / cfg->batch_size);
    screen first = {.cfg = cfg,
                    .data_name = plan.name,
                    .data_note = plan.note,
                    .train = training.count,
                    .validation = validation.count,
                    .test = plan.test,
                    .m = m,
                    .steps = steps,
                    .run = cfg->out[0] ? cfg->out : "a new folder below runs/"};
    print_screen(a, &first);
    print_memory(
        &e, estimate_message_bytes(cfg, m, training.count, a->layout->ranks, a->layout->groups));
    printf("steps  %s in %lld epochs; nothing was written\n",
           text_thousands(steps * cfg->epochs).text, (long long)cfg->epochs);
    return STATUS_OK;
}

static status dry_run(const app *a, message *why)
{
    arena memory = {0};
    status code = app_speaks(a) ? plan_run(a, &memory, why) : STATUS_OK;
    arena_free(&memory);
    return comm_agree(a->c, code, why);
}

/* ---- a run ---- */

static status run_session(const app *a, session *s, message *why)
{
    char folder[FILE_PATH] = "";
    train_result result = {0};
    progress p = progress_new(a);
    train_observer observer = progress_observer(&p);
    status code = train_run(s, &observer, &result, folder, why);
    if (code && app_speaks(a) && p.style == PROGRESS_BAR) putchar('\n');
    if (!code && app_speaks(a) && p.style != PROGRESS_JSON) print_result(a, s, &result, folder);
    if (s->profile_table && a->o.verbosity >= 0 && p.style != PROGRESS_JSON)
        printf("\n%s", s->profile_table);
    return code;
}

status train_command(app *a, message *why)
{
    if (a->o.dry_run) return dry_run(a, why);
    session *s = memory_take(sizeof *s);
    session_cfg cfg = {
        .cfg = a->o.cfg, .c = a->c, .threads = a->advice.threads, .cores = a->advice.cores};
    status code = session_open(s, &cfg, why);
    if (!code) code = run_session(a, s, why);
    session_close(s);
    memory_free(s);
    return code;
}
