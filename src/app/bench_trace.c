/* app/bench_trace.c - bench --write-trace: what a layout would do, as traces for a simulator. */
#include <stdio.h>

#include "app/launch.h"
#include "app/print.h"
#include "base/text.h"
#include "train/replay.h"
#include "train/run_data.h"
#include "train/session.h"

enum { STEPS = 10 };

static void print_count(const replay_cfg *cfg, const replay_count *n, const char *folder)
{
    print_out("trace  %s: %d rank%s on %d host%s, %d step%s of %s images\n", folder, cfg->ranks,
              cfg->ranks == 1 ? "" : "s", cfg->hosts, cfg->hosts == 1 ? "" : "s", cfg->steps,
              cfg->steps == 1 ? "" : "s", text_thousands(cfg->cfg->batch_size).text);
    print_out("step   %s messages, %s; of one rank at most %s, %s\n",
              text_thousands(n->messages).text, print_bytes((double)n->bytes).text,
              text_thousands(n->most_messages).text, print_bytes((double)n->most_bytes).text);
}

static status write_trace(const app *as, failure *why)
{
    dataset_plan plan;
    const settings *cfg = &as->o.cfg;
    replay_count count;
    status code = session_find_data(cfg, &plan, why);
    if (code) return code;
    replay_cfg what = {.cfg = cfg,
                       .image = session_image(&plan),
                       .classes = plan.classes,
                       .dataset = plan.name,
                       .ranks = as->layout->ranks,
                       .hosts = as->layout->hosts,
                       .threads = as->threads_most,
                       .steps = cfg->max_steps ? (int)cfg->max_steps : STEPS};
    code = replay_write(&what, as->o.trace, &count, why);
    if (!code) print_count(&what, &count, as->o.trace);
    return code;
}

status bench_trace_command(const app *a, failure *why)
{
    app as;
    comm_layout layout;
    status code = launch_imagine(a, &as, &layout, why);
    if (!code && app_speaks(a)) code = write_trace(&as, why);
    return comm_agree(a->c, code, why);
}
