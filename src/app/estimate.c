/* app/estimate.c - the memory that a run will take, before it takes it. */
#include "app/estimate.h"

#include "base/tree.h"
#include "train/session.h"

enum { DEFAULT_CLASSES = 10 };

status estimate_model(const settings *cfg, int height, int width, model *m, arena *a, message *why)
{
    const kernels *k;
    status code = kernels_select(cfg->isa, &k, why);
    if (code) return code;
    int classes = cfg->classes ? (int)cfg->classes : DEFAULT_CLASSES;
    model_cfg mc = settings_model(cfg, height, width, classes, k);
    mc.joint = cfg->reduce == REDUCE_TREE; /* as if all ranks were on one host */
    return model_build(m, &mc, a, why);
}

int estimate_samples(const settings *cfg, const dataset_plan *plan)
{
    const dataset whole = {.train = {.count = plan->train}};
    dataset_split training, validation;
    dataset_cut(&whole, (int)cfg->limit, cfg->validation_split, &training, &validation);
    return training.count;
}

/* Partial sums of a rank: as many as the exchange will take. */
static int count_partials(const settings *cfg, int samples, int pass_samples, int ranks)
{
    exchange_steps steps = session_steps(cfg, samples, pass_samples);
    const int all_in_one[] = {0, ranks};
    return exchange_count(&steps, all_in_one, 1).partials;
}

estimate estimate_memory(const settings *cfg, const model *m, int samples, size_t data_bytes,
                         int ranks, int threads)
{
    int batch = cfg->batch_size < samples ? (int)cfg->batch_size : samples;
    size_t slab = m->slab_length * sizeof(float);
    estimate e = {.data_bytes = data_bytes, .leaves = tree_leaves(batch, (int)cfg->grain)};
    optimizer_cfg optimizer = settings_optimizer(cfg);
    e.state_bytes = slab / (size_t)ranks * (size_t)(optimizer_slots(&optimizer) + 1);
    int pass_samples = session_pass_samples(cfg, m, batch, ranks, threads);
    e.partial_bytes = slab * (size_t)count_partials(cfg, samples, pass_samples, ranks);
    e.pass_bytes = run_bytes(m, pass_samples, (int)cfg->grain, threads);
    e.host_bytes = slab + m->packed_length * sizeof(float);
    if (cfg->reduce == REDUCE_TREE) {
        e.host_bytes += run_joint_floats(m, batch, (int)cfg->grain, ranks) * sizeof(float);
    } else { /* the whole of all is every rank's own */
        e.state_bytes = slab * (size_t)optimizer_slots(&optimizer) + e.host_bytes + e.partial_bytes;
        e.host_bytes = e.partial_bytes = 0;
    }
    return e;
}

size_t estimate_message_bytes(const settings *cfg, const model *m, int samples, int ranks,
                              int groups)
{
    size_t slab = m->slab_length * sizeof(float);
    if (cfg->reduce == REDUCE_MPI) return 2 * slab; /* what goes in, what comes out */
    const int any = (int)cfg->batch_size;           /* rows do not depend on passes */
    exchange_steps steps = session_steps(cfg, samples, any);
    int *start = memory_take((size_t)(groups + 1) * sizeof *start);
    for (int g = 0; g <= groups; g++) start[g] = (int)((int64_t)ranks * g / groups);
    size_t rows = (size_t)exchange_count(&steps, start, groups).rows;
    memory_free(start);
    /* a slice for every other group, and from every other group the own one */
    return 2 * (size_t)(groups - 1) * rows * (slab / (size_t)ranks);
}

size_t estimate_shared_bytes(const estimate *e, int ranks)
{
    return e->data_bytes + e->host_bytes + e->partial_bytes * (size_t)ranks;
}
