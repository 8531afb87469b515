/* train/run_folder.c - where a run goes, and what of it is there already. */
#include "train/run_folder.h"

#include <stdio.h>
#include <string.h>

#include "io/file.h"

static int has_file(const char *folder, const char *name)
{
    char path[FILE_PATH];
    return !file_join(folder, name, path, NULL) && file_exists(path);
}

/* The checkpoint of the run that the folder holds: none where it was ended before its first, or as early as when it wrote
 * its configuration. */
static status open_own(const char *folder, checkpoint_file **from, message *remark, message *why)
{
    char path[FILE_PATH];
    status code = checkpoint_open_run(folder, CHECKPOINT_LAST, from, path, remark, why);
    int begun = has_file(folder, "config.json") || has_file(folder, "config.json.partial");
    if (code != STATUS_NO_INPUT || !begun) return code;
    fail(remark, STATUS_OK, "%.900s: no checkpoint yet: begun again", folder);
    return STATUS_OK;
}

static status copy_file(const char *from_folder, const char *to_folder, const char *name,
                        message *why)
{
    char from[FILE_PATH], to[FILE_PATH];
    status code = file_join(from_folder, name, from, why);
    if (!code) code = file_join(to_folder, name, to, why);
    return code || !file_exists(from) ? code : file_copy(from, to, why);
}

/* The folder itself: --out, or the first free number below runs/. */
static status make_folder(const session *s, char *folder, folder_state *state, message *why)
{
    char stem[2 * FILE_PATH];
    if (s->cfg.out[0]) {
        snprintf(folder, FILE_PATH, "%s", s->cfg.out);
        return file_make_folder(folder, state, why);
    }
    const char *kind = strpbrk(s->m.name, " ;") ? "custom" : s->m.name;
    snprintf(stem, sizeof stem, "%s-%s", kind, s->data.name);
    *state = FOLDER_CREATED;
    return file_make_numbered("runs", stem, folder, why);
}

status run_folder_choose(const session *s, char *folder, checkpoint_file **from, int *is_last,
                         message *remark, message *why)
{
    const settings *cfg = &s->cfg;
    char path[FILE_PATH];
    folder_state state;
    *from = NULL;
    *is_last = 0;
    status code = make_folder(s, folder, &state, why);
    if (code) return code;
    if (state == FOLDER_USED && cfg->resume == NO)
        return fail(why, STATUS_CANNOT_WRITE,
                    "%s: holds a run already: choose another --out, or continue it with --resume",
                    folder);
    if (state == FOLDER_USED)
        code = open_own(folder, from, remark, why);
    else if (cfg->resume_from[0] && file_is_folder(cfg->resume_from))
        code = checkpoint_open_run(cfg->resume_from, CHECKPOINT_LAST, from, path, remark, why);
    else if (cfg->resume_from[0])
        code = checkpoint_open(cfg->resume_from, from, why);
    *is_last = *from && state == FOLDER_USED && !remark->text[0];
    return code;
}

status run_folder_take_along(const session *s, const char *folder, message *why)
{
    const char *other = s->cfg.resume_from;
    if (!other[0] || !file_is_folder(other)) return STATUS_OK;
    status code = copy_file(other, folder, "best.weights.h5", why);
    return code ? code : copy_file(other, folder, "metrics.jsonl", why);
}
