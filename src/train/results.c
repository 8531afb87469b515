/* train/results.c - the files that a run leaves at its end. */
#include "train/results.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "io/json.h"
#include "io/predictions.h"
#include "kernel/gemm_blis.h"
#include "train/numerics.h"
#include "train/report.h"
#include "train/run_folder.h"

results_place results_place_of(int64_t epochs, int64_t step)
{
    results_place place;
    snprintf(place.text, sizeof place.text, "%lld epoch%s, step %s", (long long)epochs,
             epochs == 1 ? "" : "s", text_thousands(step).text);
    return place;
}

/* A number in the state of a checkpoint; -1 if there is none. */
static int64_t number_of_state(const checkpoint_file *file, const char *key)
{
    json_t *state = json_loads(checkpoint_state(file), 0, NULL);
    int64_t value = json_is_object(state) ? json_whole_of(state, key, -1) : -1;
    json_decref(state);
    return value;
}

int64_t results_step_in(const checkpoint_file *file)
{
    return number_of_state(file, "step");
}

results_place results_place_in(const checkpoint_file *file)
{
    results_place place = {""};
    int64_t epochs = number_of_state(file, "epoch"), step = results_step_in(file);
    if (epochs >= 0 && step >= 0)
        snprintf(place.text, sizeof place.text, " (%.56s)", results_place_of(epochs, step).text);
    return place;
}

/* digits: significant ones of a number; 17 give a double back, 9 a float. */
static status write_json(const char *run_folder, const char *name, json_t *root, int digits,
                         failure *why)
{
    char *text = json_to_text(root, JSON_INDENTED, digits);
    size_t length = strlen(text);
    text[length] = '\n'; /* in the place of the 0 */
    status code = run_folder_write(run_folder, name, text, length + 1, why);
    memory_free(text);
    return code;
}

status results_write_json(const session *s, const char *run_folder, const train_result *r,
                          failure *why)
{
    const char *engine = s->cfg.gemm == GEMM_CHOICE_BLIS ? "blis" : "own";
    json_t *root = json_object();
    json_object_set_new(root, "model", json_string(s->m.name));
    json_object_set_new(root, "dataset", json_path(s->data.name));
    json_object_set_new(root, "parameters", json_integer(s->m.parameters));
    json_object_set_new(root, "epochs", json_integer(r->epochs));
    json_object_set_new(root, "train_samples", json_integer(s->training.count));
    json_object_set_new(root, "validation_samples", json_integer(s->validation.count));
    json_object_set_new(root, "test_samples", json_integer(s->data.test.count));
    json_object_set_new(root, "train_loss", json_real_or_null(r->train_loss));
    json_object_set_new(root, "train_accuracy", json_real_or_null(r->train_accuracy));
    json_object_set_new(root, "validation_loss", json_real_or_null(r->validation_loss));
    json_object_set_new(root, "validation_accuracy", json_real_or_null(r->validation_accuracy));
    json_object_set_new(root, "test_loss", json_real_or_null(r->test_loss));
    json_object_set_new(root, "test_accuracy", json_real_or_null(r->test_accuracy));
    json_object_set_new(root, "best_epoch", json_integer(r->best_epoch));
    json_object_set_new(root, "best_test_accuracy", json_real_or_null(r->best_test_accuracy));
    json_object_set_new(root, "images_per_second", json_real_or_null(r->images_per_second));
    json_object_set_new(root, "seconds", json_real_or_null(r->seconds));
    json_object_set_new(root, "ranks", json_integer(s->layout->ranks));
    json_object_set_new(root, "threads", json_integer(s->threads));
    json_object_set_new(root, "isa", json_string(s->isa));
    json_object_set_new(root, "precision", json_string(settings_precision_name(&s->cfg)));
    json_object_set_new(root, "gemm", json_string(engine));
    if (s->cfg.gemm == GEMM_CHOICE_BLIS)
        json_object_set_new(root, "gemm_architecture", json_string(gemm_blis_architecture()));
    json_object_set_new(root, "reduce", json_string(s->cfg.reduce == REDUCE_MPI ? "mpi" : "tree"));
    json_object_set_new(root, "seed", json_integer(s->cfg.seed));
    json_object_set_new(root, "parameters_digest", json_string(r->parameters_digest));
    json_object_set_new(root, "numerics", json_integer(NUMERICS));
    if (r->numerics_before) {
        json_object_set_new(root, "numerics_before", json_integer(r->numerics_before));
        json_object_set_new(root, "numerics_since", json_integer(r->numerics_since));
    }
    json_object_set_new(root, "weights", json_string("last"));
    json_object_set_new(root, "step", json_integer(r->step));
    json_object_set_new(root, "data", json_path(s->data.folder));
    json_object_set_new(root, "data_digest", json_string(s->data.digest));
    json_object_set_new(root, "classes", json_integer(s->data.classes));
    json_object_set_new(root, "class_names", run_data_names(&s->names));
    return write_json(run_folder, "result.json", root, 9, why);
}

status results_write_config(const session *s, const char *run_folder, failure *why)
{
    char *settings_json = settings_to_json(&s->cfg, SETTING_PLACE);
    json_t *root = json_loads(settings_json, 0, NULL);
    memory_free(settings_json);
    json_object_set_new(root, SETTINGS_DATASET, run_data_record(&s->data, &s->names));
    return write_json(run_folder, "config.json", root, 17, why);
}

static status write_buffer(const char *run_folder, const char *name, text_buffer *text,
                           failure *why)
{
    status code = run_folder_write(run_folder, name, text->text, text->length, why);
    text_buffer_free(text);
    return code;
}

static status write_predictions(const session *s, const char *run_folder, const uint8_t *predicted,
                                const float *probabilities, failure *why)
{
    const dataset *data = &s->data;
    const char *name[DATASET_MAX_CLASSES];
    for (int c = 0; c < data->classes; c++) name[c] = s->names.name[c];
    unsigned char *bytes;
    size_t length;
    predictions p = {data->test.count, data->classes, data->test.labels,
                     predicted,        probabilities, name};
    status code = predictions_build(&p, &bytes, &length, why);
    if (code) return code;
    code = run_folder_write(run_folder, "predictions.h5", bytes, length, why);
    memory_free(bytes);
    return code;
}

status results_write_report(const session *s, const char *run_folder, results_place place,
                            const uint8_t *predicted, const float *probabilities, arena *scratch,
                            failure *why)
{
    int classes = s->data.classes;
    const dataset_split *test = &s->data.test;
    arena_mark mark = arena_now(scratch);
    int64_t *matrix = arena_take(scratch, (size_t)classes * (size_t)classes * sizeof *matrix);
    text_buffer report = {0}, confusion = {0}, rows = {0};
    report_confusion(classes, test->count, test->labels, predicted, matrix);
    report_text(&s->names, matrix, &report);
    text_buffer_add(&report, "\nweights: last (%s)\n", place.text);
    report_confusion_csv(classes, matrix, &confusion);
    report_predictions_csv(classes, test->count, test->labels, predicted, probabilities, &rows);
    status code = write_buffer(run_folder, "report.txt", &report, why);
    if (!code) code = write_buffer(run_folder, "confusion.csv", &confusion, why);
    if (!code) code = write_buffer(run_folder, "predictions.csv", &rows, why);
    if (!code) code = write_predictions(s, run_folder, predicted, probabilities, why);
    text_buffer_free(&report);
    text_buffer_free(&confusion);
    text_buffer_free(&rows);
    arena_release(scratch, mark);
    return code;
}
