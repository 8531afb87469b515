/* train/keras_export.c - `.weights.h5` and `.keras`. */
#include "train/keras_export.h"

#include <string.h>

#include "io/archive.h"
#include "io/file.h"
#include "train/state.h"

/* The version of Keras whose layout this is, and the first day that zip can express: a clock would change the bytes. */
static const char metadata[] =
    "{\"keras_version\": \"3.6.0\", \"date_saved\": \"1980-01-01@00:00:00\"}";

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

status keras_file_kind(const char *path, keras_file *kind, failure *why)
{
    *kind = ends_with(path, ".keras") ? KERAS_ARCHIVE : KERAS_WEIGHTS;
    if (*kind == KERAS_ARCHIVE || ends_with(path, ".weights.h5")) return STATUS_OK;
    if (ends_with(path, ".onnx"))
        return fail(why, STATUS_USAGE, "%s: ONNX is written by tools/export_onnx.py PATH -o FILE",
                    path);
    size_t length = strlen(path), tail = sizeof "weights.h5" - 1;
    if (length >= tail && strcmp(path + length - tail, "weights.h5") == 0)
        return fail(why, STATUS_USAGE,
                    "%s: Keras loads weights only from a name with a dot before 'weights.h5', such "
                    "as model.weights.h5",
                    path);
    return fail(why, STATUS_USAGE,
                "%s: Keras knows its files by their names: end it with .weights.h5 or .keras%s",
                path, strchr(path, '.') ? "; tools/export_onnx.py writes ONNX" : "");
}

static status build_archive(const model *m, const unsigned char *weights, size_t weights_length,
                            unsigned char **bytes, size_t *length, failure *why)
{
    char *config = keras_config_text(m);
    archive_member members[] = {{"metadata.json", metadata, sizeof metadata - 1},
                                {"config.json", config, strlen(config)},
                                {"model.weights.h5", weights, weights_length}};
    status code = archive_build(members, 3, bytes, length, why);
    memory_free(config);
    return code;
}

status keras_export(const stored_model *s, keras_file kind, const char *path, int replaces,
                    failure *why)
{
    unsigned char *bytes, *archive = NULL;
    size_t length;
    checkpoint *c = memory_take(sizeof *c);
    state_describe(&s->m, s->parameters, c);
    status code = checkpoint_build_keras(c, &bytes, &length, why);
    memory_free(c);
    if (code) return code;
    if (kind == KERAS_ARCHIVE) code = build_archive(&s->m, bytes, length, &archive, &length, why);
    if (!code) code = file_write_shared(path, archive ? archive : bytes, length, replaces, why);
    memory_free(archive);
    memory_free(bytes);
    return code;
}
