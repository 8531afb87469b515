/* base/place.c - affinity, cgroup limits, and the advice that follows. */
#define _GNU_SOURCE /* sched_getaffinity, cpu_set_t */
#include "base/place.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/team.h"

enum { PATH_SIZE = 4096 };

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- sets of cores ---- */

int place_mask_count(const place_mask *m)
{
    int count = 0;
    for (int i = 0; i < PLACE_MAX_CORES / 64; i++) count += __builtin_popcountll(m->bit[i]);
    return count;
}

void place_mask_join(place_mask *into, const place_mask *m)
{
    for (int i = 0; i < PLACE_MAX_CORES / 64; i++) into->bit[i] |= m->bit[i];
}

/* All online cores, if the mask cannot be read. */
static place_mask read_affinity(int online)
{
    place_mask mask = {{0}};
    cpu_set_t set;
    CPU_ZERO(&set);
    int known = sched_getaffinity(0, sizeof set, &set) == 0;
    for (int i = 0; i < PLACE_MAX_CORES; i++)
        if (known ? CPU_ISSET(i, &set) : i < online) mask.bit[i / 64] |= 1ull << i % 64;
    return mask;
}

/* Number of cores in a list such as "0-3,8"; 0 if the text is no list. */
static int count_list(const char *list)
{
    int count = 0;
    while (*list) {
        char *end;
        long lo = strtol(list, &end, 10), hi = lo;
        if (end == list || lo < 0) return 0;
        if (*end == '-') hi = strtol(end + 1, &end, 10);
        if (hi < lo || hi >= INT_MAX - 1) return 0;
        count += (int)(hi - lo) + 1;
        if (*end != ',') break;
        list = end + 1;
    }
    return count;
}

/* ---- cgroups ---- */

/* The first line of a file below root, without its newline; 0 when it cannot be read. */
static int read_line(const char *root, const char *folder, const char *group, const char *file,
                     char line[PATH_SIZE])
{
    char path[PATH_SIZE];
    int length = snprintf(path, sizeof path, "%s/sys/fs/cgroup%s%s/%s", root, folder, group, file);
    if (length < 0 || length >= (int)sizeof path) return 0;
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    int got = fgets(line, PATH_SIZE, f) != NULL;
    fclose(f);
    if (got) line[strcspn(line, "\n")] = 0;
    return got;
}

static int cores_of(long long quota_us, long long period_us)
{
    if (quota_us <= 0 || period_us <= 0) return 0;
    long long cores = (quota_us + period_us - 1) / period_us;
    return cores < INT_MAX ? (int)cores : 0;
}

/* 0 means no limit. */
static int tighter(int a, int b)
{
    if (a == 0 || b == 0) return a + b;
    return smaller(a, b);
}

static int quota_v2(const char *root, const char *group)
{
    char line[PATH_SIZE];
    long long quota, period;
    if (!read_line(root, "", group, "cpu.max", line)) return 0;
    return sscanf(line, "%lld %lld", &quota, &period) == 2 ? cores_of(quota, period) : 0;
}

static int quota_v1(const char *root, const char *group)
{
    char quota[PATH_SIZE], period[PATH_SIZE];
    if (!read_line(root, "/cpu", group, "cpu.cfs_quota_us", quota)) return 0;
    if (!read_line(root, "/cpu", group, "cpu.cfs_period_us", period)) return 0;
    return cores_of(atoll(quota), atoll(period));
}

static int cpuset_v2(const char *root, const char *group)
{
    char line[PATH_SIZE];
    return read_line(root, "", group, "cpuset.cpus.effective", line) ? count_list(line) : 0;
}

static int cpuset_v1(const char *root, const char *group)
{
    char line[PATH_SIZE];
    return read_line(root, "/cpuset", group, "cpuset.effective_cpus", line) ? count_list(line) : 0;
}

/* The tightest limit of the group and of all groups above it, since the limit of a job can be on any level. In a container
 * the path can be the host's, and missing; the root of /sys/fs/cgroup is then the container's group. */
static int limit_upwards(const char *root, const char *group,
                         int (*read)(const char *root, const char *group))
{
    char path[PATH_SIZE];
    int limit = 0;
    snprintf(path, sizeof path, "%s", group);
    for (;;) {
        limit = tighter(limit, read(root, path));
        char *slash = strrchr(path, '/');
        if (!slash) return limit;
        *slash = 0;
    }
}

/* 1 if the comma-separated list of controllers has this one. */
static int has_controller(const char *list, size_t length, const char *name)
{
    size_t wanted = strlen(name);
    for (size_t at = 0; at < length; at += strcspn(list + at, ",:") + 1)
        if (strncmp(list + at, name, wanted) == 0 && strchr(",:", list[at + wanted])) return 1;
    return 0;
}

/* A line of /proc/self/cgroup: "number:controllers:path", without controllers in version 2. */
static void read_group(const char *root, char *line, int *quota, int *cpuset)
{
    line[strcspn(line, "\n")] = 0;
    char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
    if (!path) return;
    size_t length = (size_t)(path - list - 1);
    const char *group = strcmp(path + 1, "/") ? path + 1 : "";
    if (length == 0) {
        *quota = tighter(*quota, limit_upwards(root, group, quota_v2));
        *cpuset = tighter(*cpuset, limit_upwards(root, group, cpuset_v2));
    }
    if (has_controller(list + 1, length, "cpu"))
        *quota = tighter(*quota, limit_upwards(root, group, quota_v1));
    if (has_controller(list + 1, length, "cpuset"))
        *cpuset = tighter(*cpuset, limit_upwards(root, group, cpuset_v1));
}

static void read_groups(const char *root, int *quota, int *cpuset)
{
    char line[PATH_SIZE];
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *f = fopen(line, "r");
    while (f && fgets(line, sizeof line, f)) read_group(root, line, quota, cpuset);
    if (f) fclose(f);
}

place place_read_below(const char *root)
{
    place p = {.quota = 0};
    int cpuset = 0;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    p.online = online > 0 ? (int)online : 1;
    read_groups(root, &p.quota, &cpuset);
    p.online = tighter(p.online, cpuset);
    p.bound_by = team_places(&p.mask);
    if (!p.bound_by) p.mask = read_affinity(p.online);
    p.affinity = place_mask_count(&p.mask);
    return p;
}

place place_read(void)
{
    return place_read_below("");
}

void place_unbind(const place *p)
{
    cpu_set_t set;
    if (!p->bound_by) return;
    CPU_ZERO(&set);
    for (int i = 0; i < PLACE_MAX_CORES; i++)
        if (p->mask.bit[i / 64] >> i % 64 & 1) CPU_SET(i, &set);
    sched_setaffinity(0, sizeof set, &set);
}

int place_cores(const place *p)
{
    int cores = tighter(p->affinity, p->quota);
    return cores > 0 ? cores : 1;
}

/* ---- advice ---- */

/* What to change: the variable by which libgomp binds, else an option of mpirun. */
typedef struct remedy {
    char text[96];
} remedy;

static remedy remedy_of(const place *own, const char *format, int count)
{
    remedy r;
    if (own->bound_by)
        snprintf(r.text, sizeof r.text, "unset %s", own->bound_by);
    else
        snprintf(r.text, sizeof r.text, format, count);
    return r;
}

static void warn_about(place_advice *a, const place *own, int bound, int ranks, int asked)
{
    const int offered = tighter(own->online, own->quota), usable = place_cores(own);
    const int wanted = ranks * (asked > 0 ? asked : 1);
    char *text = a->warning;
    if (bound < ranks && bound < offered)
        snprintf(text, sizeof a->warning,
                 "%d ranks share %d of this host's %d cores; give each its own: %s", ranks, bound,
                 offered,
                 remedy_of(own, "mpirun --bind-to none (or --map-by core --bind-to core)", 0).text);
    else if (asked > usable && usable < offered)
        snprintf(text, sizeof a->warning, "%d threads on %d core%s: %s", asked, usable,
                 usable == 1 ? "" : "s",
                 remedy_of(own, "mpirun --map-by slot:PE=%d (or --bind-to none)", asked).text);
    else if (asked > usable)
        snprintf(text, sizeof a->warning, "%d threads on %d core%s: use -t %d", asked, usable,
                 usable == 1 ? "" : "s", usable);
    else if (bound < offered && (asked <= 0 || wanted > bound))
        snprintf(
            text, sizeof a->warning,
            "%d rank%s bound to %d of this host's %d cores; to use all of them: %s", ranks,
            ranks == 1 ? " is" : "s are", bound, offered,
            remedy_of(own, "mpirun --bind-to none (or --map-by slot:PE=%d)", offered / ranks).text);
    else if (asked > 1 && ranks > 1 && wanted > a->cores)
        snprintf(text, sizeof a->warning,
                 "%d ranks x %d threads share %d core%s; fewer are faster, with the same results: "
                 "mpirun -n %d with -t 1, or -n 1 with -t %d",
                 ranks, asked, a->cores, a->cores == 1 ? "" : "s", a->cores, a->cores);
}

place_advice place_advise(const place *own, const place_mask *together, int ranks, int asked)
{
    place_advice a = {.warning = ""};
    const int bound = place_mask_count(together);
    a.cores = tighter(bound, own->quota);
    if (a.cores < 1) a.cores = 1;
    a.threads = asked > 0 ? asked : smaller(a.cores / ranks, place_cores(own));
    if (a.threads < 1) a.threads = 1;
    a.oversubscribed = (int64_t)ranks * a.threads > a.cores;
    warn_about(&a, own, bound, ranks, asked);
    return a;
}
