/* model/joint.c - a large dense kernel's gradient out of what all ranks of a host share of a batch. */
#include <string.h>

#include "model/run_internal.h"

enum { MOST_G = 1 << 16 }; /* floats: a quarter of a megabyte. Larger batches gain nothing by it */

static size_t packed_width(const stage *s)
{
    return (size_t)(kernels_panels(s->k, (int)s->out_length) * s->k->panel);
}

size_t run_joint_floats(const model *m, int samples, int grain, int ranks)
{
    if (m->joint_stage < 0 || ranks == 1) return 0;
    const stage *s = &m->stage[m->joint_stage];
    size_t g = (size_t)samples * packed_width(s);
    int leaves = (tree_leaves(samples, grain) + ranks - 1) / ranks;
    /* with one thread: what all ranks can do, and all know */
    if (leaves > run_capacity(m, samples, grain, 1) / grain || g > MOST_G) return 0;
    return slab_round_up((size_t)samples * s->in_length) + g;
}

void run_join(run *r, float *memory, int samples, arena *a)
{
    CHECK(r->m->joint_stage >= 0, "%s has nothing to join", r->m->spec);
    const stage *s = &r->m->stage[r->m->joint_stage];
    int most = tree_leaves(samples, r->grain);
    r->joint = (run_joint){.x = memory,
                           .g = memory + slab_round_up((size_t)samples * s->in_length),
                           .own_x = r->activation[r->m->joint_stage],
                           .most = samples,
                           .nodes = arena_take(a, (size_t)most * sizeof(tree_node)),
                           .merges = arena_take(a, (size_t)most)};
    for (int l = 0; l < most; l++) r->joint.nodes[l] = (tree_node){l, l + 1};
}

void run_begin_batch(run *r, int samples)
{
    run_joint *j = &r->joint;
    if (!j->x || samples == j->samples) return;
    CHECK(samples <= j->most, "a batch of %d, at most %d", samples, j->most);
    j->samples = samples;
    j->leaves = tree_leaves(samples, r->grain);
    j->plan = tree_plan_merges(j->leaves, j->nodes, j->leaves, j->merges, NULL);
}

void run_joint_begin(run *r)
{
    if (!r->joint.x) return;
    int i = r->m->joint_stage;
    size_t first = (size_t)r->pass.range.lo * (size_t)r->grain;
    CHECK(!r->pass.leaves || r->pass.leaves == r->joint.leaves,
          "a pass of %d leaves of a batch of %d", r->pass.leaves, r->joint.leaves);
    r->activation[i] = r->pass.leaves ? r->joint.x + first * r->m->stage[i].in_length
                                      : r->joint.own_x;
}

void run_joint_place(const run *r, int i, stage_io *io)
{
    if (!r->joint.x || !r->pass.leaves || i != r->m->joint_stage) return;
    io->shared = r->joint.g;
    io->joint = (stage_joint){r->pass.range.lo * r->grain, r->joint.samples};
}

span run_joint_sum(run *r, span slice, int thread, float *out)
{
    run_joint *j = &r->joint;
    const stage *s = &r->m->stage[r->m->joint_stage];
    size_t kernel = s->layer->tensor[0].at.offset, units = s->out_length;
    CHECK((slice.offset - kernel) % units == 0 && slice.length % units == 0,
          "rows of %zu are cut: %zu floats at %zu", units, slice.length, slice.offset - kernel);
    int first = (int)((slice.offset - kernel) / units), rows = (int)(slice.length / units);
    tree_node share = tree_share((tree_node){0, rows}, thread, r->threads);
    span at = {(size_t)share.lo * units, (size_t)(share.hi - share.lo) * units};
    float *result = out + at.offset;
    double begin_s = trace_now(r->trace);
    if (j->leaves == 0) memset(result, 0, at.length * sizeof *result);
    stage_tree tree = {.grain = r->grain, .plan = j->plan, .merges = j->merges, .results = &result};
    stage_io io = {.x = j->x, .shared = j->g, .joint = {0, j->samples}};
    tree_node own = {first + share.lo, first + share.hi};
    s->type->kernel_rows(s, &io, own, &tree);
    trace_work(r->trace, thread, r->phase.joint, begin_s, 2.0 * (double)at.length * j->samples);
    return at;
}
