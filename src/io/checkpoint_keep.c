/* io/checkpoint_keep.c - checkpoints that stay when newer ones are written, and how many of them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/checkpoint.h"
#include "io/file.h"

static const char prefix[] = "step-", suffix[] = ".weights.h5";

status checkpoint_keep(const char *run_folder, int64_t step, message *why)
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

/* The earliest step that is kept, and how many are. */
static int first_kept(DIR *folder, char *name, size_t size)
{
    int count = 0;
    int64_t first = -1;
    rewinddir(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        int64_t step = step_of(entry->d_name);
        if (step < 0) continue;
        count++;
        if (first >= 0 && step >= first) continue;
        first = step;
        snprintf(name, size, "%s", entry->d_name);
    }
    return count;
}

status checkpoint_thin_out(const char *run_folder, int most, message *why)
{
    char name[256], path[FILE_PATH];
    DIR *folder = opendir(run_folder);
    status code = STATUS_OK;
    if (!folder)
        return fail(why, STATUS_CANNOT_WRITE, "%s: cannot read this folder: %s", run_folder,
                    strerror(errno));
    while (!code && first_kept(folder, name, sizeof name) > most) {
        code = file_join(run_folder, name, path, why);
        if (!code && unlink(path))
            code = fail(why, STATUS_CANNOT_WRITE, "%s: cannot remove: %s", path, strerror(errno));
    }
    closedir(folder);
    return code;
}
