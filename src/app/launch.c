/* app/launch.c - starts MPI, and decides the threads of each rank. */
#include "app/launch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/agree.h"
#include "app/estimate.h"
#include "base/stop.h"
#include "base/team.h"
#include "base/text.h"
#include "base/timer.h"
#include "io/file.h"
#include "options_private.h"
#include "train/session.h"

/* How often a waiting thread polls before it sleeps: about 10 microseconds. A barrier between busy threads ends sooner; a
 * thread that waits for one without a core sleeps. With libgomp's default, 300,000, a step takes five times as long when
 * anything else runs on the machine. */
#define SHORT_SPIN "1000"

/* Least stack of a thread in bytes, and as OMP_STACKSIZE has it; ample for kernels and libraries. */
#define STACK_LEAST (1u << 20)
#define STACK_TEXT  "1M"

static int64_t number_in_environment(const char *name, int64_t otherwise)
{
    char digits[24];
    int64_t value;
    const char *text = getenv(name);
    snprintf(digits, sizeof digits, "%.*s", text ? (int)strcspn(text, ",") : 0, text ? text : "");
    return text_to_int(digits, &value) ? value : otherwise;
}

int launch_asked_threads(const app *a)
{
    int64_t asked = a->o.cfg.threads ? a->o.cfg.threads
                                     : number_in_environment("OMP_NUM_THREADS", 0);
    if (asked < 0) return 0;
    return asked < SETTINGS_MAX_THREADS ? (int)asked : SETTINGS_MAX_THREADS;
}

/* The cores of all ranks of this host, as one rank can estimate them before MPI starts: ranks that are bound count as bound to
 * different cores. */
static int guess_cores(const app *a)
{
    int64_t bound = (int64_t)a->here.affinity * comm_announced_local_ranks();
    int cores = bound < a->here.online ? (int)bound : a->here.online;
    if (a->here.quota > 0 && a->here.quota < cores) cores = a->here.quota;
    return cores > 0 ? cores : 1;
}

int launch_uses_ranks(const app *a)
{
    return !a->o.ask && a->o.command->place != COMMAND_ALONE;
}

/* By its path, so that the process keeps its name: /proc/self/exe would name it "exe". If it fails, waiting threads spin, which
 * is only slower. */
static void start_again(char **argv)
{
    char path[FILE_PATH];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    execv(path, argv);
    execv("/proc/self/exe", argv); /* the file has been replaced, as by a new build */
}

/* Where ranks of this host would bind their threads to the same cores, only what the launcher bound them to counts. */
static int drop_binding(const app *a)
{
    int64_t cores = (int64_t)comm_announced_local_ranks() * a->here.affinity;
    if (!a->here.bound_by || comm_announced_local_ranks() == 1 || cores <= a->here.online) return 0;
    unsetenv("OMP_PROC_BIND");
    unsetenv("OMP_PLACES");
    unsetenv("GOMP_CPU_AFFINITY");
    return 1;
}

/* A thread with less stack dies, or waits for ever, in the libraries. */
static int enlarge_stacks(void)
{
    if (team_stack_bytes() >= STACK_LEAST) return 0;
    unsetenv("GOMP_STACKSIZE");
    setenv("OMP_STACKSIZE", STACK_TEXT, 1);
    return 1;
}

/* Unless set by the user, or by the first start. */
static int shorten_spins(int crowded)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return 0;
    if (crowded) setenv("OMP_WAIT_POLICY", "passive", 1);
    setenv("GOMP_SPINCOUNT", crowded ? "0" : SHORT_SPIN, 1);
    return 1;
}

static int uses_threads(const app *a)
{
    return !a->o.ask && options_takes(a->o.command, "threads");
}

void launch_again(const app *a, char **argv)
{
    if (!uses_threads(a)) return;
    if (app_trains(a)) stop_hold(); /* a signal that comes before launch_begin is not lost */
    int asked = launch_asked_threads(a), ranks = comm_announced_local_ranks(),
        cores = guess_cores(a);
    int threads = asked ? asked : cores / ranks;
    int changed = drop_binding(a);
    if (threads >= 2) {
        changed |= enlarge_stacks();
        changed |= shorten_spins((int64_t)threads * ranks > cores);
    }
    if (!changed) return;
    place_unbind(&a->here);
    start_again(argv);
}

int launch_threads_alone(const app *a)
{
    int asked = launch_asked_threads(a), threads = asked ? asked : place_cores(&a->here);
    if (threads > SETTINGS_MAX_THREADS) threads = SETTINGS_MAX_THREADS;
    return threads < team_limit() ? threads : team_limit();
}

/* ---- with MPI ---- */

typedef struct rank_place {
    int host;
    place_mask mask;
} rank_place;

static void keep_limit(place_advice *advice)
{
    if (advice->threads <= team_limit()) return;
    snprintf(advice->warning, sizeof advice->warning, "OMP_THREAD_LIMIT=%d: %d of %d threads",
             team_limit(), team_limit(), advice->threads);
    advice->threads = team_limit();
}

/* Decides the threads of this rank, from the cores of all ranks of its host. */
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
    keep_limit(&a->advice);
}

/* Sums up over all ranks what the first screen tells. */
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

/* Shared memory of this host in bytes, as rank 0 estimates it. Mistakes in the settings are reported later, by session_open. */
static size_t shared_bytes(const app *a, comm *c)
{
    size_t bytes = 0;
    const comm_layout *l = comm_get_layout(c);
    if (l->rank == 0 && l->hosts < l->ranks) {
        arena memory = {0};
        model *m = arena_take(&memory, sizeof *m);
        dataset_plan plan;
        failure ignored;
        if (!session_find_data(&a->o.cfg, &plan, &ignored) &&
            !estimate_model(&a->o.cfg, &plan, m, &memory, &ignored)) {
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

/* After MPI's start only rank 0 sets a deadline. --time-limit counts from begin_s, when the program started. */
static void set_deadline(app *a, double begin_s)
{
    a->limit = (limit){.seconds = (double)INFINITY};
    if (a->layout->rank != 0) return;
    double now_s = timer_now_s();
    a->limit = limit_find(&a->o.cfg);
    stop_set_deadline((settings_time_limit(&a->o.cfg) > 0 ? begin_s : now_s) + a->limit.seconds);
}

/* ---- the ranks meet ---- */

/* Fills in a->crossed, what to say where MPI knows one task of those that a launcher announced. A command that one rank does is
 * then done by this task. */
static status check_launcher(app *a, const comm *c, int announced, failure *why)
{
    if (comm_get_layout(c)->ranks > 1 || announced <= 1 || !launch_uses_ranks(a)) return STATUS_OK;
    snprintf(a->crossed, sizeof a->crossed,
             "the launcher announced %d tasks, MPI knows 1: is it the launcher of this MPI (PMIx)? "
             "This program uses %s",
             announced, comm_library_version());
    if (a->o.command->run == env_command) return STATUS_OK; /* it prints this as a note */
    return fail(why, STATUS_USAGE, "%s", a->crossed);
}

/* The groups of shared memory, and the threads of this rank. */
static status open_ranks(app *a, comm *first, failure *why)
{
    find_threads(a, first);
    status code = comm_agree(first, team_try(a->advice.threads, why), why);
    if (code) return code;
    sum_up(a, first);
    comm_cfg cfg = comm_cfg_default();
    cfg.sharing = a->o.cfg.share == SHARE_OFF ? COMM_SHARE_OFF : COMM_SHARE_AUTO;
    cfg.cores = a->advice.cores;
    /* for tests: a host counts as several */
    cfg.group_size = (int)number_in_environment("MNIST_DIST_GROUP_SIZE", 0);
    if (cfg.sharing == COMM_SHARE_AUTO) cfg.shared_bytes = shared_bytes(a, first);
    a->c = comm_open(&cfg);
    a->layout = comm_get_layout(a->c);
    team_set_threads(a->advice.threads);
    return STATUS_OK;
}

status launch_begin(app *a, int *argc, char ***argv, status own, failure *why)
{
    double begin_s = timer_now_s();
    int announced = comm_announced_ranks(), stops = !own && app_trains(a) && !a->o.ask;
    if (stops) stop_listen();
    comm_start(argc, argv, guess_cores(a));
    a->started_s = timer_now_s();
    comm_cfg alone = comm_cfg_default();
    alone.sharing = COMM_SHARE_OFF;
    comm *first = comm_open(&alone); /* before it is known that all ranks want the same groups */
    status code = agree_to_begin(a, first, own, why);
    if (!code) code = check_launcher(a, first, announced, why);
    a->speaks = comm_get_layout(first)->rank == 0;
    if (!code && launch_uses_ranks(a)) code = open_ranks(a, first, why);
    if (!code && stops) set_deadline(a, begin_s);
    comm_close(first);
    return code;
}

void launch_end(app *a)
{
    if (a->c) comm_close(a->c);
}
