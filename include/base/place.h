/* place.h - the cores that this process may use, and advice for the user.            room: base
 *
 * Reads the affinity mask (sched_getaffinity), the CPU quota and the cpuset of the cgroup and of all groups above it (v2:
 * cpu.max, cpuset.cpus.effective; v1: cpu.cfs_quota_us, cpuset.effective_cpus), and the online cores. It works before
 * MPI_Init; only place_unbind changes a binding.
 *
 * Threads: one.   Collective: no.   Memory: none.   Errors: none; a limit that cannot be read is no limit.
 * Test: tests/unit/base_place.c
 */
#ifndef MNIST_DIST_BASE_PLACE_H
#define MNIST_DIST_BASE_PLACE_H

#include <stddef.h>
#include <stdint.h>

enum { PLACE_MAX_CORES = 1024 };

/* A set of cores as a bit mask, so that ranks can send each other theirs. */
typedef struct place_mask {
    uint64_t bit[PLACE_MAX_CORES / 64];
} place_mask;

/* Number of cores in the set; adds the cores of *m to *into. */
int place_mask_count(const place_mask *m);
void place_mask_join(place_mask *into, const place_mask *m);

typedef struct place {
    /* Cores that this process may run on; where libgomp binds threads, those to which it binds them. */
    place_mask mask;
    const char *bound_by; /* the variable by which libgomp binds threads (base/team.h), or NULL */
    int affinity;         /* number of cores in mask */
    int quota;            /* the cgroup's CPU time, in cores, rounded up; 0: no limit */
    int online;           /* cores of the host that the cpuset of the job or container offers */
} place;

/* Reads the limits of this process. */
place place_read(void);
/* The same, with the files of /sys/fs/cgroup and /proc below the folder `root`, for tests. */
place place_read_below(const char *root);

/* Lets the calling thread, and what it starts, run on all cores of p->mask again, where libgomp has bound it to one place. */
void place_unbind(const place *p);

/* Cores that this process can keep busy: min(affinity, quota), at least 1. */
int place_cores(const place *p);

/* The number of threads of a rank, and a warning for the user. */
typedef struct place_advice {
    int threads;        /* of this rank, >= 1 */
    int cores;          /* that the ranks of this host can use together */
    int oversubscribed; /* 1: ranks * threads of this host exceed the cores */
    char warning[512];  /* "", or one line: cores wasted or crowded, and the mpirun option to use */
} place_advice;

/* own: the place of this rank. together: the union of the masks of the host's ranks. ranks: their number, >= 1. asked: the
 * threads that -t or OMP_NUM_THREADS asks for, or 0. If asked is 0, a rank gets cores / ranks threads, at least 1 and at
 * most place_cores(own). These cases get a warning with the mpirun option that mends them:
 *   bound below the host     this rank may use fewer cores than the host offers while ranks < cores, for example
 *                            `mpirun -n 1` on two cores: "--bind-to none"
 *   two ranks, one core      several ranks are bound to one core while other cores are free
 *   threads on one core      asked for more threads than the cores it may use
 *   crowded threads          several ranks asked for more threads than the host has cores
 * More ranks than cores sets `oversubscribed` and gives no warning: waiting ranks then sleep. */
place_advice place_advise(const place *own, const place_mask *together, int ranks, int asked);

#endif
