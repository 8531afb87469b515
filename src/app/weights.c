/* app/weights.c - opens the weights file that the operand PATH names. */
#include "app/weights.h"

#include <stdio.h>
#include <string.h>

#include "train/keras_import.h"
#include "train/run_data.h"
#include "train/stored_model.h"

status weights_open(const char *operand, checkpoint_role which, weights *w, failure *why)
{
    *w = (weights){0};
    if (!file_exists(operand))
        return fail(why, STATUS_NO_INPUT, "%s: no such file or run directory", operand);
    if (file_is_folder(operand))
        return checkpoint_open_run(operand, which, &w->file, w->path, &w->note, why);
    snprintf(w->path, sizeof w->path, "%s", operand);
    status code = checkpoint_open(operand, &w->file, why);
    if (code) return code;
    w->note = checkpoint_note(w->file);
    w->refused = keras_import(w->file, w->path, &w->note, &w->reason);
    return STATUS_OK;
}

void weights_close(weights *w)
{
    if (w->file) checkpoint_close(w->file);
    w->file = NULL;
}

/* Does the user's model fit the one that a Keras file holds? */
static status match_model(const weights *w, const char *given, failure *why)
{
    settings stored = settings_default();
    const char *known = checkpoint_configuration(w->file);
    if (checkpoint_has_state(w->file) || settings_from_json(&stored, known, NULL)) return STATUS_OK;
    int classes = stored_model_images(w->file, &stored).classes;
    return keras_import_match(w->path, stored.model, given, classes, why);
}

status weights_settings(const options *o, const weights *w, settings *s, failure *why)
{
    const char *stored = checkpoint_configuration(w->file);
    *s = settings_default();
    if (w->refused) return fail(why, w->refused, "%s", w->reason.text);
    if (!stored[0] && !choices_given(&o->chosen, "model"))
        return fail(why, STATUS_USAGE,
                    "%s: a plain Keras weights file does not name its model: add --model", w->path);
    status code = stored[0] ? settings_from_json(s, stored, why) : STATUS_OK;
    if (code)
        return fail(why, STATUS_BAD_DATA, "%s: its configuration cannot be used by this version",
                    w->path);
    s->limit = 0; /* it is about training images, which are not used here */
    s->batch_size = settings_default().batch_size;
    if (!s->classes) s->classes = run_data_of(o->operand[0], w->file).classes;
    code = choices_apply(&o->chosen, s, why);
    if (!code && choices_given(&o->chosen, "model")) code = match_model(w, s->model, why);
    return code ? code : settings_resolve(s, why);
}

status weights_check(const options *o, const settings *cfg, failure *why)
{
    weights w;
    int given = choices_given(&o->chosen, "model") || o->config || o->recipe;
    status code = STATUS_OK;
    if (weights_open(cfg->weights, CHECKPOINT_LAST, &w, NULL) == STATUS_OK) {
        if (w.refused) code = fail(why, w.refused, "%s", w.reason.text);
        if (!code && given) code = match_model(&w, cfg->model, why);
    }
    weights_close(&w);
    return code;
}
