/* train/predictor.c - images through a stored model. */
#include "train/predictor.h"

#include <string.h>

#include "base/team.h"
#include "model/run.h"

enum { GRAIN = 8 }; /* samples of a share of work; no bit of a prediction depends on it */

typedef struct prediction {
    const stored_model *s;
    float *packed;
    run *r;
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

/* The loss' gradient with scale 1 is p - onehot: every class but the label has its own probability there. */
static void gradient_of_label(const prediction *p, int first, int count, uint8_t label, float *out)
{
    uint8_t labels[RUN_PASS_SAMPLES];
    loss_sums ignored = {0};
    memset(labels, label, sizeof labels);
    softmax_args args = {.classes = p->s->m.classes,
                         .hi = count,
                         .logits = run_logits(p->r) + (size_t)first * (size_t)p->s->m.classes,
                         .labels = labels,
                         .scale = 1.0f,
                         .dlogits = out};
    p->s->k->softmax_loss(&args, &ignored);
}

/* With label 0 all probabilities but that of class 0; that one with label 1. */
static void softmax_rows(const prediction *p, int first, int count, float *other, float *out)
{
    int classes = p->s->m.classes;
    gradient_of_label(p, first, count, 0, out);
    if (classes > 1) gradient_of_label(p, first, count, 1, other);
    for (int i = 0; i < count; i++) out[i * classes] = classes > 1 ? other[i * classes] : 1.0f;
}

static void predict_thread(void *context, int thread)
{
    const prediction *p = context;
    size_t length = shape_length(p->s->m.input), classes = (size_t)p->s->m.classes;
    float other[GRAIN * 256]; /* 256: the most classes */
    for (int first = 0; first < p->count; first += p->capacity) {
        int left = p->count - first, count = left < p->capacity ? left : p->capacity;
        run_pass pass = {.pixels = p->pixels + (size_t)first * length, .count = count};
        run_begin_pass(p->r, &pass, thread);
        run_forward(p->r, thread);
        tree_node own = tree_share((tree_node){0, count}, thread, p->threads);
        for (int at = own.lo; at < own.hi; at += GRAIN) {
            int rows = own.hi - at < GRAIN ? own.hi - at : GRAIN;
            softmax_rows(p, at, rows, other, p->probabilities + (size_t)(first + at) * classes);
        }
        team_barrier();
    }
}

void predictor_run(stored_model *s, int threads, const uint8_t *pixels, int count,
                   float *probabilities)
{
    CHECK(s->m.classes <= 256, "%d classes", s->m.classes);
    prediction p = {.s = s,
                    .threads = threads,
                    .pixels = pixels,
                    .count = count,
                    .capacity = run_capacity(&s->m, count, GRAIN, threads),
                    .probabilities = probabilities,
                    .packed = arena_take(&s->memory, s->m.packed_length * sizeof(float))};
    team_set_threads(threads);
    p.r = run_new(&s->m, p.capacity, GRAIN, threads, s->parameters, p.packed, &s->memory);
    team_run(prepare_part, &p);
    team_run(predict_thread, &p);
}
