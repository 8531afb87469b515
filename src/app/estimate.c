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
    return model_build(m, &mc, a, why);
}

/* Most maximal nodes that a run of so many leaves can hold: base/tree.h. */
static int most_nodes(int leaves)
{
    int bits = 0;
    while (1 << bits < leaves) bits++;
    return leaves < 2 * bits ? leaves : 2 * bits + (bits == 0);
}

estimate estimate_memory(const settings *cfg, const model *m, int samples, size_t data_bytes,
                         int ranks, int threads)
{
    int batch = cfg->batch_size < samples ? (int)cfg->batch_size : samples;
    size_t slab = m->slab_length * sizeof(float);
    estimate e = {.data_bytes = data_bytes, .leaves = tree_leaves(batch, (int)cfg->grain)};
    int own = (e.leaves + ranks - 1) / ranks;
    optimizer_cfg optimizer = settings_optimizer(cfg);
    e.partial_bytes = slab * (size_t)most_nodes(own);
    e.state_bytes = slab / (size_t)ranks * (size_t)(optimizer_slots(&optimizer) + 1);
    int pass_samples = session_pass_samples(cfg, m, batch, ranks, threads);
    e.pass_bytes = run_bytes(m, pass_samples, (int)cfg->grain, threads);
    e.host_bytes = slab + m->packed_length * sizeof(float);
    if (cfg->reduce == REDUCE_TREE) /* where all ranks are on one host */
        e.host_bytes += run_joint_floats(m, batch, (int)cfg->grain, ranks) * sizeof(float);
    return e;
}

size_t estimate_shared_bytes(const estimate *e, int ranks)
{
    return e->data_bytes + e->host_bytes + e->partial_bytes * (size_t)ranks;
}
