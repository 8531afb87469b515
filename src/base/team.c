/* base/team.c - the only file that uses OpenMP. */
#include "base/team.h"

#include <ctype.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/denormals.h"
#include "base/error.h"

static int threads_of_team = 1;

/* ---- what OpenMP's variables say ---- */

const char *team_places(place_mask *offered)
{
    static const char *const names[] = {"GOMP_CPU_AFFINITY", "OMP_PLACES", "OMP_PROC_BIND"};
    int core[PLACE_MAX_CORES], name = 0, places = omp_get_num_places();
    if (omp_get_proc_bind() == omp_proc_bind_false || places == 0) return NULL;
    *offered = (place_mask){{0}};
    for (int p = 0; p < places; p++) {
        int cores = omp_get_place_num_procs(p);
        if (cores > PLACE_MAX_CORES) return NULL;
        omp_get_place_proc_ids(p, core);
        for (int i = 0; i < cores; i++)
            if (core[i] < PLACE_MAX_CORES) offered->bit[core[i] / 64] |= 1ull << core[i] % 64;
    }
    while (name < 2 && !getenv(names[name])) name++;
    return names[name];
}

int team_limit(void)
{
    return omp_get_thread_limit();
}

/* A size as OMP_STACKSIZE has it: a number of KiB, or with a unit B, K, M or G; 0 if it is none. */
static size_t size_of(const char *text)
{
    static const char units[] = "BKMG";
    char *end;
    if (!text) return 0;
    unsigned long long number = strtoull(text, &end, 10);
    while (isspace((unsigned char)*end)) end++;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : units + 1;
    return unit ? (size_t)number << 10 * (unit - units) : 0;
}

size_t team_stack_bytes(void)
{
    size_t bytes = size_of(getenv("OMP_STACKSIZE"));
    if (bytes == 0) bytes = size_of(getenv("GOMP_STACKSIZE"));
    if (bytes > 0) return bytes;
    pthread_attr_t usual;
    pthread_attr_init(&usual);
    pthread_attr_getstacksize(&usual, &bytes);
    pthread_attr_destroy(&usual);
    return bytes;
}

/* ---- are there threads? ---- */

static void *wait_for(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

/* libgomp ends the process with exit code 1 where it gets no thread. */
status team_try(int threads, failure *why)
{
    pthread_t *begun = memory_take((size_t)threads * sizeof *begun);
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_attr_t as_libgomp;
    int count = 1, error = 0; /* this thread is the first */
    pthread_attr_init(&as_libgomp);
    pthread_attr_setstacksize(&as_libgomp, team_stack_bytes());
    pthread_mutex_lock(&lock);
    for (; !error && count < threads; count += !error)
        error = pthread_create(&begun[count], &as_libgomp, wait_for, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 1; i < count; i++) pthread_join(begun[i], NULL);
    pthread_attr_destroy(&as_libgomp);
    memory_free(begun);
    if (!error) return STATUS_OK;
    return fail(why, STATUS_NO_THREADS,
                "of %d threads only %d can be started: %s; use -t %d, or raise the limit of "
                "processes (ulimit -u, pids.max of the container) or of memory (ulimit -v, "
                "OMP_STACKSIZE is %zu KiB a thread)",
                threads, count, strerror(error), count, team_stack_bytes() >> 10);
}

/* ---- the team ---- */

void team_set_threads(int threads)
{
    CHECK(threads >= 1, "%d threads", threads);
    omp_set_dynamic(0);
    omp_set_max_active_levels(1); /* OMP_MAX_ACTIVE_LEVELS=0 would leave one thread */
    threads_of_team = threads;
}

int team_threads(void)
{
    return threads_of_team;
}

void team_run(void (*work)(void *context, int thread), void *context)
{
#pragma omp parallel num_threads(threads_of_team)
    {
        CHECK(omp_get_num_threads() == threads_of_team, "asked for %d threads, got %d",
              threads_of_team, omp_get_num_threads());
        denormals_flush();
        work(context, omp_get_thread_num());
    }
}

void team_barrier(void)
{
    if (threads_of_team == 1) return;
#pragma omp barrier
}
