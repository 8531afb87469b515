/* train/guard.c - digests of every copy of the parameters, and a search for what is not finite. */
#include "train/guard.h"

#include <stdio.h>
#include <string.h>

#include "train/digest.h"

/* ---- copies ---- */

/* What a rank tells of its copy; a rank that shares another one's has none. */
typedef struct copy {
    int64_t is_one;
    tensor_digest tensor[DIGEST_TENSORS];
} copy;

_Static_assert(sizeof(copy) <= COMM_ALLGATHER_BYTES, "an allgather takes the digests of a rank");

struct guard {
    const session *s;
    int tensors;
    size_t bytes;       /* of a copy, as it is sent */
    unsigned char *all; /* [ranks, bytes] */
};

guard *guard_new(session *s)
{
    guard *g = arena_take(&s->memory, sizeof *g);
    g->s = s;
    copy own;
    g->tensors = digest_tensors(&s->m, s->parameters, own.tensor);
    g->bytes = offsetof(copy, tensor) + (size_t)g->tensors * sizeof(tensor_digest);
    g->all = arena_take(&s->memory, g->bytes * (size_t)s->layout->ranks);
    return g;
}

static int has_copy(const guard *g, int rank)
{
    int64_t is_one;
    memcpy(&is_one, g->all + (size_t)rank * g->bytes, sizeof is_one);
    return is_one != 0;
}

static tensor_digest digest_of(const guard *g, int rank, int tensor)
{
    tensor_digest digest;
    memcpy(&digest,
           g->all + (size_t)rank * g->bytes + offsetof(copy, tensor) +
               (size_t)tensor * sizeof digest,
           sizeof digest);
    return digest;
}

/* Copies that agree with a rank's copy of a tensor, itself included. */
static int agreeing(const guard *g, int ranks, int rank, int tensor)
{
    int count = 0;
    for (int r = 0; r < ranks; r++)
        count += has_copy(g, r) && digest_same(digest_of(g, r, tensor), digest_of(g, rank, tensor));
    return count;
}

/* The lowest rank whose copy of a tensor is what most copies are. */
static int majority(const guard *g, int ranks, int tensor)
{
    int best = 0;
    for (int r = 1; r < ranks; r++)
        if (has_copy(g, r) && agreeing(g, ranks, r, tensor) > agreeing(g, ranks, best, tensor))
            best = r;
    return best;
}

static status tell_odd_copy(const guard *g, int tensor, failure *why)
{
    int ranks = g->s->layout->ranks, right = majority(g, ranks, tensor), odd = 0, copies = 0;
    for (int r = 0; r < ranks; r++) copies += has_copy(g, r);
    while (!has_copy(g, odd) || digest_same(digest_of(g, odd, tensor), digest_of(g, right, tensor)))
        odd++;
    return fail(why, STATUS_STOPPED,
                "step %lld: rank %d's copy of the parameters differs from rank %d's in %s (%d of "
                "%d copies are as rank %d's): the memory or network of a host may be faulty; the "
                "last checkpoint is kept: go on with --resume, on other hosts if it comes again",
                (long long)g->s->step, odd, right, digest_tensor_name(&g->s->m, tensor).text,
                agreeing(g, ranks, right, tensor), copies, right);
}

status guard_check(guard *g, char hex[33], failure *why)
{
    const session *s = g->s;
    copy own = {.is_one = exchange_fills_parameters(s->x)};
    if (own.is_one) digest_tensors(&s->m, s->parameters, own.tensor);
    comm_allgather(s->c, &own, g->bytes, g->all);
    for (int tensor = 0; tensor < g->tensors; tensor++)
        for (int r = 1; r < s->layout->ranks; r++)
            if (has_copy(g, r) && !digest_same(digest_of(g, r, tensor), digest_of(g, 0, tensor)))
                return tell_odd_copy(g, tensor, why);
    if (hex) digest_parameters(&s->m, s->parameters, hex);
    return STATUS_OK;
}

/* ---- what is not finite ---- */

/* Number of the first tensor that is not finite; DIGEST_TENSORS: none. */
typedef struct findings {
    int parameters; /* in this rank's copy */
    int gradient; /* in the sum of this rank's samples; a joint kernel has none (model/executor.h) */
    int sum;      /* in this rank's slices */
} findings;

typedef struct search {
    const session *s;
    const updater *u;
    int partials; /* of this rank, as the step left them */
    int number;
    findings found;
} search;

static void note(int *found, int number, int finite)
{
    if (!finite && number < *found) *found = number;
}

static void search_slices(search *at, span tensor)
{
    const session *s = at->s;
    for (int b = 0; b < s->m.buckets; b++) {
        span slice = exchange_slice(s->x, b);
        size_t lo = tensor.offset > slice.offset ? tensor.offset : slice.offset;
        size_t end = tensor.offset + tensor.length, last = slice.offset + slice.length;
        size_t hi = end < last ? end : last;
        if (lo >= hi) continue;
        const float *sums = at->u->gradient[b] + (lo - slice.offset);
        note(&at->found.sum, at->number, s->m.k->all_finite(sums, hi - lo));
    }
}

static void search_parameters(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    search *at = context;
    const float *own = at->s->parameters + t->at.offset;
    note(&at->found.parameters, at->number, at->s->m.k->all_finite(own, t->at.length));
    at->number++;
}

static void search_tensor(void *context, const layer *l, const layer_tensor *t)
{
    search *at = context;
    const session *s = at->s;
    for (int i = 0; i < at->partials; i++) {
        const float *partial = exchange_partial(s->x, i) + t->at.offset;
        note(&at->found.gradient, at->number, s->m.k->all_finite(partial, t->at.length));
    }
    search_slices(at, t->at);
    search_parameters(at, l, t);
}

static const findings nothing = {DIGEST_TENSORS, DIGEST_TENSORS, DIGEST_TENSORS};

status guard_finite(const session *s, failure *why)
{
    search at = {.s = s, .found = nothing};
    status code = STATUS_OK;
    model_each_tensor(&s->m, search_parameters, &at);
    if (at.found.parameters < DIGEST_TENSORS)
        code = fail(why, STATUS_DIFFERS,
                    "step %lld: its update made the parameters %s NaN or Inf: they are not saved, "
                    "the last checkpoint is kept; try a smaller --learning-rate",
                    (long long)s->step, digest_tensor_name(&s->m, at.found.parameters).text);
    return comm_agree(s->c, code, why);
}

static int finding_of(const findings *all, int rank, size_t kind)
{
    int found;
    memcpy(&found, (const char *)&all[rank] + kind, sizeof found);
    return found;
}

/* The lowest tensor of all ranks' findings. *rank becomes the lowest rank that has it, or stays if *rank has it itself: an
 * owner's damaged parameters are in all copies by now, and came from the rank with the first wrong loss. */
static int first_of(const findings *all, int ranks, size_t kind, int *rank)
{
    int first = finding_of(all, *rank, kind);
    for (int r = 0; r < ranks; r++)
        if (finding_of(all, r, kind) < first) first = finding_of(all, r, kind), *rank = r;
    return first;
}

/* out: the end of the text that names the tensor and its rank, or "". */
static void tell_tensor(const session *s, const findings *all, int rank, char *out, size_t size)
{
    int ranks = s->layout->ranks;
    int parameters = first_of(all, ranks, offsetof(findings, parameters), &rank);
    out[0] = 0;
    if (parameters < DIGEST_TENSORS) {
        snprintf(out, size, "; nor are the parameters %s of rank %d",
                 digest_tensor_name(&s->m, parameters).text, rank);
        return;
    }
    int owner = rank, sum = first_of(all, ranks, offsetof(findings, sum), &owner);
    int gradient = first_of(all, ranks, offsetof(findings, gradient), &rank);
    if (gradient < DIGEST_TENSORS && gradient <= sum)
        snprintf(out, size, "; first in the gradient of %s on rank %d",
                 digest_tensor_name(&s->m, gradient).text, rank);
    else if (sum < DIGEST_TENSORS)
        snprintf(out, size, "; first in the sum over ranks of the gradients of %s",
                 digest_tensor_name(&s->m, sum).text);
}

status guard_not_finite(const stepper *p, const step_result *r, int epoch, failure *why)
{
    session *s = p->s;
    search at = {.s = s, .u = p->u, .partials = tree_count(r->leaves, r->own), .found = nothing};
    char samples[96] = "", tensor[160];
    model_each_tensor(&s->m, search_tensor, &at);
    arena_mark mark = arena_now(&s->memory);
    findings *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &at.found, sizeof at.found, all);
    tell_tensor(s, all, r->nonfinite_rank, tensor, sizeof tensor);
    arena_release(&s->memory, mark);
    if (r->nonfinite)
        snprintf(samples, sizeof samples, " in %lld of %d samples, of rank %d first",
                 (long long)r->nonfinite, r->samples, r->nonfinite_rank);
    return fail(why, STATUS_DIFFERS,
                "epoch %d, step %lld: the %s is not finite (NaN, Inf or beyond 2^20)%s%s: nothing "
                "was updated, the last checkpoint is kept; try a smaller --learning-rate",
                epoch + 1, (long long)s->step + 1, r->nonfinite ? "loss" : "gradient", samples,
                tensor);
}
