/* data/dataset_find.c - finds the data set to use: the one that is named, or the first that is there. */
#include "data/dataset.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset_classes.h"
#include "dataset_layout.h"
#include "source.h"

#define VARIABLE "MNIST_DIR"

/* Where data is searched if none is named, in this order. */
static const char *const places[] = {"data/mnist", "data/MNIST/raw", "/usr/share/datasets/mnist",
                                     "/usr/share/datasets/fashion-mnist"};
enum { PLACES = sizeof places / sizeof *places };

const char *dataset_place(int index)
{
    if (index == 0) return "$" VARIABLE;
    return index > 0 && index <= PLACES ? places[index - 1] : NULL;
}

dataset_cfg dataset_cfg_default(void)
{
    return (dataset_cfg){
        .seed = DATASET_SYNTHETIC_SEED, .synthetic_train = 12000, .synthetic_test = 2000};
}

static int is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* The number of the first source that recognises it, or -1. */
static int recognise(const char *where)
{
    int folder = where && is_folder(where);
    for (int i = 0; source_at(i); i++)
        if (source_at(i)->recognise(where, folder)) return i;
    return -1;
}

/* "a folder of IDX files (NAMES), synthetic" */
static void list_known(char *list, size_t size)
{
    size_t used = 0;
    for (int i = 0; source_at(i) && used < size; i++) {
        const dataset_source *s = source_at(i);
        used += (size_t)snprintf(list + used, size - used, "%s%s%s%s%s", i ? ", " : "", s->form,
                                 s->files ? " (" : "", s->files ? s->files : "",
                                 s->files ? ")" : "");
    }
}

/* What people have in place of IDX files, by the end of a name. */
static const struct {
    const char *end, *advice;
} forms[] = {
    {".zip", "unpack it"},
    {".tar", "unpack it"},
    {".tgz", "unpack it"},
    {".tar.gz", "unpack it"},
    {".bz2", "unpack it with bzip2 -d"},
    {".xz", "unpack it with xz -d"},
    {".zst", "unpack it with zstd -d"},
    {".GZ", "its name must end with .gz, in small letters"},
    {"-UBYTE", "its name must have small letters"},
    {".npz", "write its arrays to IDX files"},
    {".npy", "write it to IDX files"},
    {".csv", "write its rows to IDX files"},
    {".parquet", "write its rows to IDX files"},
    {".mat", "write its arrays to IDX files"},
    {".pkl", "write its arrays to IDX files"},
    {".png", "write the pictures to IDX files"},
    {".jpg", "write the pictures to IDX files"},
};

static const char *advice_for(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t end = strlen(forms[i].end);
        if (length > end && strcmp(name + length - end, forms[i].end) == 0) return forms[i].advice;
    }
    return NULL;
}

/* ", it holds NAME: ADVICE" of the first such name in the order of names; "" if there is none. */
static void look_for_forms(const char *folder, char *out, size_t size)
{
    char first[256] = "";
    DIR *names = opendir(folder);
    out[0] = 0;
    for (struct dirent *e; names && (e = readdir(names));)
        if (advice_for(e->d_name) && (!first[0] || strcmp(e->d_name, first) < 0))
            snprintf(first, sizeof first, "%s", e->d_name);
    if (names) closedir(names);
    if (first[0]) snprintf(out, size, ", it holds %s: %s", first, advice_for(first));
}

static void look_at_place(const char *where, char *out, size_t size)
{
    struct stat about;
    char holds[400];
    const char *advice = advice_for(where);
    if (stat(where, &about)) {
        snprintf(out, size, "no such folder");
    } else if (S_ISDIR(about.st_mode)) {
        look_for_forms(where, holds, sizeof holds);
        snprintf(out, size, "no data is in this folder%s", holds);
    } else {
        snprintf(out, size, "this is a file: %s%sname the folder of the data", advice ? advice : "",
                 advice ? ", and " : "");
    }
}

static status unknown(const char *where, failure *why)
{
    char list[512], what[512];
    list_known(list, sizeof list);
    look_at_place(where, what, sizeof what);
    return fail(why, STATUS_NO_INPUT,
                "%s: %s; known are %s: run tools/get_data.sh, or use -d "
                "synthetic",
                where, what, list);
}

/* *source: the number of the source; *where: what it has recognised. named: NULL, if nothing is. */
static status choose(const char *named, int *source, const char **where, failure *why)
{
    *where = named;
    *source = named ? recognise(named) : -1;
    if (named) return *source < 0 ? unknown(named, why) : STATUS_OK;
    for (int i = 0; i < PLACES && *source < 0; i++) *source = recognise(*where = places[i]);
    if (*source < 0) *source = recognise(*where = NULL);
    CHECK(*source >= 0, "%s", "a source without files is in the list");
    return STATUS_OK;
}

status dataset_find(const dataset_cfg *cfg, dataset_plan *plan, failure *why)
{
    const char *where, *named = cfg->folder ? cfg->folder : getenv(VARIABLE);
    if (cfg->classes < 0 || cfg->classes > DATASET_MAX_CLASSES)
        return fail(why, STATUS_USAGE, "%d classes, expected 1 to %d", cfg->classes,
                    DATASET_MAX_CLASSES);
    memset(plan, 0, sizeof *plan); /* padding too: the plan travels as bytes */
    plan->cfg = *cfg;
    plan->cfg.folder = NULL;
    status code = choose(named && named[0] ? named : NULL, &plan->source, &where, why);
    if (!code) code = source_at(plan->source)->probe(where, plan, why);
    if (!code) code = dataset_count_classes(plan, why);
    if (!code) plan->bytes = dataset_layout_of(plan).bytes;
    return code;
}
