/* train/predictor.c - probabilities of images, by the threads of one process. */
#include "train/predictor.h"

#include "base/team.h"
#include "model/executor.h"

enum { GRAIN = 8 }; /* samples of a share of work; the bits do not depend on it */

typedef struct prediction {
    const stored_model *s;
    float *packed;
    executor *r;
    int threads, capacity;
    const uint8_t *pixels;
    int count;
    float *probabilities;
} prediction;

static void prepare_part(void *context, int thread)
{
    const prediction *p = context;
    model_prepare(&p->s->m, p->s->parameters, p->packed, thread, p->threads);
}

/* out: [count, classes] softmax of the logits of these rows of the pass. */
static void softmax_rows(const prediction *p, int first, int count, float *out)
{
    static const uint8_t any_label[GRAIN];
    loss_sums ignored = {0};
    softmax_args args = {.classes = p->s->m.classes,
                         .hi = count,
                         .logits = executor_logits(p->r) + (size_t)first * (size_t)p->s->m.classes,
                         .labels = any_label,
                         .probabilities = out};
    p->s->k->softmax_loss(&args, &ignored);
}

static void predict_thread(void *context, int thread)
{
    const prediction *p = context;
    size_t length = shape_length(p->s->m.input), classes = (size_t)p->s->m.classes;
    for (int first = 0; first < p->count; first += p->capacity) {
        int left = p->count - first, count = left < p->capacity ? left : p->capacity;
        pass_args pass = {.pixels = p->pixels + (size_t)first * length, .count = count};
        executor_begin_pass(p->r, &pass, thread);
        executor_forward(p->r, thread);
        range own = range_share(count, thread, p->threads);
        for (int at = own.lo; at < own.hi; at += GRAIN) {
            int rows = own.hi - at < GRAIN ? own.hi - at : GRAIN;
            softmax_rows(p, at, rows, p->probabilities + (size_t)(first + at) * classes);
        }
        team_barrier();
    }
}

void predictor_run(stored_model *s, int threads, const uint8_t *pixels, int count,
                   float *probabilities)
{
    prediction p = {.s = s,
                    .threads = threads,
                    .pixels = pixels,
                    .count = count,
                    .capacity = executor_capacity(&s->m, count, GRAIN, threads),
                    .probabilities = probabilities,
                    .packed = arena_take(&s->memory, s->m.packed_length * sizeof(float))};
    team_set_threads(threads);
    p.r = executor_new(&s->m, p.capacity, GRAIN, threads, s->parameters, p.packed, &s->memory);
    team_run(prepare_part, &p);
    team_run(predict_thread, &p);
}
