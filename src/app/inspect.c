/* app/inspect.c - the command inspect: what is in a checkpoint. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "app/app.h"
#include "app/print.h"
#include "app/weights.h"
#include "base/text.h"
#include "train/results.h"

/* A value as one would write it on the command line. */
static void print_value(const char *key, json_t *value)
{
    print_out("  %-18s ", key);
    if (json_is_string(value))
        print_out("%s\n", json_string_value(value));
    else
        print_json(json_incref(value), "\n");
}

static void print_members(const char *title, json_t *object, const char *but)
{
    const char *key;
    json_t *value;
    print_out("%s\n", title);
    json_object_foreach(object, key, value)
    {
        if (strcmp(key, but) != 0) print_value(key, value);
    }
}

static void print_history(const json_t *history)
{
    if (json_array_size(history) == 0) return;
    print_out("history\n  %5s %9s %10s %10s %10s %12s\n", "epoch", "step", "loss", "accuracy",
              "val_loss", "val_accuracy");
    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *row = json_array_get(history, i);
        print_out("  %5lld %9lld %10s %10s %10s %12s\n", (long long)json_whole_of(row, "epoch", 0),
                  (long long)json_whole_of(row, "step", 0),
                  print_fixed(json_real_of(row, "loss"), 6).text,
                  print_fixed(json_real_of(row, "accuracy"), 6).text,
                  print_fixed(json_real_of(row, "val_loss"), 6).text,
                  print_fixed(json_real_of(row, "val_accuracy"), 6).text);
    }
}

/* How many values are not finite, and where the first is. */
static void print_not_finite(const checkpoint_array *a)
{
    size_t found = 0, first = 0;
    for (size_t i = 0; a->floats && i < a->length; i++)
        if (!isfinite(a->floats[i]) && found++ == 0) first = i;
    if (found)
        print_out("  %zu not finite, the first at %s: %g", found, shape_place(a->shape, first).text,
                  (double)a->floats[first]);
}

static void print_tensor(void *context, const checkpoint_array *a)
{
    int64_t *total = context;
    char hex[33];
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(a->values, a->length * a->bytes));
    text_hex(canonical.digest, sizeof canonical.digest, hex);
    print_out("  %-40s %-18s %s", a->path, shape_text(a->shape).text, hex);
    if (!a->floats) print_out("  %s", a->type);
    print_not_finite(a);
    print_out("\n");
    *total += (int64_t)a->length;
}

static status print_file(const weights *w, failure *why)
{
    json_t *configuration = json_loads(checkpoint_configuration(w->file), 0, NULL);
    json_t *state = json_loads(checkpoint_state(w->file), 0, NULL);
    int64_t total = 0;
    print_out("%s%s: %s\n", w->path, results_place_in(w->file).text,
              checkpoint_has_state(w->file) ? "a checkpoint of mnist_dist"
                                            : "a plain Keras weights file");
    if (w->note.text[0]) print_note(w->note.text);
    if (configuration) print_members("configuration", configuration, "");
    if (state) print_members("position", state, "history");
    print_history(json_object_get(state, "history"));
    json_decref(configuration);
    json_decref(state);
    print_out("tensors (path, shape, XXH3-128 of the values)\n");
    status code = checkpoint_visit(w->file, print_tensor, &total, why);
    if (!code) print_out("  %s values\n", text_thousands(total).text);
    return code;
}

status inspect_command(app *a, failure *why)
{
    weights w;
    status code = weights_open(a->o.operand[0], options_which(&a->o), &w, why);
    if (!code) code = print_file(&w, why);
    weights_close(&w);
    return code;
}
