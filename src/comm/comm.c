/* comm/comm.c - starting MPI, ordering the ranks, making the groups. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

static int world_rank, world_size = 1, open_comms;

comm_cfg comm_cfg_default(void)
{
    return (comm_cfg){.sharing = COMM_SHARE_AUTO};
}

/* ---- before MPI ---- */

/* The first of the variables that is set and starts with a number (SLURM writes "2(x4)"), or `otherwise`. */
static int announced(const char *const *names, int otherwise)
{
    for (; *names; names++) {
        const char *text = getenv(*names);
        char *end = NULL;
        long value = text ? strtol(text, &end, 10) : 0;
        if (text && end != text && value >= 0 && value < 1 << 20) return (int)value;
    }
    return otherwise;
}

int comm_announced_local_ranks(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS",
                                        "PMI_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE", NULL};
    int ranks = announced(names, 1);
    return ranks > 0 ? ranks : 1;
}

/* In a batch script and in a shell of salloc, SLURM_NTASKS is of the allocation: they are no task of a step. */
static int is_slurm_task(void)
{
    static const char *const rank[] = {"SLURM_PROCID", NULL};
    int own = announced(rank, -1);
    return own > 0 || (own == 0 && (getenv("SLURM_STEP_ID") || !getenv("SLURM_JOB_ID")));
}

int comm_announced_ranks(void)
{
    /* The launchers of MPI libraries first: they may run inside a step of SLURM. */
    static const char *const names[] = {
        "OMPI_COMM_WORLD_SIZE", "PMI_SIZE",        "MV2_COMM_WORLD_SIZE",  "JSM_NAMESPACE_SIZE",
        "FLUX_JOB_SIZE",        "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS", NULL};
    static const char *const step[] = {"SLURM_NTASKS", "SLURM_NPROCS", NULL};
    int ranks = announced(names, 0);
    return ranks == 0 && is_slurm_task() ? announced(step, 0) : ranks;
}

int comm_may_have_ranks(void)
{
    static const char *const names[] = {
        "OMPI_COMM_WORLD_RANK", "PMIX_RANK",      "PMI_RANK", "MV2_COMM_WORLD_RANK",
        "JSM_NAMESPACE_RANK",   "FLUX_TASK_RANK", NULL};
    int ranks = comm_announced_ranks();
    return ranks > 1 || (ranks == 0 && (announced(names, -1) >= 0 || is_slurm_task()));
}

static void abort_all(int exit_code)
{
    pulse_leave();
    MPI_Abort(MPI_COMM_WORLD, exit_code);
}

/* For Open MPI, which otherwise starts a daemon beside a process without a launcher, and spends 0.4 s on looking for network
 * hardware. Without the daemon all such processes of a user have one session folder, which one removes while another
 * creates it: none is created then; one process needs none. Other MPI libraries do not read these. */
static void start_quickly_alone(void)
{
    if (comm_may_have_ranks()) return;
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    setenv("OMPI_MCA_orte_create_session_dirs", "0", 0);
    setenv("OMPI_MCA_pml", "ob1", 0);
    setenv("OMPI_MCA_btl", "self", 0);
}

void comm_start(int *argc, char ***argv, int cores)
{
    int crowded = cores > 0 && comm_announced_local_ranks() > cores, provided;
    /* Open MPI knows the slots, not the cores; without this, waiting ranks would spin */
    if (crowded) setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
    start_quickly_alone();
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &world_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world_size);
    error_set_abort(world_rank, abort_all);
    CHECK(provided >= MPI_THREAD_FUNNELED, "MPI offers thread level %d", provided);
    wire_set_patience(crowded || cores <= 0);
}

const char *comm_library_version(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, "\n")] = 0;
    for (char *tab = text; (tab = strchr(tab, '\t')); *tab = ' ') {} /* MPICH has one */
    char *comma = strchr(text, ','); /* Open MPI goes on with who built it, and when */
    if (comma) *comma = 0;
    return text;
}

/* ---- ranks and groups ---- */

/* Ranks in the order of (host, place on the host), hosts in the order of their lowest rank: rank 0 stays rank 0. */
static void order_ranks(comm *c)
{
    comm_layout *l = &c->layout;
    int first = world_rank, rank = 0;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, world_rank, MPI_INFO_NULL, &c->host);
    MPI_Comm_rank(c->host, &l->host_rank);
    MPI_Comm_size(c->host, &l->host_ranks);
    wire_broadcast(c->host, &first, sizeof first);
    int *firsts = arena_take(&c->memory, (size_t)world_size * sizeof *firsts);
    wire_allgather_int(MPI_COMM_WORLD, first, firsts);
    for (int r = 0; r < world_size; r++) {
        rank += firsts[r] < first;
        l->host += firsts[r] == r && r < first;
        l->hosts += firsts[r] == r;
    }
    l->rank = rank + l->host_rank;
    l->ranks = world_size;
    MPI_Comm_split(MPI_COMM_WORLD, 0, l->rank, &c->world);
}

static void number_groups(comm *c)
{
    comm_layout *l = &c->layout;
    int *firsts = arena_take(&c->memory, (size_t)l->ranks * sizeof *firsts);
    wire_allgather_int(c->world, l->group_first, firsts);
    l->groups = l->group = 0;
    for (int r = 0; r < l->ranks; r++) {
        if (firsts[r] != r) continue;
        if (r == l->group_first) l->group = l->groups;
        c->group_start[l->groups++] = r;
    }
    c->group_start[l->groups] = l->ranks;
}

static void make_groups(comm *c, int most)
{
    comm_layout *l = &c->layout;
    int width = most > 0 ? most : l->host_ranks;
    MPI_Comm_split(c->host, l->host_rank / width, l->host_rank, &c->group);
    MPI_Comm_rank(c->group, &l->group_rank);
    MPI_Comm_size(c->group, &l->group_ranks);
    l->group_first = l->rank - l->group_rank;
    MPI_Comm_split(c->world, l->group_rank == 0 ? 0 : MPI_UNDEFINED, l->rank, &c->leaders);
    number_groups(c);
}

static void free_groups(comm *c)
{
    group_close(c);
    MPI_Comm_free(&c->group);
    if (c->leaders != MPI_COMM_NULL) MPI_Comm_free(&c->leaders);
}

/* Groups of the size asked for; of one rank if their memory cannot be had. */
static void open_groups(comm *c, const comm_cfg *cfg)
{
    failure why = {{0}};
    make_groups(c, cfg->sharing == COMM_SHARE_OFF ? 1 : cfg->group_size);
    if (group_open(c, cfg->shared_bytes, &why) == STATUS_OK) return;
    snprintf(c->layout.sharing_note, sizeof c->layout.sharing_note, "%.159s", why.text);
    free_groups(c);
    make_groups(c, 1);
    CHECK(group_open(c, 0, &why) == STATUS_OK, "%s", why.text);
}

/* The pulses of this host's ranks. With group_size, which lets a test have several hosts on one: of this part of them. */
static void open_liveness(comm *c, const comm_cfg *cfg)
{
    const comm_layout *l = &c->layout;
    int width = cfg->group_size > 0 ? cfg->group_size : l->host_ranks;
    MPI_Comm near;
    MPI_Comm_split(c->host, l->host_rank / width, l->host_rank, &near);
    liveness_open(c, near);
    MPI_Comm_free(&near);
}

comm *comm_open(const comm_cfg *cfg)
{
    CHECK(cfg->group_size >= 0, "group_size %d", cfg->group_size);
    CHECK(world_size <= INT_MAX / COMM_ALLGATHER_BYTES, "%d ranks", world_size);
    comm *c = memory_take(sizeof *c);
    size_t table = ((size_t)world_size + 1) * sizeof(int);
    c->group_start = arena_take(&c->memory, table);
    order_ranks(c);
    c->layout.oversubscribed = cfg->cores > 0 && c->layout.host_ranks > cfg->cores;
    wire_set_patience(c->layout.oversubscribed || cfg->cores <= 0);
    error_set_abort(c->layout.rank, abort_all);
    open_liveness(c, cfg);
    open_groups(c, cfg);
    open_comms++;
    return c;
}

static void free_comm(comm *c)
{
    comm_barrier(c);
    liveness_close(c);
    free_groups(c);
    MPI_Comm_free(&c->world);
    MPI_Comm_free(&c->host);
    arena_free(&c->memory);
    memory_free(c);
    open_comms--;
}

void comm_close(comm *c)
{
    if (c) free_comm(c);
    if (open_comms > 0) return;
    error_set_abort(world_rank, NULL);
    MPI_Finalize();
}

const comm_layout *comm_get_layout(const comm *c)
{
    return &c->layout;
}

comm_traffic comm_get_traffic(const comm *c)
{
    return (comm_traffic){atomic_load(&c->sent_bytes), atomic_load(&c->read_bytes)};
}
