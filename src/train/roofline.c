/* train/roofline.c - all threads of all ranks at their limits. */
#include "train/roofline.h"

#include "base/team.h"
#include "base/timer.h"
#include "kernel/gemm_blis.h"

static const double figure_s = 0.5;
enum { SQUARE = 1024, PEAK_REPEATS = 1 << 18, PEAK_SINK = 16 };

/* Every thread works on arrays of its own. */
typedef struct limit {
    comm *c;
    const kernels *k;
    int ranks, threads;
    float *x, *y, *z;                            /* [threads, SQUARE, SQUARE] z = x y */
    double (*work)(struct limit *l, int thread); /* returns FLOP                      */
    double *done;                                /* [threads] FLOP/s                  */
    double *all;                                 /* [ranks] FLOP/s                    */
} limit;

static double one_product(limit *l, int thread)
{
    size_t at = (size_t)thread * SQUARE * SQUARE;
    gemm_blis_square(SQUARE, SQUARE, SQUARE, l->x + at, l->y + at, l->z + at, 1);
    return 2.0 * SQUARE * SQUARE * SQUARE;
}

static double one_burst(limit *l, int thread)
{
    return l->k->fma_peak(PEAK_REPEATS, l->z + (size_t)thread * PEAK_SINK);
}

static void limit_thread(void *context, int thread)
{
    limit *l = context;
    l->work(l, thread); /* warm up */
    team_barrier();
    double start_s = timer_now_s(), flop = 0;
    while (timer_now_s() - start_s < figure_s) flop += l->work(l, thread);
    l->done[thread] = flop / (timer_now_s() - start_s);
}

/* GFLOP/s of all threads of all ranks at once. */
static double measure(limit *l, double (*work)(limit *, int))
{
    double own = 0, total = 0;
    l->work = work;
    comm_barrier(l->c);
    team_run(limit_thread, l);
    for (int t = 0; t < l->threads; t++) own += l->done[t];
    comm_allgather(l->c, &own, sizeof own, l->all);
    for (int r = 0; r < l->ranks; r++) total += l->all[r];
    return total * 1e-9;
}

roofline roofline_measure(comm *c, const kernels *k, int threads, arena *scratch)
{
    arena_mark mark = arena_now(scratch);
    size_t floats = (size_t)threads * SQUARE * SQUARE;
    limit l = {.c = c, .k = k, .ranks = comm_get_layout(c)->ranks, .threads = threads};
    l.x = arena_take(scratch, floats * sizeof(float));
    l.y = arena_take(scratch, floats * sizeof(float));
    l.z = arena_take(scratch, floats * sizeof(float));
    l.done = arena_take(scratch, (size_t)threads * sizeof *l.done);
    l.all = arena_take(scratch, (size_t)l.ranks * sizeof *l.all);
    for (size_t i = 0; i < floats; i++) l.x[i] = l.y[i] = (float)(i % 7) * 0.125f;
    roofline r = {.sgemm_gflops = measure(&l, one_product)};
    r.fma_peak_gflops = measure(&l, one_burst);
    arena_release(scratch, mark);
    return r;
}
