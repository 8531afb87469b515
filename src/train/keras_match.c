/* train/keras_match.c - compares the model of a Keras file with the one that the user gave. */
#include <stdio.h>
#include <string.h>

#include "keras_fold.h"
#include "model/presets.h"
#include "model/spec.h"
#include "train/keras_import.h"

enum { MOST = 2 * MODEL_MAX_LAYERS };

typedef struct steps {
    /* layers that do something in inference, activations as layers of their own */
    layer_cfg cfg[MOST];
    int count;
} steps;

static status split(const char *chain, steps *s, failure *why)
{
    layer_cfg cfgs[MODEL_MAX_LAYERS];
    int count = 0;
    status code = spec_parse(chain, cfgs, MODEL_MAX_LAYERS, &count, why);
    s->count = 0;
    for (int i = 0; i < count && !code; i++) {
        if (cfgs[i].type->only_in_training) continue;
        layer_cfg after = {.type = layer_kind_activation(cfgs[i].act), .slope = cfgs[i].slope};
        cfgs[i].act = ACTIVATION_NONE;
        if (after.type) cfgs[i].slope = 0;
        s->cfg[s->count++] = cfgs[i];
        if (after.type) s->cfg[s->count++] = after;
    }
    return code;
}

/* The words of a layer; "nothing" past the last. */
static void words_of(const steps *s, int i, char *out, size_t size)
{
    snprintf(out, size, "nothing");
    if (i < s->count) spec_format(&s->cfg[i], 1, out, size);
}

/* The name of the first operand that differs between two layers of one kind, or "kind". */
static const char *operand_of(const layer_cfg *a, const layer_cfg *b)
{
    if (a->type != b->type || !a->type->operands) return "kind";
    for (const layer_operand *o = a->type->operands; o->sort != OPERAND_END; o++) {
        if (o->sort == OPERAND_ACTIVATION) continue;
        int differs = o->sort == OPERAND_REAL
                          ? layer_cfg_real(a, o->field) != layer_cfg_real(b, o->field)
                          : layer_cfg_whole(a, o->field) != layer_cfg_whole(b, o->field);
        if (differs) return o->name ? o->name : o->word;
    }
    return "kind";
}

status keras_import_match(const char *path, const char *stored, const char *given, int classes,
                          failure *why)
{
    steps file, user;
    char chain[MODEL_SPEC], in_file[MODEL_SPEC], in_model[MODEL_SPEC];
    snprintf(chain, sizeof chain, "%s", given);
    presets_chain(given, classes, chain, sizeof chain);
    status code = split(stored, &file, why);
    if (!code) code = split(chain, &user, why);
    if (code) return code;
    for (int i = 0; i < file.count || i < user.count; i++) {
        words_of(&file, i, in_file, sizeof in_file);
        words_of(&user, i, in_model, sizeof in_model);
        if (strcmp(in_file, in_model) == 0) continue;
        int both = i < file.count && i < user.count;
        const char *what = both ? operand_of(&file.cfg[i], &user.cfg[i]) : "kind";
        return fail(
            why, STATUS_BAD_DATA,
            "%.300s: layer %d, %s: the file has \"%.80s\", --model has \"%.80s\": leave --model "
            "out, the file knows its model",
            path, i + 1, what, in_file, in_model);
    }
    return STATUS_OK;
}
