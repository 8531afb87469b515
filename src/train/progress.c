/* train/progress.c - the progress of a run, to JSON text and, checked, back. */
#include "progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "train/numerics.h"

enum { STATE_DIGITS = 17 }; /* they give every double back */

/* ---- to text ---- */

static void add_epoch(history_text *h, const metrics_epoch *e)
{
    char *row = json_to_text(json_pack("{s:i,s:I,s:f,s:f,s:o,s:o}", "epoch", e->epoch, "step",
                                       (json_int_t)e->step, "loss", e->loss, "accuracy",
                                       e->accuracy, "val_loss", json_real_or_null(e->val_loss),
                                       "val_accuracy", json_real_or_null(e->val_accuracy)),
                             JSON_ONE_LINE, STATE_DIGITS);
    text_buffer_add(&h->rows, "%s%s", h->epochs++ ? "," : "", row);
    memory_free(row);
}

/* Height, width, channels unless there is only one, classes. */
static json_t *data_shape(const dataset *d)
{
    if (d->channels == 1) return json_pack("[i,i,i]", d->height, d->width, d->classes);
    return json_pack("[i,i,i,i]", d->height, d->width, d->channels, d->classes);
}

/* The history comes last, so that its rows can be appended. */
text_buffer progress_text(const session *s, const progress_state *p, history_text *h)
{
    text_buffer text = {0};
    /* Only where they are not the usual ones: then the checkpoints of other runs keep their bytes. */
    json_t *offset = p->iteration_offset ? json_integer(p->iteration_offset) : NULL;
    json_t *before = p->numerics_before ? json_integer(p->numerics_before) : NULL;
    json_t *since = p->numerics_before ? json_integer(p->numerics_since) : NULL;
    char *rest = json_to_text(
        json_pack("{s:i,s:I,s:f,s:I,s:I,s:i,s:o,s:s,s:i,s:o*,s:o*,s:s,s:o,s:s,s:o*}", "epoch",
                  p->epoch, "step", (json_int_t)p->step, "epoch_loss", p->epoch_loss,
                  "epoch_correct", (json_int_t)p->epoch_correct, "epoch_samples",
                  (json_int_t)p->epoch_samples, "best_epoch", p->best_epoch, "best_value",
                  json_real_or_null(p->best_value), "code_version", MNIST_DIST_VERSION, "numerics",
                  NUMERICS, "numerics_before", before, "numerics_since", since, "data_digest",
                  s->data.digest, "data_shape", data_shape(&s->data), "model_spec", s->m.spec,
                  "iteration_offset", offset),
        JSON_ONE_LINE, STATE_DIGITS);
    CHECK(h->epochs <= p->epochs, "%d of %d epochs in words", h->epochs, p->epochs);
    while (h->epochs < p->epochs) add_epoch(h, &p->history[h->epochs]);
    text_buffer_add(&text, "%.*s,\"history\":[%s]}", (int)strlen(rest) - 1, rest,
                    h->epochs ? h->rows.text : "");
    memory_free(rest);
    return text;
}

/* ---- from text ---- */

/* A text that is read: the first fault is kept, and ends the reading. */
typedef struct reading {
    const json_t *root;
    status code;
    failure *why;
} reading;

/* "state: step" or "history, epoch 2: step" */
static void refuse(reading *r, const char *where, const char *key, const char *wants)
{
    if (r->code) return;
    const json_t *value = json_object_get(r->root, key);
    char *is = value ? json_to_text(json_deep_copy(value), JSON_ONE_LINE, STATE_DIGITS) : NULL;
    r->code = fail(r->why, STATUS_BAD_DATA,
                   "the checkpoint's %s: %s is %.80s, expected %s: use another checkpoint", where,
                   key, is ? is : "missing", wants);
    memory_free(is);
}

/* A whole number of low to high. */
static int64_t whole(reading *r, const char *where, const char *key, int64_t low, int64_t high)
{
    char wants[64];
    const json_t *value = json_object_get(r->root, key);
    if (json_is_integer(value) && json_integer_value(value) >= low &&
        json_integer_value(value) <= high)
        return json_integer_value(value);
    if (low == high)
        snprintf(wants, sizeof wants, "%" PRId64, low);
    else
        snprintf(wants, sizeof wants, "%" PRId64 " to %" PRId64, low, high);
    refuse(r, where, key, wants);
    return low;
}

/* A number of low to high; NaN for null where that is allowed. */
static double real(reading *r, const char *where, const char *key, double high, int or_null)
{
    const json_t *value = json_object_get(r->root, key);
    double number = json_real_of(r->root, key);
    if (or_null && json_is_null(value)) return (double)NAN;
    if (!(isfinite(number) && number >= 0 && number <= high))
        refuse(r, where, key, high == 1 ? "a number of 0 to 1" : "a number, 0 or more");
    return number;
}

static metrics_epoch parse_epoch(reading *r, const json_t *row, int epoch, int steps_per_epoch)
{
    char where[48];
    reading of_row = {row, r->code, r->why};
    snprintf(where, sizeof where, "history, epoch %d", epoch);
    const double any = HUGE_VAL;
    metrics_epoch e = {
        .epoch = (int)whole(&of_row, where, "epoch", epoch, epoch),
        .step = whole(&of_row, where, "step", (int64_t)epoch * steps_per_epoch,
                      (int64_t)epoch * steps_per_epoch),
        .loss = real(&of_row, where, "loss", any, 0),
        .accuracy = real(&of_row, where, "accuracy", 1, 0),
        .val_loss = real(&of_row, where, "val_loss", any, 1),
        .val_accuracy = real(&of_row, where, "val_accuracy", 1, 1),
    };
    r->code = of_row.code;
    return e;
}

/* The best value is one of its epoch's figures: --monitor may have been another one before. */
static void check_best(reading *r, const progress_state *p)
{
    if (r->code) return;
    if (p->best_epoch == 0) {
        if (!isnan(p->best_value) && p->best_value != 0)
            refuse(r, "state", "best_value", "null or 0, since best_epoch is 0");
        return;
    }
    const metrics_epoch *e = &p->history[p->best_epoch - 1];
    double value = p->best_value;
    if (value != e->loss && value != e->accuracy && value != e->val_loss &&
        value != e->val_accuracy)
        refuse(r, "state", "best_value", "a figure of the best epoch");
}

static void parse_position(reading *r, const session *s, progress_state *p, int max)
{
    const sampler *order = &s->order;
    int64_t steps = sampler_steps(order);
    p->epoch = (int)whole(r, "state", "epoch", 0, max);
    p->step = whole(r, "state", "step", p->epoch * steps, (p->epoch + 1) * steps);
    int64_t seen = (p->step - p->epoch * steps) * order->batch;
    if (seen > order->count) seen = order->count;
    p->epoch_samples = whole(r, "state", "epoch_samples", seen, seen);
    p->epoch_correct = whole(r, "state", "epoch_correct", 0, seen);
    p->epoch_loss = real(r, "state", "epoch_loss", HUGE_VAL, 0);
    if (json_object_get(r->root, "iteration_offset"))
        p->iteration_offset = whole(r, "state", "iteration_offset", 1, STATE_MOST_ITERATIONS);
    p->best_epoch = (int)whole(r, "state", "best_epoch", 0, p->epoch);
    p->best_value = real(r, "state", "best_value", HUGE_VAL, 1);
}

static void parse_history(reading *r, const session *s, progress_state *p)
{
    const json_t *rows = json_object_get(r->root, "history");
    if (!r->code && (!json_is_array(rows) || json_array_size(rows) != (size_t)p->epoch))
        r->code = fail(r->why, STATUS_BAD_DATA,
                       "the checkpoint's history has %zu epochs, its state says epoch %d: use "
                       "another checkpoint",
                       json_array_size(rows), p->epoch);
    for (; !r->code && p->epochs < p->epoch; p->epochs++)
        p->history[p->epochs] = parse_epoch(r, json_array_get(rows, (size_t)p->epochs),
                                            p->epochs + 1, sampler_steps(&s->order));
}

/* Checkpoints name an instruction set where it rounded otherwise: baseline did, before fused multiply-adds were the same on
 * every processor. */
static void check_isa(reading *r)
{
    const char *isa = json_string_value(json_object_get(r->root, "isa"));
    if (!r->code && isa)
        r->code = fail(
            r->why, STATUS_USAGE,
            "the checkpoint was made by an older mnist_dist with --isa=%.40s, whose bits "
            "this one does not give: start a new run with --weights",
            isa);
}

/* A run of another number goes on only if the user accepts that it then has the bits of neither. */
static void check_numerics(reading *r, const session *s, progress_state *p)
{
    int number = NUMERICS_FIRST;
    if (json_object_get(r->root, "numerics"))
        number = (int)whole(r, "state", "numerics", 1, NUMERICS_MOST);
    if (json_object_get(r->root, "numerics_before")) {
        p->numerics_before = (int)whole(r, "state", "numerics_before", 1, NUMERICS_MOST);
        p->numerics_since = whole(r, "state", "numerics_since", 0, p->step);
    }
    if (r->code || number == NUMERICS) return;
    if (s->cfg.accept_numerics == NO) {
        r->code = fail(r->why, STATUS_USAGE,
                       "the checkpoint was made with numerics %d, this program computes with "
                       "numerics %d, in other bits: go on with a program of numerics %d, or give "
                       "--accept-numerics for a run that has the bits of neither",
                       number, NUMERICS, number);
        return;
    }
    if (p->numerics_before) return;
    p->numerics_before = number;
    p->numerics_since = p->step;
}

/* Is the run's data and model the session's? */
static void check_identity(reading *r, const session *s)
{
    const char *digest = json_string_value(json_object_get(r->root, "data_digest"));
    const char *spec = json_string_value(json_object_get(r->root, "model_spec"));
    if (!digest || strcmp(digest, s->data.digest) != 0) {
        r->code = fail(
            r->why, STATUS_USAGE,
            "the checkpoint was trained on other data (digest %.40s) than %s (digest %s)",
            digest ? digest : "none", s->data.name, s->data.digest);
        return;
    }
    json_t *expected = data_shape(&s->data);
    if (!json_equal(json_object_get(r->root, "data_shape"), expected)) {
        char *text = json_to_text(json_incref(expected), JSON_ONE_LINE, STATE_DIGITS);
        refuse(r, "state", "data_shape", text);
        memory_free(text);
    }
    json_decref(expected);
    if (!spec || strcmp(spec, s->m.spec) != 0) refuse(r, "state", "model_spec", s->m.spec);
}

status progress_parse(const session *s, const char *text, progress_state *p, int max, failure *why)
{
    json_t *root = json_loads(text, 0, NULL);
    if (!root) return fail(why, STATUS_BAD_DATA, "the checkpoint's state is not JSON");
    reading r = {root, STATUS_OK, why};
    *p = (progress_state){.history = p->history};
    check_identity(&r, s);
    check_isa(&r);
    parse_position(&r, s, p, max);
    check_numerics(&r, s, p);
    parse_history(&r, s, p);
    check_best(&r, p);
    json_decref(root);
    return r.code;
}
