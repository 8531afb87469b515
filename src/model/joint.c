/* model/joint.c - the gradient of a large dense kernel, from x and g of all ranks of a host. */
#include <string.h>

#include "base/denormals.h"
#include "model/executor_internal.h"

enum { MOST_G = 1 << 16 }; /* floats: a quarter of a megabyte. Larger batches gain nothing by it */

static size_t packed_width(const stage *s)
{
    return (size_t)(kernels_panels(s->k, (int)s->out_length) * s->k->panel);
}

size_t executor_joint_floats(const model *m, int samples, int grain, int ranks)
{
    if (m->joint_stage < 0 || ranks == 1) return 0;
    const stage *s = &m->stage[m->joint_stage];
    size_t g = (size_t)samples * packed_width(s);
    int leaves = (tree_leaves(samples, grain) + ranks - 1) / ranks;
    /* for one thread: all ranks compute the same number, whatever their threads */
    if (leaves > executor_capacity(m, samples, grain, 1) / grain || g > MOST_G) return 0;
    return slab_round_up((size_t)samples * s->in_length) + g;
}

void executor_join(executor *r, float *memory, int samples, arena *a)
{
    CHECK(r->m->joint_stage >= 0, "%s has nothing to join", r->m->spec);
    const stage *s = &r->m->stage[r->m->joint_stage];
    int most = tree_leaves(samples, r->grain);
    r->joint = (executor_joint){.x = memory,
                                .g = memory + slab_round_up((size_t)samples * s->in_length),
                                .own_x = r->activation[r->m->joint_stage],
                                .most = samples,
                                .nodes = arena_take(a, (size_t)most * sizeof(tree_node)),
                                .merges = arena_take(a, (size_t)most)};
    for (int l = 0; l < most; l++) r->joint.nodes[l] = (tree_node){l, l + 1};
}

void executor_begin_batch(executor *r, int samples)
{
    executor_joint *j = &r->joint;
    if (!j->x || samples == j->samples) return;
    CHECK(samples <= j->most, "a batch of %d, at most %d", samples, j->most);
    j->samples = samples;
    j->leaves = tree_leaves(samples, r->grain);
    j->plan = tree_plan_merges(j->leaves, j->nodes, j->leaves, j->merges, NULL);
}

/* 1: the pass that runs is of a batch that ranks share. */
static int is_shared(const executor *r)
{
    return r->joint.x && r->pass.leaves && r->joint.samples;
}

void executor_joint_begin(executor *r)
{
    if (!r->joint.x) return;
    int i = r->m->joint_stage;
    size_t first = (size_t)r->pass.range.lo * (size_t)r->grain;
    CHECK(!is_shared(r) || r->pass.leaves == r->joint.leaves,
          "a pass of %d leaves of a batch of %d", r->pass.leaves, r->joint.leaves);
    r->activation[i] = is_shared(r) ? r->joint.x + first * r->m->stage[i].in_length
                                    : r->joint.own_x;
}

void executor_joint_place(const executor *r, int i, stage_io *io)
{
    if (i != r->m->joint_stage || !is_shared(r)) return;
    io->shared = r->joint.g;
    io->joint = (stage_joint){r->pass.range.lo * r->grain, r->joint.samples};
}

span executor_joint_sum(executor *r, span slice, int thread, float *out)
{
    executor_joint *j = &r->joint;
    const stage *s = &r->m->stage[r->m->joint_stage];
    size_t kernel = s->layer->tensor[0].at.offset, units = s->out_length;
    CHECK((slice.offset - kernel) % units == 0 && slice.length % units == 0,
          "rows of %zu are cut: %zu floats at %zu", units, slice.length, slice.offset - kernel);
    int first = (int)((slice.offset - kernel) / units), rows = (int)(slice.length / units);
    range share = range_share(rows, thread, r->threads);
    span at = {(size_t)share.lo * units, (size_t)(share.hi - share.lo) * units};
    float *result = out + at.offset;
    double begin_s = trace_now(r->trace);
    if (j->leaves == 0) memset(result, 0, at.length * sizeof *result);
    stage_tree tree = {.grain = r->grain, .plan = j->plan, .merges = j->merges, .results = &result};
    stage_io io = {.x = j->x, .shared = j->g, .joint = {0, j->samples}};
    range own = {first + share.lo, first + share.hi};
    denormals_forget();
    s->type->kernel_rows(s, &io, own, &tree);
    if (denormals_met()) {
        stage again = *s;
        again.k = kernels_deciding(s->k);
        s->type->kernel_rows(&again, &io, own, &tree);
    }
    trace_work(r->trace, thread, r->phase.joint, begin_s, 2.0 * (double)at.length * j->samples);
    return at;
}
