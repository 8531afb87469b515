/* app/evaluate.c - the command evaluate: weights on the test set. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/print.h"
#include "app/weights.h"
#include "base/text_buffer.h"
#include "base/text.h"
#include "train/results.h"
#include "train/digest.h"
#include "train/evaluator.h"
#include "train/report.h"
#include "train/state.h"

static status open_weights(const app *a, weights *w, settings *s, run_data *known, failure *why)
{
    status code = STATUS_OK;
    *w = (weights){0};
    if (app_speaks(a)) {
        code = weights_open(a->o.operand[0], options_which(&a->o), w, why);
        if (!code) code = weights_settings(&a->o, w, s, why);
        if (!code) *known = run_data_of(a->o.operand[0], w->file);
    }
    code = comm_agree(a->c, code, why);
    if (code) return code;
    comm_broadcast(a->c, s, sizeof *s);
    comm_broadcast(a->c, known, sizeof *known);
    return STATUS_OK;
}

/* ---- the answer ---- */

static void print_overflow(const evaluation *e)
{
    char line[160];
    if (e->nonfinite == 0) return;
    snprintf(line, sizeof line,
             "the losses of %lld of %d images are infinite, NaN or above 1048576: each counts as "
             "1048576; the weights are too large",
             (long long)e->nonfinite, e->count);
    print_note(line);
}

static void print_text(const session *s, const weights *w, const evaluation *e,
                       const int64_t *matrix)
{
    text_buffer report = {0};
    if (s->names_remark.text[0]) print_note(s->names_remark.text);
    if (w->note.text[0]) print_note(w->note.text);
    if (s->data.remark[0]) print_note(s->data.remark);
    if (s->is_other) print_note(RUN_DATA_OTHER);
    print_out("weights %s%s: %s, %s parameters\n", w->path, results_place_in(w->file).text,
              s->m.name, text_thousands(s->m.parameters).text);
    print_out("test    %s%s%s, %s images: loss %s - accuracy %s\n\n", s->data.name,
              s->data.note[0] ? ", " : "", s->data.note, text_thousands(e->count).text,
              print_fixed(e->loss, 4).text, print_fixed(e->accuracy, 4).text);
    print_overflow(e);
    report_text(&s->names, matrix, &report);
    text_buffer_add(&report, "\n");
    report_matrix(&s->names, matrix, &report);
    print_out("%s", report.text);
    text_buffer_free(&report);
}

/* known: of the weights. */
static void print_object(const session *s, const weights *w, const run_data *known,
                         const evaluation *e, const int64_t *matrix)
{
    int same = run_data_is(known, &s->data);
    json_t *of_run = same < 0 ? json_null() : json_boolean(same);
    char digest[33];
    int classes = s->data.classes;
    int64_t step = results_step_in(w->file);
    json_t *rows = json_array();
    for (int r = 0; r < classes; r++) {
        json_t *row = json_array();
        for (int c = 0; c < classes; c++)
            json_array_append_new(row, json_integer(matrix[r * classes + c]));
        json_array_append_new(rows, row);
    }
    digest_parameters(&s->m, s->parameters, digest);
    print_json(
        json_pack("{s:o,s:o,s:o,s:o,s:i,s:o,s:o,s:s,s:o,s:o,s:s,s:o,s:o}", "weights",
                  print_json_text(w->path), "step", step < 0 ? json_null() : json_integer(step),
                  "model", print_json_text(s->m.name), "dataset", print_json_text(s->data.name),
                  "test_samples", e->count, "test_loss", json_real_or_null(e->loss),
                  "test_accuracy", json_real_or_null(e->accuracy), "parameters_digest", digest,
                  "confusion", rows, "data", json_path(s->data.folder), "data_digest",
                  s->data.digest, "data_of_run", of_run, "class_names", run_data_names(&s->names)),
        "\n");
}

static void evaluate_session(const app *a, session *s, const weights *w, const run_data *known)
{
    int count = s->data.test.count, classes = s->data.classes;
    uint8_t *predicted = arena_take(&s->memory, (size_t)count);
    float *probabilities = arena_take(&s->memory, (size_t)count * (size_t)classes * sizeof(float));
    int64_t *matrix = arena_take(&s->memory, (size_t)(classes * classes) * sizeof *matrix);
    evaluation e = evaluator_run(s, &s->data.test, predicted, probabilities);
    if (!app_speaks(a)) return;
    report_confusion(classes, count, s->data.test.labels, predicted, matrix);
    if (a->o.json)
        print_object(s, w, known, &e, matrix);
    else
        print_text(s, w, &e, matrix);
}

status evaluate_command(app *a, failure *why)
{
    weights w;
    run_data known = {.classes = 0};
    session_cfg cfg = {.c = a->c,
                       .threads = a->advice.threads,
                       .cores = a->advice.cores,
                       .known = &known,
                       .evaluates = 1};
    status code = open_weights(a, &w, &cfg.cfg, &known, why);
    if (!code) {
        session *s = memory_take(sizeof *s);
        code = session_open(s, &cfg, why);
        if (!code) code = state_read_weights(s, w.file, why);
        if (!code) evaluate_session(a, s, &w, &known);
        session_close(s);
        memory_free(s);
    }
    weights_close(&w);
    return code;
}
