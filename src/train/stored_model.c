/* train/stored_model.c - a model and its parameters from a file. */
#include "train/stored_model.h"

#include <jansson.h>

#include "data/dataset.h"
#include "data/idx.h"
#include "train/state.h"

/* Parameters in memory to bytes of a file: more than half precision and compression make of trained weights. */
enum { LARGEST_PACKING = 64 };

/* The sides of images that are tried for a file that does not say them. */
enum { SMALLEST_SIDE = 4, LARGEST_SIDE = 128, COLOURS = 3 };

static int side(const json_t *sides, size_t index)
{
    return (int)json_integer_value(json_array_get(sides, index));
}

/* 1 if the model for these images has the tensors of the file. */
static int fits(const checkpoint_file *file, const settings *cfg, stored_images images)
{
    stored_model *trial = memory_take(sizeof *trial);
    int fit = stored_model_open(trial, cfg, images, file, NULL) == STATUS_OK;
    stored_model_free(trial);
    memory_free(trial);
    return fit;
}

/* The file does not say for which images it is. If it is not for the usual ones: square ones, grey or in colour, that fit. */
static stored_images find_images(const checkpoint_file *file, const settings *cfg,
                                 stored_images usual)
{
    if (fits(file, cfg, usual)) return usual;
    for (int channels = 1; channels <= COLOURS; channels += COLOURS - 1)
        for (int at = SMALLEST_SIDE; at <= LARGEST_SIDE; at++) {
            stored_images images = {shape_image(at, at, channels), usual.classes, 1};
            if (fits(file, cfg, images)) return images;
        }
    return usual;
}

stored_images stored_model_images(const checkpoint_file *file, const settings *cfg)
{
    stored_images images = {shape_image(STORED_USUAL_SIDE, STORED_USUAL_SIDE, 1),
                            STORED_USUAL_CLASSES, 0};
    json_t *state = json_loads(checkpoint_state(file), 0, NULL);
    const json_t *sides = json_object_get(state, "data_shape");
    size_t count = json_array_size(sides); /* height, width, channels unless it is 1, classes */
    if (count == 3 || count == 4) {
        int channels = count == 4 ? side(sides, 2) : 1;
        images.shape = shape_image(side(sides, 0), side(sides, 1), channels);
        images.classes = side(sides, count - 1);
    }
    json_decref(state);
    if (cfg->classes) images.classes = (int)cfg->classes;
    return count ? images : find_images(file, cfg, images);
}

/* A checkpoint says its images' sides itself: they are checked before memory is taken for them. */
static status check_images(stored_images images, failure *why)
{
    const int *dim = images.shape.dim;
    if (dim[0] >= 1 && dim[0] <= IDX_MAX_SIDE && dim[1] >= 1 && dim[1] <= IDX_MAX_SIDE &&
        dim[2] >= 1 && dim[2] <= IDX_MAX_CHANNELS && images.classes >= 1 &&
        images.classes <= DATASET_MAX_CLASSES)
        return STATUS_OK;
    return fail(
        why, STATUS_BAD_DATA,
        "data_shape: images of %d x %d with %d channels in %d classes: at most %d x %d with "
        "%d in 1 to %d: use another checkpoint",
        dim[0], dim[1], dim[2], images.classes, IDX_MAX_SIDE, IDX_MAX_SIDE, IDX_MAX_CHANNELS,
        DATASET_MAX_CLASSES);
}

static status build(stored_model *s, const settings *cfg, stored_images images, failure *why)
{
    status code = check_images(images, why);
    if (!code) code = kernels_select(cfg->isa, settings_precision(cfg), &s->k, why);
    if (code) return code;
    model_cfg m = settings_model(cfg, images.shape, images.classes, s->k);
    return model_build(&s->m, &m, &s->memory, why);
}

status stored_model_open(stored_model *s, const settings *cfg, stored_images images,
                         const checkpoint_file *file, failure *why)
{
    status code = build(s, cfg, images, why);
    if (code) return code;
    size_t bytes = s->m.slab_length * sizeof(float);
    if (bytes / LARGEST_PACKING > checkpoint_bytes(file))
        return fail(why, STATUS_BAD_DATA,
                    "the model's parameters are %zu bytes, too much for a file of %zu bytes: the "
                    "file is of another model",
                    bytes, checkpoint_bytes(file));
    s->parameters = arena_take(&s->memory, s->m.slab_length * sizeof(float));
    checkpoint *c = arena_take(&s->memory, sizeof *c);
    state_describe(&s->m, s->parameters, c);
    code = checkpoint_read(file, c, 0, why);
    return code ? code : checkpoint_check_finite(file, c, why);
}

void stored_model_free(stored_model *s)
{
    arena_free(&s->memory);
}
