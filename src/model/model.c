/* model/model.c - from words to a plan: layers, tensors, stages, buckets. */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/spec.h"

/* %d: the number of classes */
static const struct {
    const char *name, *spec;
} presets[] = {
    {"cnn",
     "conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; maxpool 2; flatten; dense 128 relu; dense %d"},
    {"mlp", "flatten; dense 128 relu; dense %d"},
    {"lenet5",
     "conv2d 6 5 same tanh; avgpool 2; conv2d 16 5 tanh; avgpool 2; flatten; dense 120 tanh; dense "
     "84 tanh; "
     "dense %d"}, /* LeCun et al., Proc. IEEE 86, 1998, as it is built today: plain averages, softmax */
    {"rnn", "simple_rnn 128; dense %d"},
    {"lstm", "lstm 128; dense %d"},
    {"strong", /* twice the convolutions, and dropout: for long runs with augmentation */
     "conv2d 32 3 relu; conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; conv2d 64 3 relu; maxpool "
     "2; "
     "flatten; dense 256 relu; dropout 0.5; dense %d"},
};
enum { PRESETS = sizeof presets / sizeof presets[0] };

const char *model_preset_name(int index)
{
    return index >= 0 && index < PRESETS ? presets[index].name : NULL;
}

/* A single word that is no layer was meant as a preset: say which ones there are. */
static status unknown_preset(const char *word, message *why)
{
    const char *names[PRESETS];
    for (int i = 0; i < PRESETS; i++) names[i] = presets[i].name;
    const char *near = text_nearest(word, names, PRESETS);
    char list[128] = "";
    for (int i = 0, used = 0; i < PRESETS; i++)
        used += snprintf(list + used, sizeof list - (size_t)used, "%s, ", names[i]);
    return fail(
        why, STATUS_USAGE,
        "unknown model '%s'%s%s%s; known are %sor a chain of layers such as \"flatten; dense 10\"",
        word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", list);
}

static status parse(const model_cfg *cfg, model *m, layer_cfg *cfgs, message *why)
{
    char chain[MODEL_SPEC];
    if (strlen(cfg->spec) >= MODEL_SPEC)
        return fail(why, STATUS_USAGE, "--model: longer than %d", MODEL_SPEC - 1);
    snprintf(m->name, sizeof m->name, "%s", cfg->spec);
    snprintf(chain, sizeof chain, "%s", cfg->spec);
    int preset = 0;
    while (preset < PRESETS && strcmp(cfg->spec, presets[preset].name) != 0) preset++;
    if (preset < PRESETS) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(chain, sizeof chain, presets[preset].spec, cfg->classes);
#pragma GCC diagnostic pop
    } else if (!strpbrk(cfg->spec, " ;") && !spec_is_layer(cfg->spec)) {
        return unknown_preset(cfg->spec, why);
    }
    status s = spec_parse(chain, cfgs, MODEL_MAX_LAYERS, &m->layers, why);
    if (s) return s;
    char canonical[MODEL_SPEC + MODEL_MAX_LAYERS]; /* a blank after each ';' */
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
    const char *stem = layer_kind_words(m->layer[index].cfg.kind)->keras_stem;
    for (int i = 0; i < index; i++)
        before += strcmp(layer_kind_words(m->layer[i].cfg.kind)->keras_stem, stem) == 0;
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

static status plan_layers(model *m, const layer_cfg *cfgs, message *why)
{
    shape at = m->input;
    for (int i = 0; i < m->layers; i++) {
        layer *l = &m->layer[i];
        l->cfg = cfgs[i];
        l->in = at;
        l->number = i;
        name_layer(m, i, l->name, sizeof l->name);
        message reason;
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

static const stage_type *type_of(const layer *l)
{
    switch (l->cfg.kind) {
    case LAYER_CONV2D:
        return &stage_conv2d;
    case LAYER_MAXPOOL:
        return &stage_maxpool;
    case LAYER_DENSE:
        return &stage_dense;
    case LAYER_AVGPOOL:
    case LAYER_GLOBAL_AVGPOOL:
        return &stage_avgpool;
    case LAYER_RELU:
    case LAYER_LEAKY_RELU:
    case LAYER_TANH:
    case LAYER_SIGMOID:
        return &stage_activation;
    case LAYER_DROPOUT:
        return &stage_dropout;
    case LAYER_LAYER_NORM:
        return &stage_layer_norm;
    case LAYER_SIMPLE_RNN:
    case LAYER_LSTM:
    case LAYER_GRU:
        return &stage_recurrent;
    case LAYER_FLATTEN: /* channels last already is the flat order: nothing runs */
    case LAYER_KINDS:
        break;
    }
    return NULL;
}

/* A pooling that cuts the convolution's output into windows without gap or overlap runs inside the convolution's stage. */
static int fuses(const model *m, int conv)
{
    if (conv + 1 >= m->layers || m->layer[conv].cfg.kind != LAYER_CONV2D) return 0;
    const layer_cfg *next = &m->layer[conv + 1].cfg;
    return next->kind == LAYER_MAXPOOL && next->stride == next->size && next->pad == PADDING_VALID;
}

/* The fusion pass: layers to stages. */
static void fuse_layers(model *m, const model_cfg *cfg)
{
    int first_with_tensors = 0;
    while (first_with_tensors < m->layers && m->layer[first_with_tensors].tensors == 0)
        first_with_tensors++;
    for (int i = 0; i < m->layers; i++) {
        const layer *l = &m->layer[i];
        if (!type_of(l)) continue;
        stage *s = &m->stage[m->stages++];
        *s = (stage){
            .type = type_of(l), .k = m->k, .engine = cfg->engine, .sums = cfg->sums, .layer = l};
        if (fuses(m, i)) s->pool = &m->layer[++i];
        s->want_input_gradient =
            l > &m->layer[first_with_tensors]; /* nobody before it has a use for one */
        if (l->cfg.kind == LAYER_CONV2D && stage_conv2d_fused(s)) s->type = stage_conv2d_fused(s);
        if (layer_is_recurrent(l->cfg.kind) && recurrent_fused_takes(s))
            s->type = &stage_recurrent_fused;
        s->in_length = shape_length(l->in);
        s->out_length = shape_length(s->pool ? s->pool->out : l->out);
    }
}

/* From the last stage to the first, so that each knows how much of its output is read: what nobody reads is not computed. */
static void plan_stages(model *m)
{
    for (int i = m->stages; i-- > 0;) {
        stage *s = &m->stage[i];
        if (i + 1 < m->stages) {
            s->used_rows = m->stage[i + 1].reads_rows;
            s->used_cols = m->stage[i + 1].reads_cols;
        }
        s->type->plan(s);
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

/* Backward finishes the tensors behind the last BY_SAMPLE stage first: they are buckets of their own. */
static void plan_buckets(model *m, int joint)
{
    size_t edge = 0;
    for (int i = 0; i < m->stages; i++) {
        const stage *s = &m->stage[i];
        if (s->type->split != STAGE_BY_SAMPLE || s->layer->tensors == 0) continue;
        edge = s->layer->tensor[0].at.offset + slab_round_up(s->leaf_length);
    }
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

status model_build(model *m, const model_cfg *cfg, arena *a, message *why)
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

void model_prepare(const model *m, const float *parameters, float *packed, int part, int parts)
{
    for (int i = 0; i < m->stages; i++) {
        const stage *s = &m->stage[i];
        if (s->type->prepare)
            s->type->prepare(s, parameters, packed + s->packed_offset, part, parts);
    }
}

void model_each_tensor(const model *m, model_tensor_visitor visit, void *context)
{
    for (int i = 0; i < m->layers; i++)
        for (int t = 0; t < m->layer[i].tensors; t++)
            visit(context, &m->layer[i], &m->layer[i].tensor[t]);
}
