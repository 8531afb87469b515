/* data/idx_folder.c - finds the IDX files of a data set by their names. */
#include "idx_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MOST_SETS = 8, /* data sets in a folder, or folders below it, that are told apart */
    WORST = 1 << 8
};

/* ---- one name ---- */

static const struct {
    const char *text;
    int part, is_second; /* is_second: the other word for the part is asked first */
} stems[] = {
    {"train-images", TRAIN_PIXELS, 0}, {"train-labels", TRAIN_LABELS, 0},
    {"t10k-images", TEST_PIXELS, 0},   {"t10k-labels", TEST_LABELS, 0},
    {"test-images", TEST_PIXELS, 1},   {"test-labels", TEST_LABELS, 1},
};

/* What a name says. */
typedef struct idx_name {
    char prefix[IDX_PREFIX];
    int part;
    int order; /* the lower, the earlier it is taken */
} idx_name;

/* 1 if the text from `rest` on is a mark, "idx", a digit, "-", a type, ".gz" or nothing. */
static int parse_rest(const char *rest, idx_name *n)
{
    if (rest[0] != '-' && rest[0] != '.') return 0;
    if (strncmp(rest + 1, "idx", 3) != 0 || rest[4] < '1' || rest[4] > '4' || rest[5] != '-')
        return 0;
    size_t type = strspn(rest + 6, "abcdefghijklmnopqrstuvwxyz0123456789");
    const char *end = rest + 6 + type;
    int is_packed = strcmp(end, ".gz") == 0;
    n->order |= is_packed << 4 | (rest[4] == '4') << 3 | (rest[0] == '.') << 2;
    return type > 0 && (!*end || is_packed);
}

/* 1 if the name is that of an IDX file. */
static int parse_name(const char *name, idx_name *n)
{
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        const char *at = strstr(name, stems[i].text);
        size_t before = at ? (size_t)(at - name) : 0;
        if (!at || before > IDX_PREFIX || (before > 0 && at[-1] != '-')) continue;
        *n = (idx_name){.part = stems[i].part, .order = stems[i].is_second};
        if (before > 0) memcpy(n->prefix, name, before - 1);
        if (parse_rest(at + strlen(stems[i].text), n)) return 1;
    }
    return 0;
}

/* ---- one folder ---- */

static int is_kind(const char *path, mode_t kind)
{
    struct stat about;
    return stat(path, &about) == 0 && (about.st_mode & S_IFMT) == kind;
}

/* The data sets of a folder. */
typedef struct found {
    int sets;
    struct set {
        idx_folder f;
        int order[DATASET_PARTS];
    } set[MOST_SETS];
} found;

/* The set of this prefix; NULL if there are too many. */
static struct set *set_of(found *all, const char *folder, const char *prefix)
{
    int i = 0;
    while (i < all->sets && strcmp(all->set[i].f.prefix, prefix) != 0) i++;
    if (i == MOST_SETS) return NULL;
    if (i == all->sets) {
        all->sets++;
        all->set[i] = (struct set){.order = {WORST, WORST, WORST, WORST}};
        snprintf(all->set[i].f.folder, DATASET_PATH, "%s", folder);
        snprintf(all->set[i].f.prefix, IDX_PREFIX, "%s", prefix);
    }
    return &all->set[i];
}

/* Takes the file FOLDER/NAME, or FOLDER/NAME/NAME, if it is of a data set and better than what is there. */
static void take(found *all, const char *folder, const char *name)
{
    idx_name n;
    char path[DATASET_PATH];
    if (!parse_name(name, &n)) return;
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < DATASET_PATH && is_kind(path, S_IFDIR)) {
        length = snprintf(path, sizeof path, "%s/%s/%s", folder, name, name);
        n.order |= 2;
    }
    if (length >= DATASET_PATH || !is_kind(path, S_IFREG)) return;
    struct set *s = set_of(all, folder, n.prefix);
    if (!s || n.order >= s->order[n.part]) return;
    s->order[n.part] = n.order;
    memcpy(s->f.file[n.part], path, sizeof path);
}

static void scan(const char *folder, found *all)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        take(all, folder, entry->d_name);
    if (directory) closedir(directory);
}

/* ---- what was named ---- */

/* Goes through the folders below `where`, and through what is called raw in them, as in MNIST/raw. */
static void scan_below(const char *where, found *all)
{
    DIR *directory = opendir(where);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char path[DATASET_PATH], raw[DATASET_PATH];
        int length = snprintf(path, sizeof path, "%s/%s", where, entry->d_name);
        if (entry->d_name[0] == '.' || length + 4 >= DATASET_PATH || !is_kind(path, S_IFDIR))
            continue;
        found here = {.sets = 0};
        scan(path, &here);
        snprintf(raw, sizeof raw, "%.*s/raw", DATASET_PATH - 5, path);
        if (!here.sets) scan(raw, &here);
        for (int i = 0; i < here.sets && all->sets < MOST_SETS; i++)
            all->set[all->sets++] = here.set[i];
    }
    if (directory) closedir(directory);
}

/* FOLDER/PREFIX: the data set of this prefix alone. */
static void scan_prefix(const char *where, found *all)
{
    char folder[DATASET_PATH] = ".";
    const char *slash = strrchr(where, '/'), *prefix = slash ? slash + 1 : where;
    if (strlen(where) >= DATASET_PATH || !prefix[0]) return;
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == where ? 1 : (int)(slash - where), where);
    found here = {.sets = 0};
    scan(folder, &here);
    for (int i = 0; i < here.sets; i++)
        if (strcmp(here.set[i].f.prefix, prefix) == 0) all->set[all->sets++] = here.set[i];
}

static void look(const char *where, found *all)
{
    all->sets = 0;
    if (!is_kind(where, S_IFDIR)) {
        scan_prefix(where, all);
        return;
    }
    scan(where, all);
    if (!all->sets) scan_below(where, all);
}

int idx_folder_recognise(const char *where)
{
    found all;
    look(where, &all);
    return all.sets > 0;
}

/* Files without a prefix are the folder's; those beside them are asked for by FOLDER/PREFIX. */
static const struct set *choose(const found *all)
{
    int plain = 0, which = 0;
    for (int i = 0; i < all->sets; i++)
        if (!all->set[i].f.prefix[0]) plain++, which = i;
    return plain == 1 || all->sets == 1 ? &all->set[which] : NULL;
}

status idx_folder_find(const char *where, idx_folder *f, failure *why)
{
    found all;
    char list[512] = "";
    size_t used = 0;
    look(where, &all);
    const struct set *s = choose(&all);
    if (s) {
        *f = s->f;
        return STATUS_OK;
    }
    for (int i = 0; i < all.sets && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s-d %s%s%s", i ? ", " : "",
                                 all.set[i].f.folder, all.set[i].f.prefix[0] ? "/" : "",
                                 all.set[i].f.prefix);
    return fail(why, STATUS_NO_INPUT, "%.300s: holds %d data sets: choose one by %s", where,
                all.sets, list);
}
