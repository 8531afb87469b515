/* app/train.c - the command train. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/estimate.h"
#include "app/launch.h"
#include "app/print.h"
#include "app/progress.h"
#include "app/weights.h"
#include "base/text.h"
#include "io/file.h"
#include "train/trainer.h"

/* ---- --dry-run: what would be done ---- */

static void print_memory(const estimate *e, size_t message_bytes)
{
    double shared = (double)(e->data_bytes + e->host_bytes);
    double own = (double)(e->partial_bytes + e->state_bytes + e->pass_bytes + message_bytes);
    print_out("memory about %s a host (data and parameters), %s a rank (activations %s)\n",
              print_bytes(shared).text, print_bytes(own).text,
              print_bytes((double)e->pass_bytes).text);
}

static status plan_run(const app *a, const run_data *known, arena *memory, failure *why)
{
    settings own = a->o.cfg;
    const settings *cfg = &own;
    dataset_plan plan;
    model *m = arena_take(memory, sizeof *m);
    status code = run_data_find(known, cfg, 0, &plan, why);
    if (!code && known->classes > plan.classes && !cfg->classes) plan.classes = known->classes;
    if (!code) code = estimate_model(cfg, &plan, m, memory, why);
    if (code) return code;
    dataset whole = {.train = {.count = plan.train}};
    dataset_split training, validation;
    code = session_cut_data(cfg, &whole, &training, &validation, why);
    if (code) return code;
    own.batch_taken = session_batch(cfg, training.count);
    estimate e = estimate_memory(cfg, m, training.count, plan.bytes, a->layout->ranks,
                                 a->threads_most);
    int steps = (int)((training.count + cfg->batch_size - 1) / cfg->batch_size);
    screen first = {.cfg = cfg,
                    .data_name = plan.name,
                    .data_note = plan.note,
                    .data_remark = plan.remark,
                    .train = training.count,
                    .validation = validation.count,
                    .test = plan.test,
                    .isa = m->k->name,
                    .m = m,
                    .steps = steps,
                    .run = cfg->out[0] ? cfg->out : "a new folder below runs/"};
    print_screen(a, &first);
    print_memory(
        &e, estimate_message_bytes(cfg, m, training.count, a->layout->ranks, a->layout->groups));
    print_out("steps  %s in %lld epochs; nothing was written\n",
              text_thousands(steps * cfg->epochs).text, (long long)cfg->epochs);
    return STATUS_OK;
}

static status dry_run(const app *a, const run_data *known, failure *why)
{
    arena memory = {0};
    app as;
    comm_layout layout;
    status code = launch_imagine(a, &as, &layout, why);
    if (!code && app_speaks(a)) code = plan_run(&as, known, &memory, why);
    arena_free(&memory);
    return comm_agree(a->c, code, why);
}

/* ---- a run ---- */

static status run_session(const app *a, session *s, failure *why)
{
    char folder[FILE_PATH] = "";
    train_result result = {0};
    progress p = progress_new(a);
    train_observer observer = progress_observer(&p);
    profile *times = profile_attach(s);
    status code = train_run(s, times, &observer, &result, folder, why);
    if (code && app_speaks(a) && p.style == PROGRESS_BAR) print_out("\n");
    if (!code && app_speaks(a) && p.style != PROGRESS_JSON) print_result(a, s, &result, folder);
    if (times && times->table && a->o.verbosity >= 0 && p.style != PROGRESS_JSON)
        print_out("\n%s", times->table);
    return code;
}

/* The data of the run that goes on, or of the weights that it begins with, and their model. Files that cannot be opened are
 * refused later, where they are read. */
static run_data known_data(const settings *cfg)
{
    run_data known = {.classes = 0}, begun = {.classes = 0};
    weights w = {0};
    if (cfg->resume == YES && file_is_folder(cfg->out)) known = run_data_of(cfg->out, NULL);
    if (cfg->resume_from[0]) known = run_data_of(cfg->resume_from, NULL);
    if (cfg->weights[0] && !weights_open(cfg->weights, CHECKPOINT_BEST, &w, NULL))
        begun = run_data_of(cfg->weights, w.file);
    weights_close(&w);
    memcpy(known.model, begun.model, sizeof known.model);
    if (known.digest[0]) return known;
    begun.is_weights = 0;
    begun.digest[0] = 0; /* a new run may train on any data */
    return cfg->weights[0] ? begun : known;
}

/* Does the file of --weights have the model that the user wants, if it says one? */
static status check_weights(const app *a, failure *why)
{
    if (!a->o.cfg.weights[0]) return STATUS_OK;
    status code = app_speaks(a) ? weights_check(&a->o, &a->o.cfg, why) : STATUS_OK;
    return comm_agree(a->c, code, why);
}

status train_command(app *a, failure *why)
{
    run_data known = {.classes = 0};
    status code = check_weights(a, why);
    if (code) return code;
    if (app_speaks(a)) known = known_data(&a->o.cfg);
    comm_broadcast(a->c, &known, sizeof known);
    settings *own = &a->o.cfg;
    int is_chosen = choices_given(&a->o.chosen, "model") || a->o.config || a->o.recipe;
    if (known.model[0] && !is_chosen) memcpy(own->model, known.model, sizeof own->model);
    if (a->o.dry_run) return dry_run(a, &known, why);
    session *s = memory_take(sizeof *s);
    session_cfg cfg = {.cfg = a->o.cfg,
                       .c = a->c,
                       .threads = a->advice.threads,
                       .cores = a->advice.cores,
                       .known = &known};
    code = session_open(s, &cfg, why);
    if (!code) code = run_session(a, s, why);
    session_close(s);
    memory_free(s);
    return code;
}
