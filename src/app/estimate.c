/* app/estimate.c - the memory that a run will take, before it takes it. */
#include "app/estimate.h"

#include "base/arena.h"
#include "base/tree.h"
#include "comm/messages.h"
#include "train/audit.h"
#include "train/session.h"

status estimate_model(const settings *cfg, const dataset_plan *plan, model *m, arena *a,
                      failure *why)
{
    const kernels *k;
    status code = kernels_select(cfg->isa, settings_precision(cfg), &k, why);
    if (code) return code;
    model_cfg mc = settings_model(cfg, session_image(plan), plan->classes, k);
    mc.joint = settings_joint(cfg); /* as if all ranks were on one host */
    return model_build(m, &mc, a, why);
}

int estimate_samples(const settings *cfg, const dataset_plan *plan)
{
    const dataset whole = {.train = {.count = plan->train}};
    dataset_split training, validation;
    dataset_cut(&whole, (int)cfg->limit, cfg->validation_split, &training, &validation);
    return training.count;
}

/* Partial slabs that the exchange takes on each rank. */
static int count_partials(const settings *cfg, int samples, int pass_samples, int ranks)
{
    exchange_steps steps = session_steps(cfg, samples, pass_samples);
    const int all_in_one[] = {0, ranks};
    return exchange_count(&steps, all_in_one, 1).partials;
}

estimate estimate_memory(const settings *cfg, const model *m, int samples, size_t data_bytes,
                         int ranks, int threads)
{
    int batch = session_batch(cfg, samples);
    size_t slab = m->slab_length * sizeof(float);
    estimate e = {.data_bytes = data_bytes, .leaves = tree_leaves(batch, (int)cfg->grain)};
    optimizer_cfg optimizer = settings_optimizer(cfg);
    e.state_bytes = slab / (size_t)ranks * (size_t)(optimizer_slots(&optimizer) + 1);
    int pass_samples = session_pass_samples(cfg, m, batch, ranks, threads);
    e.partial_bytes = slab * (size_t)count_partials(cfg, samples, pass_samples, ranks);
    e.pass_bytes = executor_bytes(m, pass_samples, (int)cfg->grain, threads);
    if (cfg->audit) e.pass_bytes += audit_bytes(cfg, m, threads);
    e.host_bytes = slab + m->packed_length * sizeof(float);
    if (cfg->reduce == REDUCE_TREE) {
        e.host_bytes += executor_joint_floats(m, batch, (int)cfg->grain, ranks) * sizeof(float);
    } else { /* every rank has all of it for itself */
        e.state_bytes = slab * (size_t)optimizer_slots(&optimizer) + e.host_bytes + e.partial_bytes;
        e.host_bytes = e.partial_bytes = 0;
    }
    return e;
}

enum { SOME_RANKS = 5 }; /* that stand for all: slices differ by some blocks */

static void add_message(void *context, const message *m)
{
    size_t *bytes = context;
    if (m->bucket >= 0) *bytes += m->bytes; /* parameters need no memory of their own */
}

size_t estimate_message_bytes(const settings *cfg, const model *m, int samples, int ranks,
                              int groups)
{
    if (cfg->reduce == REDUCE_MPI)
        return 2 * m->slab_length * sizeof(float); /* what goes in, what comes out */
    const int any = (int)cfg->batch_size;          /* messages do not depend on passes */
    exchange_cfg x = session_exchange(cfg, m, samples, any);
    int *start = memory_take((size_t)(groups + 1) * sizeof *start);
    for (int g = 0; g <= groups; g++) start[g] = (int)((int64_t)ranks * g / groups);
    size_t most = 0;
    for (int i = 0; i < x.steps.sizes; i++)
        for (int k = 0; k < SOME_RANKS; k++) {
            size_t bytes = 0;
            int rank = (int)((int64_t)(ranks - 1) * k / (SOME_RANKS - 1));
            messages_list(&x, start, groups, x.steps.leaves[i], rank, add_message, &bytes);
            if (bytes > most) most = bytes;
        }
    memory_free(start);
    return most;
}

size_t estimate_shared_bytes(const estimate *e, int ranks)
{
    return e->data_bytes + e->host_bytes + e->partial_bytes * (size_t)ranks;
}
