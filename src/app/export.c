/* app/export.c - the command export: a model as a file for Keras. */
#include <stdio.h>

#include "app/app.h"
#include "app/images.h"
#include "app/print.h"
#include "app/weights.h"
#include "base/text.h"
#include "train/results.h"
#include "train/keras_export.h"

/* Checks --out, before anything is read. */
static status check_target(const options *o, keras_file *kind, failure *why)
{
    const char *path = o->file;
    if (!path)
        return fail(why, STATUS_USAGE,
                    "export needs a file to write: -o NAME.weights.h5 or -o NAME.keras");
    status code = keras_file_kind(path, kind, why);
    if (code) return code;
    if (file_exists(path) && !o->force)
        return fail(why, STATUS_CANNOT_WRITE,
                    "%s: is there already: name another file, or add --force", path);
    return STATUS_OK;
}

static status export_file(const app *a, const weights *w, keras_file kind, stored_model *s,
                          failure *why)
{
    settings cfg;
    const char *path = a->o.file;
    status code = weights_settings(&a->o, w, &cfg, why);
    if (code) return code;
    stored_images sides = stored_model_images(w->file, &cfg);
    code = stored_model_open(s, &cfg, sides, w->file, why);
    if (!code) code = file_make_parents(path, why);
    if (!code) code = keras_export(s, kind, path, a->o.force, why);
    if (code) return code;
    if (w->note.text[0]) print_note(w->note.text);
    images_note_found(&sides);
    print_out("%s: %s, %s parameters, of %s%s\n", path, s->m.name,
              text_thousands(s->m.parameters).text, w->path, results_place_in(w->file).text);
    return STATUS_OK;
}

status export_command(app *a, failure *why)
{
    weights w = {0};
    keras_file kind;
    stored_model *s = memory_take(sizeof *s);
    status code = check_target(&a->o, &kind, why);
    if (!code) code = weights_open(a->o.operand[0], options_which(&a->o), &w, why);
    if (!code) code = export_file(a, &w, kind, s, why);
    weights_close(&w);
    stored_model_free(s);
    memory_free(s);
    return code;
}
