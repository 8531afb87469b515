/* train/session.c - data, model, exchange and memory of a run. */
#include "train/session.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/team.h"
#include "base/text.h"
#include "kernel/gemm_blis.h"
#include "train/profile.h"
#include "train/update.h"

enum {
    EVALUATION_SAMPLES = 128
}; /* a pass is at least this long, so that evaluation has whole tiles */

status session_find_data(const settings *cfg, dataset_plan *plan, message *why)
{
    dataset_cfg data = dataset_cfg_default();
    data.folder = cfg->data[0] ? cfg->data : NULL;
    data.classes = (int)cfg->classes;
    status s = dataset_find(&data, plan, why);
    plan->cfg.folder = NULL; /* the plan travels to other ranks as bytes */
    return s;
}

/* Rank 0 looks at the disk; one rank of each group reads; all see. */
static status open_data(session *s, message *why)
{
    dataset_plan plan = {0};
    status code = STATUS_OK;
    if (s->layout->rank == 0) code = session_find_data(&s->cfg, &plan, why);
    code = comm_agree(s->c, code, why);
    if (code) return code;
    comm_broadcast(s->c, &plan, sizeof plan);
    void *bytes;
    code = comm_shared_take(s->c, plan.bytes, &bytes, why);
    if (code) return code;
    if (s->layout->group_rank == 0) code = dataset_load(&plan, bytes, why);
    code = comm_agree(s->c, code, why);
    if (code) return code;
    s->data = dataset_view(&plan, bytes);
    dataset_cut(&s->data, (int)s->cfg.limit, s->cfg.validation_split, &s->training, &s->validation);
    if (s->training.count < 1)
        return fail(why, STATUS_USAGE, "--validation-split=%g leaves no image to train on",
                    s->cfg.validation_split);
    return STATUS_OK;
}

/* The table that every rank can run: the lowest of all ranks' best. */
static status choose_kernels(session *s, message *why)
{
    status code = comm_agree(s->c, kernels_select(s->cfg.isa, &s->k, why), why);
    if (code) return code;
    int own = kernels_level(s->k), lowest = own;
    int *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &own, sizeof own, all);
    for (int r = 0; r < s->layout->ranks; r++)
        if (all[r] < lowest) lowest = all[r];
    s->k = kernels_of_level(lowest);
    return STATUS_OK;
}

/* BLIS' results depend on the processor family: all ranks must be of one. */
static status check_blis(session *s, message *why)
{
    char own[32] = "";
    snprintf(own, sizeof own, "%s", gemm_blis_architecture());
    char(*all)[32] = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof own);
    comm_allgather(s->c, own, sizeof own, all);
    for (int r = 0; r < s->layout->ranks; r++)
        if (strcmp(all[r], all[0]) != 0)
            return fail(why, STATUS_USAGE,
                        "--gemm=blis: rank %d runs BLIS' kernels for %s, rank 0 those for %s: the "
                        "bits would differ; use "
                        "--gemm=own or hosts of one kind",
                        r, all[r], all[0]);
    return STATUS_OK;
}

static status build_model(session *s, message *why)
{
    model_cfg cfg = settings_model(&s->cfg, s->data.height, s->data.width, s->data.classes, s->k);
    cfg.joint = s->layout->ranks > 1 && s->layout->groups == 1 && s->cfg.reduce == REDUCE_TREE;
    status code = model_build(&s->m, &cfg, &s->memory, why);
    if (!code && cfg.engine == GEMM_BLIS) code = check_blis(s, why);
    return code;
}

static int batch_of(const session *s)
{
    return s->cfg.batch_size < s->training.count ? (int)s->cfg.batch_size : s->training.count;
}

int session_pass_samples(const settings *cfg, const model *m, int batch, int ranks, int threads)
{
    int grain = (int)cfg->grain, leaves = tree_leaves(batch, grain);
    int samples = ((leaves + ranks - 1) / ranks) * grain;
    if (samples < EVALUATION_SAMPLES) samples = EVALUATION_SAMPLES;
    return run_capacity(m, samples, grain, threads);
}

/* Ranks may differ in threads; their passes do not. */
static void plan_passes(session *s)
{
    int ranks = s->layout->ranks, most = 1;
    s->rank_threads = arena_take(&s->memory, (size_t)ranks * sizeof *s->rank_threads);
    comm_allgather(s->c, &s->threads, sizeof s->threads, s->rank_threads);
    for (int r = 0; r < ranks; r++)
        if (s->rank_threads[r] > most) most = s->rank_threads[r];
    s->pass_samples = session_pass_samples(&s->cfg, &s->m, batch_of(s), ranks, most);
}

exchange_steps session_steps(const settings *cfg, int samples, int pass_samples)
{
    const int grain = (int)cfg->grain;
    int sizes[SAMPLER_SIZES], count = sampler_sizes(samples, (int)cfg->batch_size, sizes);
    exchange_steps steps = {.sizes = count, .pass_leaves = tree_leaves(pass_samples, grain)};
    for (int i = 0; i < count; i++) steps.leaves[i] = tree_leaves(sizes[i], grain);
    return steps;
}

static status open_exchange(session *s, message *why)
{
    exchange_cfg cfg = {.mode = s->cfg.reduce == REDUCE_MPI ? EXCHANGE_ALLREDUCE : EXCHANGE_TREE,
                        .length = s->m.slab_length,
                        .buckets = s->m.buckets,
                        .block_start = s->m.block_start,
                        .blocks = s->m.blocks,
                        .steps = session_steps(&s->cfg, s->training.count, s->pass_samples),
                        .add = s->k->tree_sum};
    for (int b = 0; b < s->m.buckets; b++) cfg.bucket[b] = s->m.bucket[b];
    status code = exchange_open(s->c, &cfg, &s->x, why);
    if (code) return code;
    s->parameters = exchange_parameters(s->x);
    for (int b = 0; b < s->m.buckets; b++)
        s->slice_offset[b + 1] = s->slice_offset[b] + exchange_slice(s->x, b).length;
    return STATUS_OK;
}

/* Packed parameters lie where the parameters lie: once per group, or once per rank. */
static status take_packed(session *s, message *why)
{
    size_t bytes = s->m.packed_length * sizeof(float);
    s->prepare_parts = s->threads;
    if (s->cfg.reduce == REDUCE_MPI) {
        s->packed = arena_take(&s->memory, bytes);
        return STATUS_OK;
    }
    void *packed;
    status code = comm_shared_take(s->c, bytes, &packed, why);
    if (code) return code;
    s->packed = packed;
    /* every thread of every rank of the group takes a share; ranks of a group may differ in threads */
    s->prepare_parts = 0;
    for (int r = 0; r < s->layout->group_ranks; r++) {
        if (r == s->layout->group_rank) s->prepare_part = s->prepare_parts;
        s->prepare_parts += s->rank_threads[s->layout->group_first + r];
    }
    return STATUS_OK;
}

/* Ranks of one host share the batch where that saves partial sums (model/run.h), and where there is room for it. */
static void join_batch(session *s)
{
    int batch = s->order.batch, grain = (int)s->cfg.grain;
    size_t bytes = run_joint_floats(&s->m, batch, grain, s->layout->ranks) * sizeof(float);
    void *memory;
    message ignored;
    if (bytes == 0) return; /* there is no joint bucket, or it would not pay */
    if (comm_shared_take(s->c, bytes, &memory, &ignored)) return; /* on all ranks alike */
    run_join(s->r, memory, batch, &s->memory);
    s->joint = 1;
}

/* Memory for the sums, where the exchange has none. */
static void take_gradient(session *s)
{
    for (int b = 0; b < s->m.buckets; b++) {
        size_t bytes = (s->slice_offset[b + 1] - s->slice_offset[b]) * sizeof(float);
        s->gradient[b] = exchange_in_place(s->x, b);
        if (!s->gradient[b]) s->gradient[b] = arena_take(&s->memory, bytes);
    }
}

static void take_private(session *s)
{
    arena *a = &s->memory;
    s->r = run_new(&s->m, s->pass_samples, (int)s->cfg.grain, s->threads, s->parameters, s->packed,
                   a);
    s->augment = settings_augment(&s->cfg);
    s->optimizer = settings_optimizer(&s->cfg);
    s->base_rate = s->optimizer.learning_rate;
    s->schedule = settings_schedule(&s->cfg);
    s->plateau = plateau_begin();
    s->slots = optimizer_slots(&s->optimizer);
    size_t own = s->slice_offset[s->m.buckets] * sizeof(float);
    for (int i = 0; i < s->slots; i++) s->slot[i] = arena_take(a, own);
    take_gradient(s);
    int *permutation = arena_take(a, (size_t)s->training.count * sizeof(int));
    sampler_init(&s->order, s->cfg.shuffle == YES ? SAMPLER_SHUFFLED : SAMPLER_FILE_ORDER,
                 (uint64_t)s->cfg.seed, s->training.count, batch_of(s), permutation);
}

status session_open(session *s, const session_cfg *cfg, message *why)
{
    s->cfg = cfg->cfg;
    s->c = cfg->c;
    s->layout = comm_get_layout(cfg->c);
    s->threads = cfg->threads;
    s->cores = cfg->cores;
    team_set_threads(s->threads);
    s->hash = XXH3_createState();
    CHECK(s->hash, "%s", "out of memory");
    status code = open_data(s, why);
    if (!code) code = choose_kernels(s, why);
    if (!code) code = comm_agree(s->c, build_model(s, why), why);
    if (code) return code;
    plan_passes(s);
    code = open_exchange(s, why);
    if (!code) code = take_packed(s, why);
    if (code) return code;
    take_private(s);
    join_batch(s);
    s->norms = update_plan_new(s);
    if (s->cfg.profile == YES) profile_begin(s);
    if (exchange_fills_parameters(s->x))
        model_initialise(&s->m, (uint64_t)s->cfg.seed, s->parameters);
    session_prepare(s);
    return STATUS_OK;
}

double session_rate(const session *s)
{
    schedule_place at = {.step = s->step,
                         .steps_per_epoch = sampler_steps(&s->order),
                         .epochs = s->cfg.epochs,
                         .reductions = s->plateau.reductions};
    return s->base_rate * schedule_factor(&s->schedule, at);
}

void session_close(session *s)
{
    if (s->x) exchange_close(s->x);
    XXH3_freeState(s->hash);
    arena_free(&s->memory);
}

static void prepare_part(void *context, int thread)
{
    session *s = context;
    model_prepare(&s->m, s->parameters, s->packed, s->prepare_part + thread, s->prepare_parts);
}

void session_prepare(session *s)
{
    comm_group_barrier(s->c); /* the parameters are written */
    team_run(prepare_part, s);
    comm_group_barrier(s->c); /* the packed forms are written */
}

typedef struct digest_state {
    XXH3_state_t *hash;
    const float *parameters;
} digest_state;

static void digest_tensor(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    digest_state *d = context;
    XXH3_128bits_update(d->hash, d->parameters + t->at.offset, t->at.length * sizeof(float));
}

void session_digest(const session *s, char hex[33])
{
    digest_state d = {s->hash, s->parameters};
    XXH3_128bits_reset(d.hash);
    model_each_tensor(&s->m, digest_tensor, &d);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(d.hash));
    text_hex(canonical.digest, sizeof canonical.digest, hex);
}
