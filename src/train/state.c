/* train/state.c - parameters and optimiser state to and from checkpoints. */
#include "train/state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/json.h"

void state_describe(const model *m, float *parameters, checkpoint *c)
{
    c->layers = m->layers;
    for (int i = 0; i < m->layers; i++) {
        const layer *l = &m->layer[i];
        checkpoint_layer *out = &c->layer[i];
        snprintf(out->key, sizeof out->key, "%s", l->name);
        snprintf(out->name, sizeof out->name, "%s", l->name);
        out->cell = layer_is_recurrent(
            l->cfg.kind); /* Keras keeps a recurrent layer's variables in its cell */
        out->tensors = l->tensors;
        for (int t = 0; t < l->tensors; t++)
            out->tensor[t] = (checkpoint_tensor){l->tensor[t].shape,
                                                 parameters + l->tensor[t].at.offset};
    }
}

/* The same, and the slots at whole slabs of optimiser state. */
static void describe(const session *s, float *parameters, float *const *slots, checkpoint *c)
{
    int variable = 0;
    state_describe(&s->m, parameters, c);
    snprintf(c->optimizer, sizeof c->optimizer, "%s", optimizer_file_name(s->optimizer.kind));
    c->iteration = s->step;
    c->learning_rate = (float)session_rate(s); /* of the next step, as Keras keeps it */
    c->slots = s->slots;
    for (int i = 0; i < s->m.layers; i++)
        for (int t = 0; t < s->m.layer[i].tensors; t++, variable++)
            for (int k = 0; k < s->slots; k++)
                c->slot_values[k][variable] = slots ? slots[k] + s->m.layer[i].tensor[t].at.offset
                                                    : NULL;
}

static double real_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static int64_t integer_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void add_epoch(history_text *h, const metrics_epoch *e)
{
    char *row = json_to_text(json_pack("{s:i,s:I,s:f,s:f,s:o,s:o}", "epoch", e->epoch, "step",
                                       (json_int_t)e->step, "loss", e->loss, "accuracy",
                                       e->accuracy, "val_loss", json_real_or_null(e->val_loss),
                                       "val_accuracy", json_real_or_null(e->val_accuracy)),
                             JSON_COMPACT);
    text_buffer_add(&h->rows, "%s%s", h->epochs++ ? "," : "", row);
    memory_free(row);
}

/* No clock, no layout: the same state gives the same text. The history comes last, so that it can be hung on. */
static text_buffer state_text(const session *s, const progress_state *p, history_text *h)
{
    text_buffer text = {0};
    char *rest = json_to_text(
        json_pack("{s:i,s:I,s:f,s:I,s:I,s:i,s:o,s:s,s:s,s:[i,i,i],s:s}", "epoch", p->epoch, "step",
                  (json_int_t)p->step, "epoch_loss", p->epoch_loss, "epoch_correct",
                  (json_int_t)p->epoch_correct, "epoch_samples", (json_int_t)p->epoch_samples,
                  "best_epoch", p->best_epoch, "best_value", json_real_or_null(p->best_value),
                  "code_version", MNIST_DIST_VERSION, "data_digest", s->data.digest, "data_shape",
                  s->data.height, s->data.width, s->data.classes, "model_spec", s->m.spec),
        JSON_COMPACT);
    CHECK(h->epochs <= p->epochs, "%d of %d epochs in words", h->epochs, p->epochs);
    while (h->epochs < p->epochs) add_epoch(h, &p->history[h->epochs]);
    text_buffer_add(&text, "%.*s,\"history\":[%s]}", (int)strlen(rest) - 1, rest,
                    h->epochs ? h->rows.text : "");
    memory_free(rest);
    return text;
}

/* Slab `slot` of the optimiser's state, whole, on rank 0 (NULL elsewhere): every rank owns slices of it. */
static void gather_slot(session *s, int slot, float *slab)
{
    int owners = s->cfg.reduce == REDUCE_MPI
                     ? 1
                     : s->layout->ranks; /* --reduce=mpi: every rank has it all */
    size_t length = s->slice_offset[s->m.buckets];
    const float *from = s->slot[slot];
    float *gathered = NULL;
    arena_mark mark = arena_now(&s->memory);
    if (owners > 1) {
        if (slab) gathered = arena_take(&s->memory, s->m.slab_length * sizeof(float));
        comm_gather(s->c, s->slot[slot], length * sizeof(float), gathered);
        from = gathered;
    }
    for (int r = 0; slab && r < owners; r++)
        for (int b = 0; b < s->m.buckets; b++) {
            span slice = exchange_rank_slice(s->x, b, r);
            memcpy(slab + slice.offset, from, slice.length * sizeof(float));
            from += slice.length;
        }
    arena_release(&s->memory, mark);
}

/* The rank's own slices out of a whole slab. */
static void scatter_slot(session *s, int slot, const float *slab)
{
    for (int b = 0; b < s->m.buckets; b++) {
        span slice = exchange_slice(s->x, b);
        memcpy(s->slot[slot] + s->slice_offset[b], slab + slice.offset,
               slice.length * sizeof(float));
    }
}

static status write_file(session *s, const char *run_folder, checkpoint_role role,
                         const progress_state *progress, history_text *history, float *const *slots,
                         message *why)
{
    checkpoint *c = arena_take(&s->memory, sizeof *c);
    describe(s, s->parameters, slots, c);
    char *configuration = settings_to_json(&s->cfg, SETTING_BITS);
    text_buffer state = state_text(s, progress, history);
    c->configuration = configuration;
    c->state = state.text;
    status code = checkpoint_write(run_folder, role, c, NULL, NULL, why);
    text_buffer_free(&state);
    memory_free(configuration);
    return code;
}

status state_write(session *s, const char *run_folder, checkpoint_role role,
                   const progress_state *progress, history_text *history, message *why)
{
    arena_mark mark = arena_now(&s->memory);
    float *slots[OPTIMIZER_MAX_SLOTS] = {0};
    for (int i = 0; i < s->slots; i++) {
        if (s->layout->rank == 0)
            slots[i] = arena_take(&s->memory, s->m.slab_length * sizeof(float));
        gather_slot(s, i, slots[i]);
    }
    status code = STATUS_OK;
    if (s->layout->rank == 0) code = write_file(s, run_folder, role, progress, history, slots, why);
    code = comm_agree(s->c, code,
                      why); /* nobody goes on to change the parameters before they are written */
    arena_release(&s->memory, mark);
    return code;
}

static status parse_state(const session *s, const char *text, progress_state *p,
                          metrics_epoch *history, int max, message *why)
{
    json_t *root = json_loads(text, 0, NULL);
    if (!root) return fail(why, STATUS_BAD_DATA, "the checkpoint's state is not JSON");
    const char *digest = json_string_value(json_object_get(root, "data_digest"));
    status code = STATUS_OK;
    if (!digest || strcmp(digest, s->data.digest) != 0)
        code = fail(why, STATUS_USAGE,
                    "the checkpoint was trained on other data (digest %s) than %s (digest %s)",
                    digest ? digest : "none", s->data.name, s->data.digest);
    *p = (progress_state){.epoch = (int)integer_of(root, "epoch"),
                          .step = integer_of(root, "step"),
                          .epoch_loss = real_of(root, "epoch_loss"),
                          .epoch_correct = integer_of(root, "epoch_correct"),
                          .epoch_samples = integer_of(root, "epoch_samples"),
                          .best_epoch = (int)integer_of(root, "best_epoch"),
                          .best_value = real_of(root, "best_value"),
                          .history = history};
    const json_t *rows = json_object_get(root, "history");
    int count = (int)json_array_size(rows);
    if (!code && (count > max || count != p->epoch))
        code = fail(why, STATUS_BAD_DATA,
                    "the checkpoint's history has %d epochs, its position is %d of at most %d",
                    count, p->epoch, max);
    for (; !code && p->epochs < count; p->epochs++) {
        const json_t *row = json_array_get(rows, (size_t)p->epochs);
        history[p->epochs] = (metrics_epoch){.epoch = (int)integer_of(row, "epoch"),
                                             .step = integer_of(row, "step"),
                                             .loss = real_of(row, "loss"),
                                             .accuracy = real_of(row, "accuracy"),
                                             .val_loss = real_of(row, "val_loss"),
                                             .val_accuracy = real_of(row, "val_accuracy")};
    }
    json_decref(root);
    return code;
}

/* Rank 0's: parameters and slots into whole slabs. */
static status read_file(session *s, const checkpoint_file *file, float *parameters,
                        float *const *slots, progress_state *p, int max, message *why)
{
    checkpoint *c = arena_take(&s->memory, sizeof *c);
    describe(s, parameters, slots, c);
    if (!checkpoint_has_state(file))
        return fail(why, STATUS_BAD_DATA,
                    "this is a weights file without a run's state: it cannot be resumed");
    status code = settings_match(&s->cfg, checkpoint_configuration(file), why);
    if (!code) code = parse_state(s, checkpoint_state(file), p, p->history, max, why);
    if (!code) code = checkpoint_read(file, c, 1, why);
    return code;
}

/* Rank 0's slab of parameters to every group's copy, and the packed forms. */
static void spread_parameters(session *s, float *slab)
{
    comm_broadcast(s->c, slab, s->m.slab_length * sizeof(float));
    comm_group_barrier(s->c); /* nobody reads the old ones any more */
    if (exchange_fills_parameters(s->x))
        memcpy(s->parameters, slab, s->m.slab_length * sizeof(float));
    session_prepare(s);
}

status state_read(session *s, const checkpoint_file *file, progress_state *progress,
                  metrics_epoch *history, int max, message *why)
{
    arena_mark mark = arena_now(&s->memory);
    size_t bytes = s->m.slab_length * sizeof(float);
    float *parameters = arena_take(&s->memory, bytes), *slots[OPTIMIZER_MAX_SLOTS] = {0};
    status code = STATUS_OK;
    progress->history = history;
    if (s->layout->rank == 0) {
        for (int i = 0; i < s->slots; i++) slots[i] = arena_take(&s->memory, bytes);
        code = read_file(s, file, parameters, slots, progress, max, why);
    }
    code = comm_agree(s->c, code, why);
    if (!code) {
        spread_parameters(s, parameters);
        for (int i = 0; i < s->slots; i++) {
            float *slab = slots[i] ? slots[i] : parameters; /* spread already: free to be used */
            comm_broadcast(s->c, slab, bytes);
            scatter_slot(s, i, slab);
        }
        comm_broadcast(s->c, progress, sizeof *progress);
        progress->history = history; /* an address of this rank */
        comm_broadcast(s->c, history, (size_t)progress->epochs * sizeof *history);
        s->step = progress->step;
    }
    arena_release(&s->memory, mark);
    return code;
}

status state_read_weights(session *s, const checkpoint_file *file, message *why)
{
    arena_mark mark = arena_now(&s->memory);
    float *parameters = arena_take(&s->memory, s->m.slab_length * sizeof(float));
    checkpoint *c = arena_take(&s->memory, sizeof *c);
    describe(s, parameters, NULL, c);
    status code = STATUS_OK;
    if (s->layout->rank == 0) code = checkpoint_read(file, c, 0, why);
    code = comm_agree(s->c, code, why);
    if (!code) spread_parameters(s, parameters);
    arena_release(&s->memory, mark);
    return code;
}
