/* app/launch.c - from a process to ranks with threads. */
#include "app/launch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/estimate.h"
#include "base/stop.h"
#include "base/team.h"
#include "base/text.h"
#include "base/timer.h"
#include "train/session.h"

/* Turns, some ten microseconds: a barrier between busy threads ends sooner, and a thread that waits for one which lost
 * its core sleeps. libgomp's own 300,000 make a step five times slower as soon as anything else runs on the machine. */
#define SHORT_SPIN "1000"

static int64_t number_in_environment(const char *name, int64_t otherwise)
{
    char digits[24];
    int64_t value;
    const char *text = getenv(name);
    snprintf(digits, sizeof digits, "%.*s", text ? (int)strcspn(text, ",") : 0, text ? text : "");
    return text_to_int(digits, &value) ? value : otherwise;
}

int launch_announced_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                        "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) return (int)number_in_environment(names[i], 0);
    return 0;
}

int launch_asked_threads(const app *a)
{
    int64_t asked = a->o.cfg.threads ? a->o.cfg.threads
                                     : number_in_environment("OMP_NUM_THREADS", 0);
    if (asked < 0) return 0;
    return asked < SETTINGS_MAX_THREADS ? (int)asked : SETTINGS_MAX_THREADS;
}

/* Cores that the ranks of this host have together, as far as one rank can tell before MPI: where ranks are bound, they
 * are taken to be bound to different cores. */
static int guess_cores(const app *a)
{
    int64_t bound = (int64_t)a->here.affinity * comm_announced_local_ranks();
    int cores = bound < a->here.online ? (int)bound : a->here.online;
    if (a->here.quota > 0 && a->here.quota < cores) cores = a->here.quota;
    return cores > 0 ? cores : 1;
}

static int trains(const app *a)
{
    return a->o.command->run == train_command;
}

void launch_again_with_patience(const app *a, char **argv)
{
    if (trains(a)) stop_hold(); /* a signal that comes now must not be lost */
    int asked = launch_asked_threads(a), ranks = comm_announced_local_ranks(),
        cores = guess_cores(a);
    int threads = asked ? asked : cores / ranks;
    if (threads < 2) return;
    /* the user's choice, or this is the second time */
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return;
    if ((int64_t)threads * ranks > cores) setenv("OMP_WAIT_POLICY", "passive", 1);
    setenv("GOMP_SPINCOUNT", (int64_t)threads * ranks > cores ? "0" : SHORT_SPIN, 1);
    execv("/proc/self/exe",
          argv); /* where that fails, the threads spin: slower, and nothing else */
}

/* ---- with MPI ---- */

typedef struct rank_place {
    int host;
    place_mask mask;
} rank_place;

/* The cores of all ranks of this host, and what this rank should do with its own. */
static void find_threads(app *a, comm *c)
{
    const comm_layout *l = comm_get_layout(c);
    rank_place own = {l->host, a->here.mask};
    rank_place *all = memory_take((size_t)l->ranks * sizeof *all);
    comm_allgather(c, &own, sizeof own, all);
    place_mask together = {{0}};
    for (int r = 0; r < l->ranks; r++)
        if (all[r].host == l->host) place_mask_join(&together, &all[r].mask);
    memory_free(all);
    a->advice = place_advise(&a->here, &together, l->host_ranks, launch_asked_threads(a));
    if (a->advice.threads > SETTINGS_MAX_THREADS) a->advice.threads = SETTINGS_MAX_THREADS;
}

/* What rank 0 tells about all ranks. */
static void sum_up(app *a, comm *c)
{
    const comm_layout *l = comm_get_layout(c);
    struct figures {
        int threads, cores, crowded;
    } own = {a->advice.threads, l->host_rank == 0 ? a->advice.cores : 0, a->advice.oversubscribed},
      *all;
    all = memory_take((size_t)l->ranks * sizeof *all);
    comm_allgather(c, &own, sizeof own, all);
    a->threads_least = a->threads_most = own.threads;
    for (int r = 0; r < l->ranks; r++) {
        if (all[r].threads < a->threads_least) a->threads_least = all[r].threads;
        if (all[r].threads > a->threads_most) a->threads_most = all[r].threads;
        a->workers += all[r].threads;
        a->cores_total += all[r].cores;
        a->crowded |= all[r].crowded;
    }
    memory_free(all);
}

/* Rank 0's estimate; what is wrong with the settings is told later, by session_open. */
static size_t shared_bytes(const app *a, comm *c)
{
    size_t bytes = 0;
    const comm_layout *l = comm_get_layout(c);
    if (l->rank == 0 && l->hosts < l->ranks) {
        arena memory = {0};
        model *m = arena_take(&memory, sizeof *m);
        dataset_plan plan;
        message ignored;
        if (!session_find_data(&a->o.cfg, &plan, &ignored) &&
            !estimate_model(&a->o.cfg, plan.height, plan.width, m, &memory, &ignored)) {
            int samples = estimate_samples(&a->o.cfg, &plan);
            estimate e = estimate_memory(&a->o.cfg, m, samples, plan.bytes, l->ranks,
                                         a->threads_most);
            bytes = estimate_shared_bytes(&e, l->host_ranks);
        }
        arena_free(&memory);
    }
    comm_broadcast(c, &bytes, sizeof bytes);
    return bytes;
}

/* Signals, and on rank 0 the clock, may stop a training from here on. */
static void listen_for_stops(app *a)
{
    stop_listen();
    a->limit = (limit){.seconds = (double)INFINITY};
    if (launch_announced_rank() != 0) return;
    double now_s = timer_now_s();
    a->limit = limit_find(&a->o.cfg);
    stop_set_deadline(now_s + a->limit.seconds);
}

void launch_begin(app *a, int *argc, char ***argv)
{
    if (trains(a)) listen_for_stops(a);
    comm_start(argc, argv, guess_cores(a));
    a->started_s = timer_now_s();
    comm_cfg alone = comm_cfg_default();
    alone.sharing = COMM_SHARE_OFF;
    comm *first = comm_open(&alone); /* to ask each other with, before the groups are made */
    find_threads(a, first);
    sum_up(a, first);
    comm_cfg cfg = comm_cfg_default();
    cfg.sharing = a->o.cfg.share == SHARE_OFF ? COMM_SHARE_OFF : COMM_SHARE_AUTO;
    cfg.cores = a->advice.cores;
    /* a knob for tests: lets one machine stand for several hosts */
    cfg.group_size = (int)number_in_environment("MNIST_DIST_GROUP_SIZE", 0);
    if (cfg.sharing == COMM_SHARE_AUTO) cfg.shared_bytes = shared_bytes(a, first);
    a->c = comm_open(&cfg);
    a->layout = comm_get_layout(a->c);
    comm_close(first);
    team_set_threads(a->advice.threads);
}

void launch_end(app *a)
{
    comm_close(a->c);
}
