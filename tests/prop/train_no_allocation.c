/* After set-up a step asks the C library for no memory: this program has its own malloc, calloc, ..., which count. */
#include "check.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/denormals.h"
#include "base/team.h"
#include "model/presets.h"
#include "train/guard.h"
#include "train/profile.h"
#include "train/step.h"

enum { WARM_UP = 3, STEPS = 20 };

/* Requests of the team's threads count; those of MPI's own threads do not. */
static _Thread_local int in_team;
static atomic_int armed;
static atomic_long requests;

#ifdef __SANITIZE_ADDRESS__
/* the sanitizer's allocator must stay; then only the arena's counter is checked */
enum { REPLACED = 0 };
#else
enum { REPLACED = 1 };

/* glibc's functions, under the names that it exports for this. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static void count_request(void)
{
    if (in_team && atomic_load(&armed)) atomic_fetch_add(&requests, 1);
}

void *malloc(size_t bytes)
{
    count_request();
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    count_request();
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    count_request();
    return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    count_request();
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    count_request();
    *memory = __libc_memalign(alignment, bytes);
    return *memory ? 0 : ENOMEM;
}
#endif

static void join_team(void *context, int thread)
{
    (void)context;
    (void)thread;
    in_team = 1;
}

static void *volatile taken; /* so that the compiler keeps the call */

static void take_one(void *context, int thread)
{
    if (thread != *(int *)context) return;
    taken = malloc(100);
    free(taken);
}

static long counted(void (*work)(void *context, int thread), void *context)
{
    atomic_store(&requests, 0);
    atomic_store(&armed, 1);
    team_run(work, context);
    atomic_store(&armed, 0);
    return atomic_load(&requests);
}

static stepper *open_session(session *s, comm *c, const char *preset, int threads)
{
    settings cfg = settings_default();
    failure why = {""};
    session_cfg open = {.c = c, .threads = threads, .cores = threads};
    status code = settings_set(&cfg, "data", "synthetic", &why);
    if (!code) code = settings_set(&cfg, "model", preset, &why);
    /* 3 steps an epoch; the last one is smaller */
    if (!code) code = settings_set(&cfg, "limit", "300", &why);
    if (!code && threads > 1) code = settings_set(&cfg, "optimizer", "lamb", &why);
    if (!code && threads > 1) code = settings_set(&cfg, "clip-norm", "0.1", &why);
    if (!code && threads > 1) code = settings_set(&cfg, "profile", "yes", &why);
    if (!code && threads > 1) code = settings_set(&cfg, "audit", "2", &why);
    if (!code) code = settings_resolve(&cfg, &why);
    open.cfg = cfg;
    if (!code) code = session_open(s, &open, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(code, STATUS_OK);
    assert_int_equal(profile_attach(s) != NULL, threads > 1);
    return step_new(s);
}

/* Steps [first, last) of the run, over several epochs. */
static void run_steps(stepper *p, int first, int last)
{
    int steps = sampler_steps(&p->s->order);
    for (int step = first; step < last; step++)
        if (!step_run(p, step / steps, step % steps, 0).finite) abort();
}

static void check_steps(comm *c, const char *preset, int threads)
{
    CASE("model %s threads %d", preset, threads);
    session s = {.step = 0};
    char hex[33];
    failure why = {""};
    stepper *p = open_session(&s, c, preset, threads);
    guard *g = guard_new(&s);
    team_run(join_team, NULL);
    run_steps(p, 0, WARM_UP);
    size_t arena_requests = memory_requests();
    atomic_store(&requests, 0);
    atomic_store(&armed, 1);
    run_steps(p, WARM_UP, WARM_UP + STEPS);
    status code = guard_check(g, hex, &why);
    atomic_store(&armed, 0);
    assert_int_equal(code, STATUS_OK);
    assert_int_equal(atomic_load(&requests), 0);
    assert_int_equal(memory_requests(), arena_requests);
    assert_int_equal(s.step, WARM_UP + STEPS);
    session_close(&s);
}

static void a_request_of_any_thread_is_counted(void **state)
{
    (void)state;
    if (!REPLACED) skip();
    team_set_threads(2);
    team_run(join_team, NULL);
    for (int thread = 0; thread < 2; thread++) assert_int_equal(counted(take_one, &thread), 1);
    int none = -1;
    assert_int_equal(counted(take_one, &none), 0);
}

static void steps_take_no_memory(void **state)
{
    for (int m = 0; presets_name(m); m++)
        for (int threads = 1; threads <= 2; threads++)
            check_steps(*state, presets_name(m), threads);
}

int main(int argc, char **argv)
{
    denormals_flush();
    comm_start(&argc, &argv, 2);
    comm_cfg cfg = comm_cfg_default();
    comm *c = comm_open(&cfg);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_of_any_thread_is_counted),
        cmocka_unit_test_prestate(steps_take_no_memory, c),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_close(c);
    return failed;
}
