/* io/checkpoint_keep.c - older checkpoints that are kept, and the removal of the oldest. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "io/checkpoint.h"
#include "io/file.h"

enum { FIRST_FILES = 64 };

static const char prefix[] = "step-", suffix[] = ".weights.h5";

status checkpoint_keep(const char *run_folder, int64_t step, failure *why)
{
    char name[64], last[FILE_PATH], kept[FILE_PATH];
    snprintf(name, sizeof name, "%s%08lld%s", prefix, (long long)step, suffix);
    status code = file_join(run_folder, "last.weights.h5", last, why);
    if (!code) code = file_join(run_folder, name, kept, why);
    if (code || !file_exists(last)) return code;
    return file_link(last, kept, why);
}

/* The step in such a name, or -1. */
static int64_t step_of(const char *name)
{
    char digits[24];
    int64_t step;
    size_t length = strlen(name), around = sizeof prefix - 1 + sizeof suffix - 1;
    if (length < around + 8 || length - around >= sizeof digits) return -1;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return -1;
    if (strcmp(name + length - (sizeof suffix - 1), suffix) != 0) return -1;
    snprintf(digits, sizeof digits, "%.*s", (int)(length - around), name + sizeof prefix - 1);
    return strspn(digits, "0123456789") == length - around && text_to_int(digits, &step) ? step
                                                                                         : -1;
}

typedef struct kept {
    int64_t step;
    char name[256]; /* as dirent has it */
} kept;

typedef struct kept_list {
    kept *files;
    int count, size;
} kept_list;

static void list_add(kept_list *list, int64_t step, const char *name)
{
    if (list->count == list->size) {
        int size = list->size ? 2 * list->size : FIRST_FILES;
        kept *files = memory_take((size_t)size * sizeof *files);
        if (list->count) memcpy(files, list->files, (size_t)list->count * sizeof *files);
        memory_free(list->files);
        list->files = files;
        list->size = size;
    }
    kept *file = &list->files[list->count++];
    file->step = step;
    snprintf(file->name, sizeof file->name, "%s", name);
}

static int earlier(const void *a, const void *b)
{
    int64_t left = ((const kept *)a)->step, right = ((const kept *)b)->step;
    return (left > right) - (left < right);
}

static status list_read(kept_list *list, const char *run_folder, failure *why)
{
    DIR *folder = opendir(run_folder);
    if (!folder)
        return fail(why, STATUS_CANNOT_WRITE, "%s: cannot read this folder: %s", run_folder,
                    strerror(errno));
    for (const struct dirent *entry; (entry = readdir(folder));) {
        int64_t step = step_of(entry->d_name);
        if (step >= 0) list_add(list, step, entry->d_name);
    }
    closedir(folder);
    if (list->count) qsort(list->files, (size_t)list->count, sizeof *list->files, earlier);
    return STATUS_OK;
}

status checkpoint_thin_out(const char *run_folder, int most, failure *why)
{
    char path[FILE_PATH];
    kept_list list = {0};
    status code = list_read(&list, run_folder, why);
    for (int i = 0; !code && i < list.count - most; i++) {
        code = file_join(run_folder, list.files[i].name, path, why);
        if (!code && unlink(path))
            code = fail(why, STATUS_CANNOT_WRITE, "%s: cannot remove: %s", path, strerror(errno));
    }
    memory_free(list.files);
    return code;
}
