/* train/replay.c - the plan of a layout that is not there, and the files that say what it would do. */
#include "train/replay.h"

#include <stdio.h>

#include "io/file.h"
#include "io/json.h"
#include "replay_private.h"
#include "train/session.h"
#include "train/step.h"

/* ---- the plan ---- */

/* Operations of a sample: of everything, and of what comes before the early buckets begin: the forward pass, and the backward
 * pass of the stages behind the last BY_SAMPLE stage with tensors. */
static void plan_flop(replay_plan *p)
{
    const model *m = p->m;
    int behind = 0;
    for (int i = 0; i < m->stages; i++)
        if (m->stage[i].type->split == STAGE_BY_SAMPLE && m->stage[i].layer->tensors)
            behind = i + 1;
    for (int i = 0; i < behind; i++)
        p->sample_stages += m->stage[i].type->split == STAGE_BY_SAMPLE &&
                            m->stage[i].layer->macs > 0;
    p->flop = m->training_flop;
    p->early_flop = 2 * m->macs;
    for (int i = behind; i < m->stages; i++)
        p->early_flop += (m->stage[i].want_input_gradient ? 4 : 2) * m->stage[i].layer->macs;
    if (p->early_flop > p->flop) p->early_flop = p->flop;
}

/* What comes before late parameters are read, and what is packed when they are there. */
static void plan_late(replay_plan *p)
{
    const model *m = p->m;
    p->defers = p->exchange.late && p->groups > 1;
    p->packed = (double)m->packed_length;
    for (int i = 0; i < m->stages && p->defers; i++) {
        if (i >= m->late_stage) p->late_packed += (double)m->stage[i].packed_length;
        if (i < m->late_stage) p->first_flop += 2 * m->stage[i].layer->macs;
    }
}

static status plan_model(replay_plan *p, arena *a, failure *why)
{
    const kernels *k;
    const settings *cfg = p->cfg->cfg;
    status code = kernels_select(cfg->isa, settings_precision(cfg), &k, why);
    if (code) return code;
    model_cfg mc = settings_model(cfg, p->cfg->image, p->cfg->classes, k);
    p->m = arena_take(a, sizeof *p->m);
    return model_build(p->m, &mc, a, why);
}

static void plan_exchange(replay_plan *p, arena *a)
{
    const int ranks = p->cfg->ranks;
    const settings *cfg = p->cfg->cfg;
    int batch = (int)cfg->batch_size;
    int pass = session_pass_samples(cfg, p->m, batch, ranks, p->cfg->threads);
    p->pass_samples = pass;
    p->leaves = tree_leaves(batch, (int)cfg->grain);
    p->exchange = session_exchange(cfg, p->m, batch, pass);
    p->slice = arena_take(a, (size_t)(p->exchange.buckets * ranks) * sizeof *p->slice);
    messages_slices(&p->exchange, ranks, p->slice);
}

static status make_plan(replay_plan *p, arena *a, failure *why)
{
    const replay_cfg *cfg = p->cfg;
    if (cfg->cfg->reduce == REDUCE_MPI)
        return fail(why, STATUS_USAGE, "%s",
                    "--write-trace: with --reduce=mpi the messages are MPI's, and not known");
    p->groups = cfg->cfg->share == SHARE_OFF ? cfg->ranks : cfg->hosts;
    p->group_start = arena_take(a, (size_t)(p->groups + 1) * sizeof *p->group_start);
    for (int g = 0; g <= p->groups; g++)
        p->group_start[g] = (int)((int64_t)cfg->ranks * g / p->groups);
    status code = plan_model(p, a, why);
    if (code) return code;
    plan_exchange(p, a);
    plan_flop(p);
    plan_late(p);
    return STATUS_OK;
}

/* ---- the files ---- */

static status write_file(const char *folder, const char *name, text_buffer *text, failure *why)
{
    char path[FILE_PATH];
    status code = file_join(folder, name, path, why);
    if (!code) code = file_write_whole(path, text->text, text->length, why);
    text_buffer_free(text);
    return code;
}

static status write_rank(const replay_plan *p, const char *folder, int rank, replay_count *count,
                         failure *why)
{
    char name[32];
    snprintf(name, sizeof name, "rank-%d.trace", rank);
    text_buffer text = replay_rank(p, rank, count);
    return write_file(folder, name, &text, why);
}

static status write_lists(const replay_plan *p, const char *folder, failure *why)
{
    text_buffer index = {0}, hosts = {0};
    const int ranks = p->cfg->ranks;
    for (int r = 0, h = 0; r < ranks; r++) {
        while ((int64_t)ranks * (h + 1) / p->cfg->hosts <= r) h++;
        text_buffer_add(&index, "rank-%d.trace\n", r);
        text_buffer_add(&hosts, "host-%d\n", h);
    }
    status code = write_file(folder, "index.txt", &index, why);
    failure ignored;
    status other = write_file(folder, "hosts.txt", &hosts, code ? &ignored : why);
    return code ? code : other;
}

static const char *const assumptions[] = {
    "Every step has a whole batch; validation, checkpoints and the watch for lost hosts are left "
    "out.",
    "Ranks are spread evenly over hosts, neighbours together; hosts are alike.",
    "The amounts of forward and backward are nominal operations; their sum is measured, not their "
    "proportion.",
    "A rank of a host sends its early buckets without waiting for the other ranks of its host.",
    "What is passed on while a rank computes is sent between equal parts of the computation, one "
    "for each stage of each leaf: a round after a part of three quarters of them, by the bytes "
    "that the rank receives in the rounds before. The rank waits there for what it passes on.",
    "Every step is followed by another one, so that parameters that are read late arrive in it, "
    "sent when the others are there.",
    "A step begins with the parameters of the step before.",
    "Barriers of a host cost nothing beyond the waiting; their cost is in the measured "
    "computation.",
    "On one host the gradient of a large dense kernel is summed like the others.",
    "Clipping and optimizers with norms send a further vote, which is left out."};

static status write_description(const replay_plan *p, const char *folder, const replay_count *n,
                                failure *why)
{
    const replay_cfg *c = p->cfg;
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof assumptions / sizeof assumptions[0]; i++)
        json_array_append_new(list, json_string(assumptions[i]));
    json_t *value = json_pack("{s:s,s:o,s:o,s:I,s:I,s:i,s:i,s:i,s:i,s:i,s:i}", "format",
                              "SimGrid time-independent trace, sizes in bytes", "model",
                              json_path(p->m->name), "dataset", json_path(c->dataset), "batch_size",
                              (json_int_t)c->cfg->batch_size, "grain", (json_int_t)c->cfg->grain,
                              "ranks", c->ranks, "hosts", c->hosts, "threads", c->threads, "groups",
                              p->groups, "buckets", p->exchange.buckets, "steps", c->steps);
    json_t *messages = json_pack(
        "{s:I,s:I,s:I,s:I,s:I}", "messages", (json_int_t)n->messages, "bytes", (json_int_t)n->bytes,
        "exchange_bytes", (json_int_t)n->exchange_bytes, "most_messages",
        (json_int_t)n->most_messages, "most_bytes", (json_int_t)n->most_bytes);
    json_object_set_new(value, "step", messages);
    json_object_set_new(value, "assumptions", list);
    char *json = json_to_text(value, JSON_INDENTED, 17);
    text_buffer text = {0};
    text_buffer_add(&text, "%s\n", json);
    memory_free(json);
    return write_file(folder, "trace.json", &text, why);
}

static status write_files(const replay_plan *p, const char *folder, replay_count *count,
                          failure *why)
{
    status code = file_make_folder(folder, why);
    for (int r = 0; r < p->cfg->ranks && !code; r++) code = write_rank(p, folder, r, count, why);
    if (!code) code = write_lists(p, folder, why);
    if (!code) code = write_description(p, folder, count, why);
    return code;
}

status replay_write(const replay_cfg *cfg, const char *folder, replay_count *count, failure *why)
{
    arena memory = {0};
    replay_plan p = {.cfg = cfg};
    *count = (replay_count){0};
    status code = make_plan(&p, &memory, why);
    if (!code) code = write_files(&p, folder, count, why);
    arena_free(&memory);
    return code;
}
