/* train/stored_model.c - a model and its parameters out of a file. */
#include "train/stored_model.h"

#include <jansson.h>

#include "train/state.h"

enum { USUAL_SIDE = 28, USUAL_CLASSES = 10 };

stored_images stored_model_images(const checkpoint_file *file, const settings *cfg)
{
    stored_images images = {USUAL_SIDE, USUAL_SIDE, USUAL_CLASSES};
    json_t *state = json_loads(checkpoint_state(file), 0, NULL);
    const json_t *sides = json_object_get(state, "data_shape");
    if (json_array_size(sides) == 3) {
        images.height = (int)json_integer_value(json_array_get(sides, 0));
        images.width = (int)json_integer_value(json_array_get(sides, 1));
        images.classes = (int)json_integer_value(json_array_get(sides, 2));
    }
    json_decref(state);
    if (cfg->classes) images.classes = (int)cfg->classes;
    return images;
}

static status build(stored_model *s, const settings *cfg, stored_images images, message *why)
{
    status code = kernels_select(cfg->isa, &s->k, why);
    if (code) return code;
    model_cfg m = settings_model(cfg, images.height, images.width, images.classes, s->k);
    return model_build(&s->m, &m, &s->memory, why);
}

status stored_model_open(stored_model *s, const settings *cfg, stored_images images,
                         const checkpoint_file *file, message *why)
{
    status code = build(s, cfg, images, why);
    if (code) return code;
    s->parameters = arena_take(&s->memory, s->m.slab_length * sizeof(float));
    checkpoint *c = arena_take(&s->memory, sizeof *c);
    state_describe(&s->m, s->parameters, c);
    return checkpoint_read(file, c, 0, why);
}

void stored_model_free(stored_model *s)
{
    arena_free(&s->memory);
}
