/* train/guard.c - digests of every copy of the parameters, and a search for what is not finite. */
#include "train/guard.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum { MOST_TENSORS = MODEL_MAX_LAYERS * LAYER_MAX_TENSORS, NAME_TEXT = 96 };

static void count_tensor(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    (void)t;
    ++*(int *)context;
}

/* "conv2d/kernel" of the tensor with this number, in the model's order. */
typedef struct tensor_name {
    int number;
    char text[NAME_TEXT];
} tensor_name;

static void name_tensor(void *context, const layer *l, const layer_tensor *t)
{
    tensor_name *n = context;
    if (n->number-- == 0) snprintf(n->text, sizeof n->text, "%s/%s", l->name, t->name);
}

static tensor_name name_of(const session *s, int number)
{
    tensor_name n = {number, ""};
    model_each_tensor(&s->m, name_tensor, &n);
    return n;
}

/* ---- copies ---- */

/* What a rank tells of its copy; ranks that read a neighbour's have none. */
typedef struct copy {
    int64_t is_one;
    XXH128_hash_t tensor[MOST_TENSORS];
} copy;

struct guard {
    int tensors;
    size_t bytes; /* of a copy, as it is sent */
    unsigned char *all;
};

guard *guard_new(session *s)
{
    guard *g = arena_take(&s->memory, sizeof *g);
    model_each_tensor(&s->m, count_tensor, &g->tensors);
    g->bytes = offsetof(copy, tensor) + (size_t)g->tensors * sizeof(XXH128_hash_t);
    g->all = arena_take(&s->memory, g->bytes * (size_t)s->layout->ranks);
    return g;
}

typedef struct digesting {
    const float *parameters;
    copy *own;
    int next;
} digesting;

static void digest_tensor(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    digesting *d = context;
    d->own->tensor[d->next++] = XXH3_128bits(d->parameters + t->at.offset,
                                             t->at.length * sizeof(float));
}

static int has_copy(const guard *g, int rank)
{
    int64_t is_one;
    memcpy(&is_one, g->all + (size_t)rank * g->bytes, sizeof is_one);
    return is_one != 0;
}

static XXH128_hash_t digest_of(const guard *g, int rank, int tensor)
{
    XXH128_hash_t digest;
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
        count += has_copy(g, r) &&
                 XXH128_isEqual(digest_of(g, r, tensor), digest_of(g, rank, tensor));
    return count;
}

/* The rank that stands for most copies of a tensor; the lowest where as many stand for another. */
static int spokesman(const guard *g, int ranks, int tensor)
{
    int best = 0;
    for (int r = 1; r < ranks; r++)
        if (has_copy(g, r) && agreeing(g, ranks, r, tensor) > agreeing(g, ranks, best, tensor))
            best = r;
    return best;
}

static status tell_odd_copy(const guard *g, const session *s, int tensor, message *why)
{
    int ranks = s->layout->ranks, right = spokesman(g, ranks, tensor), odd = 0, copies = 0;
    for (int r = 0; r < ranks; r++) copies += has_copy(g, r);
    while (!has_copy(g, odd) ||
           XXH128_isEqual(digest_of(g, odd, tensor), digest_of(g, right, tensor)))
        odd++;
    return fail(why, STATUS_STOPPED,
                "step %lld: rank %d's copy of the parameters differs from rank %d's in %s (%d of "
                "%d copies are as rank %d's): the memory or network of a host may be faulty; the "
                "last checkpoint is kept: go on with --resume, on other hosts if it comes again",
                (long long)s->step, odd, right, name_of(s, tensor).text,
                agreeing(g, ranks, right, tensor), copies, right);
}

status guard_check(guard *g, const session *s, char hex[33], message *why)
{
    copy own = {.is_one = exchange_fills_parameters(s->x)};
    if (own.is_one) model_each_tensor(&s->m, digest_tensor, &(digesting){s->parameters, &own, 0});
    comm_allgather(s->c, &own, g->bytes, g->all);
    for (int tensor = 0; tensor < g->tensors; tensor++)
        for (int r = 1; r < s->layout->ranks; r++)
            if (has_copy(g, r) && !XXH128_isEqual(digest_of(g, r, tensor), digest_of(g, 0, tensor)))
                return tell_odd_copy(g, s, tensor, why);
    if (hex) session_digest(s, hex);
    return STATUS_OK;
}

/* ---- what is not finite ---- */

/* Number of the first tensor that is not finite; MOST_TENSORS: none. */
typedef struct findings {
    int parameters, /* in this rank's copy               */
        gradient,   /* in the sum of this rank's samples; a joint kernel has none (model/run.h) */
        sum;        /* in this rank's slices             */
} findings;

typedef struct search {
    const session *s;
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
        const float *sums = s->gradient[b] + (lo - slice.offset);
        note(&at->found.sum, at->number, s->k->all_finite(sums, hi - lo));
    }
}

static void search_tensor(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    search *at = context;
    const session *s = at->s;
    const float *own = s->parameters + t->at.offset;
    note(&at->found.parameters, at->number, s->k->all_finite(own, t->at.length));
    for (int i = 0; i < at->partials; i++) {
        const float *partial = exchange_partial(s->x, i) + t->at.offset;
        note(&at->found.gradient, at->number, s->k->all_finite(partial, t->at.length));
    }
    search_slices(at, t->at);
    at->number++;
}

static int finding_of(const findings *all, int rank, size_t kind)
{
    int found;
    memcpy(&found, (const char *)&all[rank] + kind, sizeof found);
    return found;
}

/* The lowest tensor of all ranks' findings, and the rank that has it: *rank, where it is among them, else the lowest. An
 * owner's damaged parameters are everywhere by now, and were first where the first loss was wrong. */
static int first_of(const findings *all, int ranks, size_t kind, int *rank)
{
    int first = finding_of(all, *rank, kind);
    for (int r = 0; r < ranks; r++)
        if (finding_of(all, r, kind) < first) first = finding_of(all, r, kind), *rank = r;
    return first;
}

/* "; not finite: ...": which tensor, of which rank. */
static void tell_tensor(const session *s, const findings *all, int rank, char *out, size_t size)
{
    int ranks = s->layout->ranks;
    int parameters = first_of(all, ranks, offsetof(findings, parameters), &rank);
    out[0] = 0;
    if (parameters < MOST_TENSORS) {
        snprintf(out, size, "; nor are the parameters %s of rank %d", name_of(s, parameters).text,
                 rank);
        return;
    }
    int owner = rank, sum = first_of(all, ranks, offsetof(findings, sum), &owner);
    int gradient = first_of(all, ranks, offsetof(findings, gradient), &rank);
    if (gradient < MOST_TENSORS && gradient <= sum)
        snprintf(out, size, "; first in the gradient of %s on rank %d", name_of(s, gradient).text,
                 rank);
    else if (sum < MOST_TENSORS)
        snprintf(out, size, "; first in the sum over ranks of the gradients of %s",
                 name_of(s, sum).text);
}

status guard_not_finite(const session *s, const step_result *r, int epoch, message *why)
{
    tree_node nodes[TREE_MAX_NODES];
    search at = {.s = s,
                 .partials = tree_maximal(r->leaves, r->own, nodes),
                 .found = {MOST_TENSORS, MOST_TENSORS, MOST_TENSORS}};
    char samples[96] = "", tensor[160];
    model_each_tensor(&s->m, search_tensor, &at);
    findings *all = memory_take((size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &at.found, sizeof at.found, all);
    tell_tensor(s, all, r->nonfinite_rank, tensor, sizeof tensor);
    memory_free(all);
    if (r->nonfinite)
        snprintf(samples, sizeof samples, " in %lld of %d samples, of rank %d first",
                 (long long)r->nonfinite, r->samples, r->nonfinite_rank);
    return fail(why, STATUS_DIFFERS,
                "epoch %d, step %lld: the %s is not finite (NaN, Inf or beyond 2^20)%s%s: nothing "
                "was updated, the last checkpoint is kept; try a smaller --learning-rate",
                epoch + 1, (long long)s->step + 1, r->nonfinite ? "loss" : "gradient", samples,
                tensor);
}
