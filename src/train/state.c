/* train/state.c - parameters and optimiser state to and from checkpoints. */
#include "train/state.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "progress.h"

_Static_assert((int)MODEL_MAX_LAYERS <= (int)CHECKPOINT_MAX_LAYERS, "a checkpoint takes a model");
_Static_assert((int)LAYER_MAX_TENSORS <= (int)CHECKPOINT_MAX_TENSORS, "and each of its layers");
_Static_assert((int)OPTIMIZER_MAX_SLOTS <= (int)CHECKPOINT_MAX_SLOTS, "and an optimizer's state");

void state_describe(const model *m, float *parameters, checkpoint *c)
{
    c->layers = m->layers;
    for (int i = 0; i < m->layers; i++) {
        const layer *l = &m->layer[i];
        checkpoint_layer *out = &c->layer[i];
        snprintf(out->key, sizeof out->key, "%s", l->name);
        snprintf(out->name, sizeof out->name, "%s", l->name);
        out->cell = l->cfg.type->keras_inner != NULL;
        out->tensors = l->tensors;
        for (int t = 0; t < l->tensors; t++)
            out->tensor[t] = (checkpoint_tensor){l->tensor[t].shape,
                                                 parameters + l->tensor[t].at.offset};
    }
}

/* The same, and the optimiser with its slots, [u->slots] whole slabs. */
static void describe(const updater *u, float *parameters, float *const *slots, checkpoint *c)
{
    const model *m = &u->s->m;
    int variable = 0;
    state_describe(m, parameters, c);
    snprintf(c->optimizer, sizeof c->optimizer, "%s", u->optimizer.type->file_name);
    c->slots_apart = u->optimizer.type->slots_apart;
    c->iteration = u->iteration_offset + u->s->step;
    c->learning_rate = (float)update_rate(u); /* of the next step, as Keras keeps it */
    c->slots = u->slots;
    for (int i = 0; i < m->layers; i++)
        for (int t = 0; t < m->layer[i].tensors; t++, variable++)
            for (int k = 0; k < u->slots; k++)
                c->slot_values[k][variable] = slots[k] + m->layer[i].tensor[t].at.offset;
}

/* ---- optimiser state ---- */

/* Gathers all ranks' slices of a slot in rank 0's slab, [m.slab_length]; NULL elsewhere. */
static void gather_slot(updater *u, int slot, float *slab)
{
    session *s = u->s;
    /* with --reduce=mpi every rank has all of it */
    int owners = s->cfg.reduce == REDUCE_MPI ? 1 : s->layout->ranks;
    size_t length = u->slice_offset[s->m.buckets];
    const float *from = u->slot[slot];
    float *gathered = NULL;
    arena_mark mark = arena_now(&s->memory);
    if (owners > 1) {
        if (slab) gathered = arena_take(&s->memory, s->m.slab_length * sizeof(float));
        comm_gather(s->c, u->slot[slot], length * sizeof(float), gathered);
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

/* Copies this rank's slices of a slot out of a whole slab. */
static void scatter_slot(updater *u, int slot, const float *slab)
{
    const session *s = u->s;
    for (int b = 0; b < s->m.buckets; b++) {
        span slice = exchange_slice(s->x, b);
        memcpy(u->slot[slot] + u->slice_offset[b], slab + slice.offset,
               slice.length * sizeof(float));
    }
}

/* ---- files ---- */

static status write_file(updater *u, const char *run_folder, checkpoint_role role,
                         const progress_state *progress, history_text *history, float *const *slots,
                         failure *why)
{
    session *s = u->s;
    checkpoint *c = arena_take(&s->memory, sizeof *c);
    describe(u, s->parameters, slots, c);
    char *configuration = settings_to_json(&s->cfg, SETTING_BITS);
    text_buffer state = progress_text(s, progress, history);
    c->configuration = configuration;
    c->state = state.text;
    status code = checkpoint_write(run_folder, role, c, NULL, NULL, why);
    text_buffer_free(&state);
    memory_free(configuration);
    return code;
}

status state_write(updater *u, const char *run_folder, checkpoint_role role,
                   const progress_state *progress, history_text *history, failure *why)
{
    session *s = u->s;
    arena_mark mark = arena_now(&s->memory);
    float *slots[OPTIMIZER_MAX_SLOTS] = {0};
    for (int i = 0; i < u->slots; i++) {
        if (s->layout->rank == 0)
            slots[i] = arena_take(&s->memory, s->m.slab_length * sizeof(float));
        gather_slot(u, i, slots[i]);
    }
    status code = STATUS_OK;
    if (s->layout->rank == 0) code = write_file(u, run_folder, role, progress, history, slots, why);
    code = comm_agree(s->c, code, why); /* no rank updates the parameters before they are written */
    arena_release(&s->memory, mark);
    return code;
}

/* Reads parameters and slots into whole slabs, on rank 0. */
static status read_file(updater *u, const checkpoint_file *file, float *parameters,
                        float *const *slots, progress_state *p, int max, failure *why)
{
    session *s = u->s;
    checkpoint *c = arena_take(&s->memory, sizeof *c);
    describe(u, parameters, slots, c);
    if (!checkpoint_has_state(file))
        return fail(why, STATUS_BAD_DATA,
                    "this is a weights file without a run's state: it cannot be resumed");
    status code = settings_match(&s->cfg, checkpoint_configuration(file), why);
    if (!code) code = progress_parse(s, checkpoint_state(file), p, max, why);
    if (!code) code = checkpoint_read(file, c, 1, why);
    if (!code) code = checkpoint_check_finite(file, c, why);
    if (!code && c->iteration != p->iteration_offset + p->step)
        code = fail(why, STATUS_BAD_DATA,
                    "the checkpoint's optimiser has done %" PRId64
                    " steps, its state says step %" PRId64 " and %" PRId64 " before the run",
                    c->iteration, p->step, p->iteration_offset);
    return code;
}

/* ---- the state to begin with ---- */

/* The option that takes a state of this kind and number of arrays; NULL if there is none. */
static const char *optimizer_for(const checkpoint_optimizer *o, int variables)
{
    const optimizer_type *type;
    for (int i = 0; o->name[0] && (type = optimizer_row(i)) != NULL; i++) {
        optimizer_cfg cfg = optimizer_cfg_default(type);
        if (checkpoint_optimizer_is(o, type->file_name) &&
            o->arrays == variables * optimizer_slots(&cfg))
            return type->name;
    }
    return NULL;
}

/* Is the state in the file one of the run's optimiser? */
static status check_kind(const updater *u, const checkpoint_file *file, failure *why)
{
    const optimizer_type *type = u->optimizer.type;
    const char *path = u->s->cfg.weights;
    checkpoint_optimizer o = checkpoint_optimizer_of(file);
    int variables = 0;
    for (int i = 0; i < u->s->m.layers; i++) variables += u->s->m.layer[i].tensors;
    if (!o.present)
        return fail(why, STATUS_BAD_DATA,
                    "%.500s: no state of an optimiser in it: leave --optimizer-state out, or save "
                    "the whole model after its training",
                    path);
    int same = checkpoint_optimizer_is(&o, type->file_name);
    if (same && o.arrays == variables * u->slots) return STATUS_OK;
    const char *fits = optimizer_for(&o, variables);
    char advice[64] = "leave --optimizer-state out";
    if (fits && strcmp(fits, type->name) != 0)
        snprintf(advice, sizeof advice, "use --optimizer %s", fits);
    if (!same)
        return fail(why, STATUS_BAD_DATA, "%.500s: its optimiser is %.60s, the run's is %s: %s",
                    path, o.name, type->name, advice);
    return fail(why, STATUS_BAD_DATA,
                "%.500s: its optimiser, %.60s, keeps %d arrays, the run's, %s, %d for each of %d "
                "tensors: %s",
                path, o.name[0] ? o.name : "without a name", o.arrays, type->name, u->slots,
                variables, advice);
}

static status check_slots(const updater *u, float *const *slots, failure *why)
{
    for (int k = 0; k < u->slots; k++)
        for (size_t i = 0; i < u->s->m.slab_length; i++)
            if (!isfinite(slots[k][i]))
                return fail(why, STATUS_BAD_DATA,
                            "%.500s: the state of its optimiser has a number that is not finite: "
                            "leave --optimizer-state out",
                            u->s->cfg.weights);
    return STATUS_OK;
}

/* As read_file, of a run that begins; `max` is not used. */
static status read_start(updater *u, const checkpoint_file *file, float *parameters,
                         float *const *slots, progress_state *p, int max, failure *why)
{
    checkpoint *c = arena_take(&u->s->memory, sizeof *c);
    (void)max;
    describe(u, parameters, slots, c);
    status code = check_kind(u, file, why);
    if (!code) code = checkpoint_read(file, c, 1, why);
    if (!code) code = checkpoint_check_finite(file, c, why);
    if (!code) code = check_slots(u, slots, why);
    if (!code && (c->iteration < 0 || c->iteration > STATE_MOST_ITERATIONS))
        code = fail(why, STATUS_BAD_DATA, "%.500s: its optimiser has done %" PRId64 " steps",
                    u->s->cfg.weights, c->iteration);
    *p = (progress_state){.history = p->history, .iteration_offset = c->iteration};
    return code;
}

/* ---- from rank 0 to all ---- */

/* Copies rank 0's slab of parameters to every group's copy, and makes the packed forms. */
static void spread_parameters(session *s, float *slab)
{
    comm_broadcast(s->c, slab, s->m.slab_length * sizeof(float));
    comm_group_barrier(s->c); /* no rank reads the old ones any more */
    if (exchange_fills_parameters(s->x))
        memcpy(s->parameters, slab, s->m.slab_length * sizeof(float));
    session_prepare(s);
}

/* Rank 0's slabs and progress to all ranks. A rank without slabs of its own receives slots in `parameters`. */
static void spread_state(updater *u, float *parameters, float *const *slots,
                         progress_state *progress)
{
    session *s = u->s;
    metrics_epoch *history = progress->history;
    spread_parameters(s, parameters);
    for (int i = 0; i < u->slots; i++) {
        float *slab = slots[i] ? slots[i] : parameters;
        comm_broadcast(s->c, slab, s->m.slab_length * sizeof(float));
        scatter_slot(u, i, slab);
    }
    comm_broadcast(s->c, progress, sizeof *progress);
    progress->history = history; /* this rank's */
    comm_broadcast(s->c, history, (size_t)progress->epochs * sizeof *history);
    s->step = progress->step;
    u->iteration_offset = progress->iteration_offset;
}

typedef status (*slab_reader)(updater *u, const checkpoint_file *file, float *parameters,
                              float *const *slots, progress_state *p, int max, failure *why);

static status read_state(updater *u, const checkpoint_file *file, progress_state *progress, int max,
                         slab_reader read, failure *why)
{
    session *s = u->s;
    arena_mark mark = arena_now(&s->memory);
    size_t bytes = s->m.slab_length * sizeof(float);
    float *parameters = arena_take(&s->memory, bytes), *slots[OPTIMIZER_MAX_SLOTS] = {0};
    status code = STATUS_OK;
    if (s->layout->rank == 0) {
        for (int i = 0; i < u->slots; i++) slots[i] = arena_take(&s->memory, bytes);
        code = read(u, file, parameters, slots, progress, max, why);
    }
    code = comm_agree(s->c, code, why);
    if (!code) spread_state(u, parameters, slots, progress);
    arena_release(&s->memory, mark);
    return code;
}

status state_read(updater *u, const checkpoint_file *file, progress_state *progress, int max,
                  failure *why)
{
    return read_state(u, file, progress, max, read_file, why);
}

status state_read_start(updater *u, const checkpoint_file *file, progress_state *progress,
                        failure *note, failure *why)
{
    status code = read_state(u, file, progress, 0, read_start, why);
    if (!code)
        fail(note, STATUS_OK,
             "goes on with the optimiser's state of %.500s: %s, after %" PRId64 " step%s",
             u->s->cfg.weights, u->optimizer.type->name, u->iteration_offset,
             u->iteration_offset == 1 ? "" : "s");
    return code;
}

status state_read_weights(session *s, const checkpoint_file *file, failure *why)
{
    arena_mark mark = arena_now(&s->memory);
    float *parameters = arena_take(&s->memory, s->m.slab_length * sizeof(float));
    checkpoint *c = arena_take(&s->memory, sizeof *c);
    state_describe(&s->m, parameters, c);
    status code = STATUS_OK;
    if (s->layout->rank == 0) code = checkpoint_read(file, c, 0, why);
    if (!code && s->layout->rank == 0) code = checkpoint_check_finite(file, c, why);
    code = comm_agree(s->c, code, why);
    if (!code) spread_parameters(s, parameters);
    arena_release(&s->memory, mark);
    return code;
}
