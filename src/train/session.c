/* train/session.c - data, model, exchange and memory of a run. */
#include "train/session.h"

#include <stdio.h>
#include <string.h>

#include "base/team.h"
#include "kernel/gemm_blis.h"

enum { EVALUATION_SAMPLES = 128 }; /* of a pass at least, so that an evaluation has whole tiles */

_Static_assert((int)MODEL_BUCKETS <= (int)EXCHANGE_MAX_BUCKETS,
               "the exchange takes the model's buckets");
_Static_assert((int)SAMPLER_SIZES <= (int)EXCHANGE_MAX_SIZES,
               "the exchange takes the sampler's sizes");

/* ---- the plan ---- */

status session_find_data(const settings *cfg, dataset_plan *plan, failure *why)
{
    return run_data_find(NULL, cfg, 0, plan, why);
}

shape session_image(const dataset_plan *plan)
{
    return shape_image(plan->height, plan->width, plan->channels);
}

status session_cut_data(const settings *cfg, const dataset *data, dataset_split *training,
                        dataset_split *validation, failure *why)
{
    dataset_cut(data, (int)cfg->limit, cfg->validation_split, training, validation);
    if (training->count >= 1) return STATUS_OK;
    return fail(why, STATUS_USAGE, "--validation-split=%g leaves no image to train on",
                cfg->validation_split);
}

int session_batch(const settings *cfg, int samples)
{
    return cfg->batch_size < samples ? (int)cfg->batch_size : samples;
}

int session_pass_samples(const settings *cfg, const model *m, int batch, int ranks, int threads)
{
    int grain = (int)cfg->grain, leaves = tree_leaves(batch, grain);
    int samples = ((leaves + ranks - 1) / ranks) * grain;
    if (samples < EVALUATION_SAMPLES) samples = EVALUATION_SAMPLES;
    return executor_capacity(m, samples, grain, threads);
}

exchange_steps session_steps(const settings *cfg, int samples, int pass_samples)
{
    const int grain = (int)cfg->grain;
    int sizes[SAMPLER_SIZES], count = sampler_sizes(samples, (int)cfg->batch_size, sizes);
    exchange_steps steps = {
        .sizes = count, .pass_leaves = tree_leaves(pass_samples, grain), .cuts = cfg->audit > 0};
    for (int i = 0; i < count; i++) steps.leaves[i] = tree_leaves(sizes[i], grain);
    return steps;
}

/* Buckets whose parameters should move while the stages before theirs compute: those of fewer bytes would not be worth the
 * messages. Buckets are ready in the reverse of the order in which the next step reads them. */
enum { LATE_BYTES = 32768 };

static int late_buckets(const model *m)
{
    size_t floats = 0;
    for (int b = 0; b < m->early_buckets; b++) floats += m->bucket[b].length;
    return m->late_stage && floats * sizeof(float) >= LATE_BYTES ? m->early_buckets : 0;
}

static const exchange_way way_of[] = {EXCHANGE_AUTO, EXCHANGE_DIRECT, EXCHANGE_HALVING};

exchange_cfg session_exchange(const settings *cfg, const model *m, int samples, int pass_samples)
{
    exchange_cfg x = {.mode = cfg->reduce == REDUCE_MPI ? EXCHANGE_ALLREDUCE : EXCHANGE_TREE,
                      .way = way_of[cfg->exchange],
                      .length = m->slab_length,
                      .buckets = m->buckets,
                      .late = late_buckets(m),
                      .block_start = m->block_start,
                      .blocks = m->blocks,
                      .steps = session_steps(cfg, samples, pass_samples),
                      .add = m->k->tree_sum};
    for (int b = 0; b < m->buckets; b++) x.bucket[b] = m->bucket[b];
    return x;
}

/* ---- opening ---- */

/* Keeps what was found in the settings of the session, for config.json. A model whose weights know more classes than the data
 * has keeps them. */
static void keep_found(session *s, const run_data *known, dataset_plan *plan)
{
    if (known && known->classes > plan->classes && !s->cfg.classes) {
        plan->classes = known->classes;
        s->cfg.classes = known->classes;
    }
    memcpy(s->cfg.data, plan->folder, sizeof s->cfg.data);
}

/* Is it the data of cfg->known? What --data names may be other data, which s->is_other then says. */
static status compare_data(session *s, const session_cfg *cfg, failure *why)
{
    if (!cfg->known) return STATUS_OK;
    s->is_other = run_data_is(cfg->known, &s->data) == 0;
    if (!s->is_other || cfg->cfg.data[0] || !cfg->evaluates) return STATUS_OK;
    return run_data_check(cfg->known, &s->data, why);
}

/* Each group has read files of its own host; those of another host may have the same sizes and other content. */
static status same_on_all_hosts(session *s, const dataset_plan *plan, failure *why)
{
    char first[sizeof s->data.digest];
    const char *where = plan->file[0][0] ? plan->folder : plan->name;
    status code = STATUS_OK;
    memcpy(first, s->data.digest, sizeof first);
    comm_broadcast(s->c, first, sizeof first);
    if (strcmp(first, s->data.digest) != 0)
        code = fail(why, STATUS_BAD_DATA,
                    "%s: the data here (digest %s) is not that of rank 0 (digest %s): copy the "
                    "same files to all hosts",
                    where, s->data.digest, first);
    return comm_agree(s->c, code, why);
}

/* On rank 0. An evaluation does without them. */
static status name_classes(session *s, const session_cfg *cfg, failure *why)
{
    status code = STATUS_OK;
    if (s->layout->rank == 0)
        code = class_names_of(&s->data, &s->names, cfg->evaluates ? &s->names_remark : why);
    if (code && cfg->evaluates) {
        s->names = class_names_numbers(s->data.classes);
        code = STATUS_OK;
    }
    return comm_agree(s->c, code, why);
}

static status find_data(session *s, const session_cfg *cfg, dataset_plan *plan, failure *why)
{
    if (cfg->plan) *plan = *cfg->plan;
    if (cfg->plan || s->layout->rank != 0) return STATUS_OK;
    return run_data_find(cfg->known, &s->cfg, cfg->evaluates, plan, why);
}

/* Rank 0 looks at the disk, one rank of each group reads, all ranks see. */
static status open_data(session *s, const session_cfg *cfg, failure *why)
{
    dataset_plan plan = {0};
    status code = find_data(s, cfg, &plan, why);
    code = comm_agree(s->c, code, why);
    if (code) return code;
    comm_broadcast(s->c, &plan, sizeof plan);
    keep_found(s, cfg->known, &plan);
    void *bytes;
    code = comm_shared_take(s->c, plan.bytes, &bytes, why);
    if (code) return code;
    if (s->layout->group_rank == 0) code = dataset_load(&plan, bytes, why);
    code = comm_agree(s->c, code, why);
    if (code) return code;
    s->data = dataset_view(&plan, bytes);
    code = same_on_all_hosts(s, &plan, why);
    if (!code) code = compare_data(s, cfg, why);
    if (!code) code = name_classes(s, cfg, why);
    /* an evaluation does not train, but its passes are planned for a batch */
    s->training = s->data.test;
    if (code || cfg->evaluates) return code;
    code = session_cut_data(&s->cfg, &s->data, &s->training, &s->validation, why);
    if (!code) s->cfg.batch_taken = session_batch(&s->cfg, s->training.count);
    return code;
}

/* Names the instruction sets that occur in levels [ranks], the highest first. */
static void name_isa(session *s, precision p, const int *levels)
{
    size_t used = 0;
    int most = 0;
    for (int r = 0; r < s->layout->ranks; r++)
        if (levels[r] > most) most = levels[r];
    for (int level = most; level >= 0; level--)
        for (int r = 0; r < s->layout->ranks; r++) {
            if (levels[r] != level) continue;
            used += (size_t)snprintf(s->isa + used, sizeof s->isa - used, "%s%s", used ? ", " : "",
                                     kernels_of_level(p, level)->name);
            break;
        }
}

/* The kernels that every rank of the group can run, because a group shares its packed forms: the lowest of its ranks' best.
 * Groups may differ: all kernels give the same bits. */
static status choose_kernels(session *s, const kernels **k, failure *why)
{
    precision p = settings_precision(&s->cfg);
    status code = comm_agree(s->c, kernels_select(s->cfg.isa, p, k, why), why);
    if (code) return code;
    int own = kernels_level(*k);
    int *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &own, sizeof own, all);
    const comm_layout *l = s->layout;
    for (int r = l->group_first; r < l->group_first + l->group_ranks; r++)
        if (all[r] < own) own = all[r];
    *k = kernels_of_level(p, own);
    comm_allgather(s->c, &own, sizeof own, all);
    name_isa(s, p, all);
    return STATUS_OK;
}

/* BLIS' results depend on the processor family: all ranks must be of one. */
static status check_blis(session *s, failure *why)
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

static status build_model(session *s, failure *why)
{
    const kernels *k;
    status code = choose_kernels(s, &k, why);
    if (code) return code;
    shape image = shape_image(s->data.height, s->data.width, s->data.channels);
    model_cfg cfg = settings_model(&s->cfg, image, s->data.classes, k);
    cfg.joint = s->layout->ranks > 1 && s->layout->groups == 1 && settings_joint(&s->cfg);
    code = model_build(&s->m, &cfg, &s->memory, why);
    if (!code && cfg.engine == GEMM_BLIS) code = check_blis(s, why);
    return comm_agree(s->c, code, why);
}

/* [ranks] threads of each. */
static int *gather_threads(session *s)
{
    int *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &s->threads, sizeof s->threads, all);
    return all;
}

/* Ranks may differ in threads; their passes do not. */
static int plan_passes(const session *s, const int *threads)
{
    int ranks = s->layout->ranks, most = 1, batch = session_batch(&s->cfg, s->training.count);
    for (int r = 0; r < ranks; r++)
        if (threads[r] > most) most = threads[r];
    return session_pass_samples(&s->cfg, &s->m, batch, ranks, most);
}

static status open_exchange(session *s, int pass_samples, failure *why)
{
    exchange_cfg cfg = session_exchange(&s->cfg, &s->m, s->training.count, pass_samples);
    status code = exchange_open(s->c, &cfg, &s->x, why);
    if (!code) s->parameters = exchange_parameters(s->x);
    return code;
}

/* One copy of the packed forms for each copy of the parameters. */
static status take_packed(session *s, const int *threads, failure *why)
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
    /* every thread of every rank of the group takes a share */
    s->prepare_parts = 0;
    for (int r = 0; r < s->layout->group_ranks; r++) {
        if (r == s->layout->group_rank) s->prepare_part = s->prepare_parts;
        s->prepare_parts += threads[s->layout->group_first + r];
    }
    return STATUS_OK;
}

/* Ranks of one host share the batch if that saves partial sums (model/executor.h) and there is memory for it. */
static void join_batch(session *s)
{
    int batch = s->order.batch, grain = (int)s->cfg.grain;
    size_t bytes = executor_joint_floats(&s->m, batch, grain, s->layout->ranks) * sizeof(float);
    void *memory;
    failure ignored;
    if (bytes == 0) return; /* there is no joint bucket, or it would not pay */
    if (comm_shared_take(s->c, bytes, &memory, &ignored)) return; /* on all ranks alike */
    executor_join(s->r, memory, batch, &s->memory);
    s->joint = 1;
}

static void take_private(session *s, int pass_samples)
{
    int batch = session_batch(&s->cfg, s->training.count);
    s->r = executor_new(&s->m, pass_samples, (int)s->cfg.grain, s->threads, s->parameters,
                        s->packed, &s->memory);
    int *permutation = arena_take(&s->memory, (size_t)s->training.count * sizeof(int));
    sampler_init(&s->order, s->cfg.shuffle == YES ? SAMPLER_SHUFFLED : SAMPLER_FILE_ORDER,
                 (uint64_t)s->cfg.seed, s->training.count, batch, permutation);
}

status session_open(session *s, const session_cfg *cfg, failure *why)
{
    s->cfg = cfg->cfg;
    s->c = cfg->c;
    s->layout = comm_get_layout(cfg->c);
    s->threads = cfg->threads;
    s->cores = cfg->cores;
    team_set_threads(s->threads);
    status code = open_data(s, cfg, why);
    if (!code) code = build_model(s, why);
    if (code) return code;
    const int *threads = gather_threads(s);
    int pass_samples = plan_passes(s, threads);
    code = open_exchange(s, pass_samples, why);
    if (!code) code = take_packed(s, threads, why);
    if (code) return code;
    take_private(s, pass_samples);
    join_batch(s);
    if (exchange_fills_parameters(s->x))
        model_initialise(&s->m, (uint64_t)s->cfg.seed, s->parameters);
    session_prepare(s);
    return STATUS_OK;
}

void session_close(session *s)
{
    exchange_close(s->x);
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
