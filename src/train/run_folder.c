/* train/run_folder.c - the folder of a run. */
#include "train/run_folder.h"

#include <stdio.h>

/* What a folder holds of a run. Other files, such as a log of the shell, do not count. */
typedef enum holding {
    HOLDS_NOTHING,
    HOLDS_CHECKPOINT, /* to go on from                                                               */
    HOLDS_BEGINNING, /* config.json or a part of it: the run was ended before its first checkpoint  */
    HOLDS_PARTS, /* other files: the run goes on from elsewhere and was ended early, or files were removed */
} holding;

static int has_file(const char *folder, const char *name)
{
    char path[FILE_PATH];
    return !file_join(folder, name, path, NULL) && file_exists(path);
}

/* *name: the file that says so. */
static holding look(const char *folder, const char **name)
{
    static const struct {
        const char *name;
        holding means;
    } files[] = {{"last.weights.h5", HOLDS_CHECKPOINT},    {"next.weights.h5", HOLDS_CHECKPOINT},
                 {"prev.weights.h5", HOLDS_CHECKPOINT},    {"result.json", HOLDS_PARTS},
                 {"config.json", HOLDS_BEGINNING},         {"config.json.partial", HOLDS_BEGINNING},
                 {"best.weights.h5", HOLDS_PARTS},         {"metrics.jsonl", HOLDS_PARTS},
                 {"best.weights.h5.partial", HOLDS_PARTS}, {"metrics.jsonl.partial", HOLDS_PARTS}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (has_file(folder, *name = files[i].name)) return files[i].means;
    return HOLDS_NOTHING;
}

static status copy_file(const char *from_folder, const char *to_folder, const char *name,
                        failure *why)
{
    char from[FILE_PATH], to[FILE_PATH];
    status code = file_join(from_folder, name, from, why);
    if (!code) code = file_join(to_folder, name, to, why);
    return code || !file_exists(from) ? code : file_copy(from, to, why);
}

/* The folder itself: --out, or the first free number below runs/. */
static status make_folder(const settings *cfg, const char *stem, char *path, failure *why)
{
    if (!cfg->out[0]) return file_make_numbered("runs", stem, path, why);
    snprintf(path, FILE_PATH, "%s", cfg->out);
    return file_make_folder(path, why);
}

/* The failure for a folder in which this run cannot begin. */
static status refuse(const settings *cfg, const char *path, holding held, const char *name,
                     failure *why)
{
    int goes_on = held == HOLDS_CHECKPOINT || held == HOLDS_BEGINNING;
    if (goes_on && cfg->resume == NO)
        return fail(
            why, STATUS_CANNOT_WRITE,
            "%.700s: holds a run already: choose another --out, or continue it with --resume",
            path);
    /* a run that goes on from elsewhere and was ended before its first checkpoint begins again */
    int begins_again = cfg->resume_from[0] && !has_file(path, "result.json");
    if (held != HOLDS_PARTS || begins_again) return STATUS_OK;
    return fail(
        why, STATUS_CANNOT_WRITE,
        "%.700s: holds %s of a run, but no checkpoint to go on from (last.weights.h5): choose "
        "another --out",
        path, name);
}

/* Opens the checkpoint that the run goes on from, if there is one. */
static status open_start(const settings *cfg, holding held, run_place *f, failure *why)
{
    char opened[FILE_PATH];
    const char *other = cfg->resume_from;
    if (held == HOLDS_BEGINNING)
        fail(&f->remark, STATUS_OK, "%.900s: no checkpoint yet: begun again", f->path);
    if (held == HOLDS_CHECKPOINT)
        return checkpoint_open_run(f->path, CHECKPOINT_LAST, &f->from, opened, &f->remark, why);
    if (!other[0]) return STATUS_OK;
    if (!file_is_folder(other)) return checkpoint_open(other, &f->from, why);
    return checkpoint_open_run(other, CHECKPOINT_LAST, &f->from, opened, &f->remark, why);
}

status run_folder_choose(const settings *cfg, const char *stem, run_place *f, failure *why)
{
    const char *name;
    *f = (run_place){.from = NULL};
    status code = make_folder(cfg, stem, f->path, why);
    if (!code) code = folder_lock_take(f->path, &f->lock, &f->unlocked, why);
    if (code) return code;
    holding held = look(f->path, &name);
    code = refuse(cfg, f->path, held, name, why);
    if (!code) code = open_start(cfg, held, f, why);
    f->is_last = f->from && held == HOLDS_CHECKPOINT && !f->remark.text[0];
    return code;
}

status run_folder_take_along(const settings *cfg, const char *path, failure *why)
{
    const char *other = cfg->resume_from;
    if (!other[0] || !file_is_folder(other)) return STATUS_OK;
    status code = copy_file(other, path, "best.weights.h5", why);
    return code ? code : copy_file(other, path, "metrics.jsonl", why);
}

status run_folder_write(const char *path, const char *name, const void *bytes, size_t length,
                        failure *why)
{
    char whole[FILE_PATH];
    status code = file_join(path, name, whole, why);
    return code ? code : file_write_whole(whole, bytes, length, why);
}
