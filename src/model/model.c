/* model/model.c - from words to a plan: layers, tensors, stages, buckets. */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "base/denormals.h"
#include "base/words.h"
#include "model/presets.h"
#include "model/spec.h"

static status parse(const model_cfg *cfg, model *m, layer_cfg *cfgs, failure *why)
{
    char chain[MODEL_SPEC], canonical[MODEL_SPEC + MODEL_MAX_LAYERS]; /* a blank after each ';' */
    if (strlen(cfg->spec) >= MODEL_SPEC)
        return fail(why, STATUS_USAGE, "--model: longer than %d", MODEL_SPEC - 1);
    snprintf(m->name, sizeof m->name, "%s", cfg->spec);
    snprintf(chain, sizeof chain, "%s", cfg->spec);
    if (!presets_chain(cfg->spec, cfg->classes, chain, sizeof chain) &&
        !strpbrk(cfg->spec, " ;" WORDS_FOREIGN_SIGNS) && !spec_is_layer(cfg->spec))
        return spec_unknown_model(cfg->spec, why);
    status s = spec_parse(chain, cfgs, MODEL_MAX_LAYERS, &m->layers, why);
    if (s) return s;
    spec_format(cfgs, m->layers, canonical, sizeof canonical);
    if (strlen(canonical) >= MODEL_SPEC)
        return fail(why, STATUS_USAGE, "--model: longer than %d", MODEL_SPEC - 1);
    memcpy(m->spec, canonical, strlen(canonical) + 1);
    return STATUS_OK;
}

/* Keras counts the layers of a class: conv2d, conv2d_1, conv2d_2 ... */
static void name_layer(const model *m, int index, char *name, size_t size)
{
    int before = 0;
    const char *stem = m->layer[index].cfg.type->keras_stem;
    for (int i = 0; i < index; i++) before += strcmp(m->layer[i].cfg.type->keras_stem, stem) == 0;
    if (before)
        snprintf(name, size, "%s_%d", stem, before);
    else
        snprintf(name, size, "%s", stem);
}

static void place_tensors(model *m, layer *l)
{
    for (int t = 0; t < l->tensors; t++) {
        size_t length = shape_length(l->tensor[t].shape);
        l->tensor[t].at = (span){m->slab_length, length};
        m->slab_length += slab_round_up(length);
        m->parameters += (int64_t)length;
    }
}

static status plan_layers(model *m, const layer_cfg *cfgs, failure *why)
{
    shape at = m->input;
    for (int i = 0; i < m->layers; i++) {
        layer *l = &m->layer[i];
        l->cfg = cfgs[i];
        l->in = at;
        l->number = i;
        name_layer(m, i, l->name, sizeof l->name);
        failure reason;
        status s = layer_plan(l, &reason);
        if (s) return fail(why, s, "--model: layer %d: %s", i + 1, reason.text);
        place_tensors(m, l);
        m->macs += l->macs;
        at = l->out;
    }
    if (at.rank != 1 || at.dim[0] != m->classes)
        return fail(
            why, STATUS_USAGE,
            "--model: the last layer gives %s, but the data has %d classes: end with dense %d",
            shape_text(at).text, m->classes, m->classes);
    return STATUS_OK;
}

/* The fusion pass: layers to stages. */
static void fuse_layers(model *m, const model_cfg *cfg)
{
    int first_with_tensors = 0, taken = 1;
    while (first_with_tensors < m->layers && m->layer[first_with_tensors].tensors == 0)
        first_with_tensors++;
    for (int i = 0; i<m->layers; i += taken> 0 ? taken : 1) {
        stage *s = &m->stage[m->stages];
        *s = (stage){.k = m->k,
                     .engine = cfg->engine,
                     .sums = cfg->sums,
                     .layer = &m->layer[i],
                     /* no parameters before these: nothing to learn from dx */
                     .want_input_gradient = i > first_with_tensors};
        taken = stage_choose(s, i + 1 < m->layers ? &m->layer[i + 1] : NULL);
        m->stages += taken > 0;
    }
}

/* From the last stage to the first, so that each knows how much of its output is read: the rest is not computed. */
static void plan_stages(model *m)
{
    for (int i = m->stages; i-- > 0;) {
        stage *s = &m->stage[i];
        if (i + 1 < m->stages) {
            s->used_rows = m->stage[i + 1].reads_rows;
            s->used_cols = m->stage[i + 1].reads_cols;
        }
        stage_plan(s);
    }
    for (int i = 0; i < m->stages; i++) {
        stage *s = &m->stage[i];
        s->packed_offset = m->packed_length;
        s->scratch_offset = m->scratch_length;
        m->packed_length += slab_round_up(s->packed_length);
        m->scratch_length += slab_round_up(s->scratch_length);
    }
}

static double training_flop(const model *m)
{
    double flop = 0;
    int first = 1;
    for (int i = 0; i < m->layers; i++) {
        if (m->layer[i].tensors == 0) continue;
        flop += 2 * m->layer[i].macs * (first ? 2 : 3);
        if (first) flop += 2 * m->layer[i].state_macs;
        first = 0;
    }
    return flop;
}

static void plan_blocks(model *m, arena *a)
{
    m->block_start = arena_take(
        a,
        (m->slab_length / MODEL_BLOCK + LAYER_MAX_TENSORS * MODEL_MAX_LAYERS + 1) * sizeof(size_t));
    for (int i = 0; i < m->layers; i++)
        for (int t = 0; t < m->layer[i].tensors; t++) {
            span at = m->layer[i].tensor[t].at;
            for (size_t b = 0; b < at.length; b += MODEL_BLOCK)
                m->block_start[m->blocks++] = at.offset + b;
        }
}

enum { JOINT_BLOCKS = 64 }; /* a kernel of fewer blocks is not worth a bucket of its own */

/* The largest dense kernel from `edge` on, if it is large, and its rows do not straddle blocks. */
static void choose_joint(model *m, size_t edge)
{
    size_t most = (size_t)JOINT_BLOCKS * MODEL_BLOCK;
    for (int i = 0; i < m->stages; i++) {
        const stage *s = &m->stage[i];
        if (!s->type->kernel_rows || s->layer->tensor[0].at.offset < edge) continue;
        int whole_rows = MODEL_BLOCK % s->out_length == 0 && s->out_length % SLAB_ALIGN == 0;
        if (!whole_rows || s->layer->tensor[0].at.length < most) continue;
        most = s->layer->tensor[0].at.length + 1;
        m->joint_stage = i;
    }
}

static void add_bucket(model *m, size_t lo, size_t hi)
{
    if (lo < hi) m->bucket[m->buckets++] = (span){lo, hi - lo};
}

/* Backward finishes the tensors after the last BY_SAMPLE stage first: they are buckets of their own. */
static void plan_buckets(model *m, int joint)
{
    size_t edge = 0;
    for (int i = 0; i < m->stages; i++) {
        const stage *s = &m->stage[i];
        if (s->type->split != STAGE_BY_SAMPLE || s->layer->tensors == 0) continue;
        edge = s->layer->tensor[0].at.offset + slab_round_up(s->leaf_length);
    }
    for (int i = m->stages; i-- > 0 && edge > 0;)
        if (m->stage[i].layer->tensors && m->stage[i].layer->tensor[0].at.offset >= edge)
            m->late_stage = i;
    m->joint_bucket = m->joint_stage = -1;
    if (joint) choose_joint(m, edge);
    size_t rest = edge;
    if (m->joint_stage >= 0) {
        span kernel = m->stage[m->joint_stage].layer->tensor[0].at;
        add_bucket(m, edge, kernel.offset);
        m->joint_bucket = m->buckets;
        rest = kernel.offset + kernel.length;
        add_bucket(m, kernel.offset, rest);
    }
    add_bucket(m, rest, m->slab_length);
    m->early_buckets = m->buckets;
    add_bucket(m, 0, edge);
}

status model_build(model *m, const model_cfg *cfg, arena *a, failure *why)
{
    layer_cfg cfgs[MODEL_MAX_LAYERS];
    m->input = cfg->input;
    m->classes = cfg->classes;
    m->k = cfg->k;
    status s = parse(cfg, m, cfgs, why);
    if (!s) s = plan_layers(m, cfgs, why);
    if (s) return s;
    if (m->parameters == 0)
        return fail(why, STATUS_USAGE, "--model: the model has no parameters to train");
    fuse_layers(m, cfg);
    plan_stages(m);
    m->training_flop = training_flop(m);
    plan_blocks(m, a);
    plan_buckets(m, cfg->joint);
    return STATUS_OK;
}

void model_initialise(const model *m, uint64_t seed, float *parameters)
{
    memset(parameters, 0, m->slab_length * sizeof(float));
    for (int i = 0, tensor = 0; i < m->layers; tensor += m->layer[i].tensors, i++)
        layer_initialise(&m->layer[i], seed, tensor, parameters);
}

void model_prepare_stages(const model *m, range stages, const float *parameters, float *packed,
                          int part, int parts)
{
    for (int i = stages.lo; i < stages.hi; i++) {
        const stage *s = &m->stage[i];
        if (!s->type->prepare) continue;
        denormals_forget();
        s->type->prepare(s, parameters, packed + s->packed_offset, part, parts);
        if (!denormals_met()) continue;
        stage again = *s;
        again.k = kernels_deciding(s->k);
        s->type->prepare(&again, parameters, packed + s->packed_offset, part, parts);
    }
}

void model_prepare(const model *m, const float *parameters, float *packed, int part, int parts)
{
    model_prepare_stages(m, (range){0, m->stages}, parameters, packed, part, parts);
}

void model_each_tensor(const model *m, model_tensor_visitor visit, void *context)
{
    for (int i = 0; i < m->layers; i++)
        for (int t = 0; t < m->layer[i].tensors; t++)
            visit(context, &m->layer[i], &m->layer[i].tensor[t]);
}
