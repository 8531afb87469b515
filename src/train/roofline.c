/* train/roofline.c - all threads of all ranks at their limits. */
#include "train/roofline.h"

#include "base/team.h"
#include "base/timer.h"
#include "kernel/gemm_blis.h"

enum { SQUARE = 1024, PEAK_REPEATS = 1 << 18, PEAK_SINK = 16 };

/* Every thread multiplies matrices of its own, so that the figure is all cores'. */
typedef struct limit {
    session *s;
    float *a, *b, *c; /* [threads] products of SQUARE^3, one behind the other */
    double (*work)(struct limit *l, int thread);
    double seconds;
    double *done; /* [threads] FLOP/s */
} limit;

static double one_product(limit *l, int thread)
{
    size_t at = (size_t)thread * SQUARE * SQUARE;
    gemm_blis_square(SQUARE, SQUARE, SQUARE, l->a + at, l->b + at, l->c + at, 1);
    return 2.0 * SQUARE * SQUARE * SQUARE;
}

static double one_burst(limit *l, int thread)
{
    return l->s->k->fma_peak(PEAK_REPEATS, l->c + (size_t)thread * PEAK_SINK);
}

static void limit_thread(void *context, int thread)
{
    limit *l = context;
    l->work(l, thread); /* warm up */
    team_barrier();
    double start_s = timer_now_s(), flop = 0;
    while (timer_now_s() - start_s < l->seconds) flop += l->work(l, thread);
    l->done[thread] = flop / (timer_now_s() - start_s);
}

/* GFLOP/s of all threads of all ranks at once. */
static double measure(limit *l, double (*work)(limit *, int))
{
    session *s = l->s;
    l->work = work;
    l->seconds = 0.5;
    comm_barrier(s->c);
    team_run(limit_thread, l);
    double own = 0, total = 0,
           *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    for (int t = 0; t < s->threads; t++) own += l->done[t];
    comm_allgather(s->c, &own, sizeof own, all);
    for (int i = 0; i < s->layout->ranks; i++) total += all[i];
    return total * 1e-9;
}

roofline roofline_measure(session *s)
{
    arena_mark mark = arena_now(&s->memory);
    size_t floats = (size_t)s->threads * SQUARE * SQUARE;
    limit *l = arena_take(&s->memory, sizeof *l);
    l->s = s;
    l->a = arena_take(&s->memory, floats * sizeof(float));
    l->b = arena_take(&s->memory, floats * sizeof(float));
    l->c = arena_take(&s->memory, floats * sizeof(float));
    l->done = arena_take(&s->memory, (size_t)s->threads * sizeof *l->done);
    for (size_t i = 0; i < floats; i++) l->a[i] = l->b[i] = (float)(i % 7) * 0.125f;
    roofline r = {.sgemm_gflops = measure(l, one_product)};
    r.fma_peak_gflops = measure(l, one_burst);
    arena_release(&s->memory, mark);
    return r;
}
