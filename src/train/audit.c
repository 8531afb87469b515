/* train/audit.c - a leaf that is computed again on other cores. */
#include "train/audit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/team.h"
#include "train/digest.h"

enum { REPEATS = 2, HOST = 64 };

/* What a rank tells of its gradient of the leaf. */
typedef struct gradient_digests {
    tensor_digest tensor[DIGEST_TENSORS];
} gradient_digests;

_Static_assert(sizeof(gradient_digests) <= COMM_ALLGATHER_BYTES, "an allgather takes a gradient");

struct audit {
    session *s;
    int tensors; /* of the model */
    int64_t step;
    int leaves; /* of the step's batch */
    audit_draw draw;
    executor *r;                        /* for passes of one leaf                     */
    float *gradient;                    /* [slab_length] of the leaf, that r computes */
    pass_args pass;                     /* of the leaf; borrows                       */
    gradient_digests own, again;        /* of the owner's leaf; of `gradient`         */
    gradient_digests *all;              /* [ranks]                                    */
    int tensor;                         /* the first that differs                     */
    tensor_digest of_owner, of_auditor; /* of that tensor                             */
    int repeat;
};

audit_draw audit_rule(uint64_t seed, int64_t step, int leaves, int ranks)
{
    rng_key key = {seed, RNG_AUDIT, (uint32_t)(step >> 32), (uint32_t)step};
    audit_draw d = {.leaf = (int)rng_below(key, 0, (uint32_t)leaves)};
    while (range_share(leaves, d.owner, ranks).hi <= d.leaf) d.owner++;
    d.auditor = d.owner;
    if (ranks > 1) d.auditor = (d.owner + 1 + (int)rng_below(key, 1, (uint32_t)ranks - 1)) % ranks;
    d.turn = rng_below(key, 2, SETTINGS_MAX_THREADS);
    d.again = rng_below(key, 3, SETTINGS_MAX_THREADS);
    return d;
}

static int capacity(const settings *cfg, const model *m)
{
    return executor_capacity(m, (int)cfg->grain, (int)cfg->grain, 1);
}

size_t audit_bytes(const settings *cfg, const model *m, int threads)
{
    return executor_bytes(m, capacity(cfg, m), (int)cfg->grain, threads) +
           m->slab_length * sizeof(float);
}

audit *audit_new(session *s)
{
    if (s->cfg.audit == 0) return NULL;
    int grain = (int)s->cfg.grain;
    audit *a = arena_take(&s->memory, sizeof *a);
    a->s = s;
    a->tensors = digest_tensors(&s->m, s->parameters, a->own.tensor);
    a->r = executor_new(&s->m, capacity(&s->cfg, &s->m), grain, s->threads, s->parameters,
                        s->packed, &s->memory);
    a->gradient = arena_take(&s->memory, s->m.slab_length * sizeof(float));
    a->all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *a->all);
    return a;
}

int audit_begin(audit *a, int64_t step, int leaves)
{
    if (!a || step % a->s->cfg.audit != 0 || leaves == 0) return -1;
    a->step = step;
    a->leaves = leaves;
    a->draw = audit_rule((uint64_t)a->s->cfg.seed, step, leaves, a->s->layout->ranks);
    return a->draw.leaf;
}

static int turned(const audit *a, int thread, uint32_t turn)
{
    return (int)(((uint32_t)thread + turn) % (uint32_t)a->s->threads);
}

int audit_role(const audit *a, int thread)
{
    return turned(a, thread, a->draw.turn);
}

/* The auditor's turn. With one rank it is another one than the owner's, if there are several threads. */
static uint32_t turn_again(const audit *a)
{
    uint32_t others = (uint32_t)a->s->threads - 1;
    if (a->draw.auditor != a->draw.owner) return a->draw.again;
    return others ? a->draw.turn + 1 + a->draw.again % others : a->draw.turn;
}

void audit_keep(audit *a, const float *gradient)
{
    digest_tensors(&a->s->m, gradient, a->own.tensor);
}

/* The pass of the leaf, by threads that take the work of their neighbours. Ends in a barrier. */
static void run_leaf(audit *a, int thread, uint32_t turn)
{
    int role = turned(a, thread, turn);
    loss_sums ignored = {0};
    executor_begin_pass(a->r, &a->pass, role);
    executor_forward(a->r, role);
    executor_loss(a->r, role, &ignored);
    executor_backward(a->r, role);
    if (thread == 0) digest_tensors(&a->s->m, a->gradient, a->again.tensor);
}

void audit_repeat(audit *a, const pass_args *leaf, int thread)
{
    if (thread == 0) {
        a->pass = *leaf;
        a->pass.partials = &a->gradient;
    }
    team_barrier();
    if (a->s->layout->rank == a->draw.auditor) run_leaf(a, thread, turn_again(a));
}

int audit_agrees(audit *a)
{
    const session *s = a->s;
    comm_allgather(s->c, &a->own, sizeof a->own, a->all);
    const gradient_digests first = a->all[a->draw.owner];
    comm_allgather(s->c, &a->again, sizeof a->again, a->all);
    const gradient_digests *second = &a->all[a->draw.auditor];
    for (int i = 0; i < a->tensors; i++) {
        if (digest_same(first.tensor[i], second->tensor[i])) continue;
        a->tensor = i;
        a->of_owner = first.tensor[i];
        a->of_auditor = second->tensor[i];
        return 0;
    }
    return 1;
}

/* ---- which result is the odd one? ---- */

typedef struct vote {
    tensor_digest repeat[REPEATS];
    char host[HOST];
} vote;

/* What the repetitions of all ranks say. */
typedef struct verdict {
    int repeats, as_owner, as_auditor;
} verdict;

static void repeat_thread(void *context, int thread)
{
    audit *a = context;
    run_leaf(a, thread, (uint32_t)a->repeat);
}

static vote own_vote(audit *a)
{
    vote own = {.host = ""};
    gethostname(own.host, sizeof own.host - 1);
    for (a->repeat = 0; a->repeat < REPEATS; a->repeat++) {
        team_run(repeat_thread, a);
        own.repeat[a->repeat] = a->again.tensor[a->tensor];
    }
    return own;
}

static verdict count(const audit *a, const vote *all)
{
    verdict v = {.repeats = REPEATS * a->s->layout->ranks};
    for (int r = 0; r < a->s->layout->ranks; r++)
        for (int i = 0; i < REPEATS; i++) {
            v.as_owner += digest_same(all[r].repeat[i], a->of_owner);
            v.as_auditor += digest_same(all[r].repeat[i], a->of_auditor);
        }
    return v;
}

/* "rank 1 on h2 has other bits of dense/kernel than rank 0 on h1 and 4 of 4 repetitions" */
static failure sentence(const audit *a, const vote *all, verdict v)
{
    const audit_draw *d = &a->draw;
    const tensor_name name = digest_tensor_name(&a->s->m, a->tensor);
    const char *tensor = name.text;
    failure text;
    int odd = v.as_owner < v.as_auditor ? d->owner : d->auditor,
        right = d->owner + d->auditor - odd,
        most = v.as_owner < v.as_auditor ? v.as_auditor : v.as_owner;
    if (d->owner == d->auditor)
        fail(&text, STATUS_STOPPED, "rank %d on %s got other bits of %s when it computed it again",
             odd, all[odd].host, tensor);
    else if (v.as_owner == v.as_auditor)
        fail(&text, STATUS_STOPPED,
             "rank %d on %s and rank %d on %s got different bits of %s, and repetitions do not say "
             "which are right",
             d->owner, all[d->owner].host, d->auditor, all[d->auditor].host, tensor);
    else
        fail(&text, STATUS_STOPPED,
             "rank %d on %s got other bits of %s than rank %d on %s and %d of %d repetitions", odd,
             all[odd].host, tensor, right, all[right].host, most, v.repeats);
    return text;
}

status audit_tell(audit *a, failure *why)
{
    session *s = a->s;
    arena_mark mark = arena_now(&s->memory);
    vote own = own_vote(a), *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &own, sizeof own, all);
    failure said = sentence(a, all, count(a, all));
    arena_release(&s->memory, mark);
    return fail(why, STATUS_STOPPED,
                "step %lld, gradient of leaf %d of %d: %.600s: a processor or the memory of a host "
                "may be faulty; nothing was updated, the last checkpoint is kept: go on with "
                "--resume, on other hosts if it comes again",
                (long long)a->step, a->draw.leaf + 1, a->leaves, said.text);
}
