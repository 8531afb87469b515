/* train/replay_rank.c - the actions of one rank, in the order of train/step.c. */
#include <string.h>

#include "base/arena.h"
#include "replay_private.h"
#include "train/step.h"

/* Messages of the vote and of barriers in a host have tags of their own; buckets have TAG_BUCKET + bucket. */
enum { TAG_BARRIER = 1, TAG_BOARD, TAG_PARAMETERS, TAG_LATE, TAG_BUCKET, ROUNDS = 64 };

/* How far the rounds of a bucket are. */
typedef struct flow {
    int rounds; /* of which all that this rank receives is here */
    int next;   /* the round that is sent next                  */
} flow;

typedef struct script {
    const replay_plan *p;
    int rank, group, first, end; /* its group has the ranks [first, end) */
    text_buffer list;            /* message after message: all that it sends or receives */
    flow sums[EXCHANGE_MAX_BUCKETS];
    flow late;
    text_buffer out;
} script;

/* ---- messages ---- */

static void note(void *context, const message *m)
{
    text_buffer_add_bytes(context, (const char *)m, sizeof *m);
}

static int messages_of(const script *s)
{
    return (int)(s->list.length / sizeof(message));
}

static const message *message_at(const script *s, int i)
{
    return (const message *)(const void *)s->list.text + i;
}

static int tag_of(const message *m)
{
    int kind = m->bucket >= 0                    ? TAG_BUCKET + m->bucket
               : m->bucket == MESSAGE_PARAMETERS ? TAG_PARAMETERS
               : m->bucket == MESSAGE_LATE       ? TAG_LATE
                                                 : TAG_BOARD;
    return kind * ROUNDS + m->round;
}

static int rounds_of(const script *s, int bucket)
{
    int rounds = 0;
    for (int i = 0; i < messages_of(s); i++) {
        const message *m = message_at(s, i);
        if (m->bucket == bucket && m->round >= rounds) rounds = m->round + 1;
    }
    return rounds;
}

typedef enum direction { SENT, RECEIVED } direction;

/* Bytes of a round of a bucket that this rank sends or receives. */
static double bytes_of(const script *s, int bucket, int round, direction d)
{
    double bytes = 0;
    for (int i = 0; i < messages_of(s); i++) {
        const message *m = message_at(s, i);
        if (m->bucket == bucket && m->round == round && (d == SENT) == (m->from == s->rank))
            bytes += (double)m->bytes;
    }
    return bytes;
}

/* ---- actions ---- */

static void compute(script *s, double amount, const char *part)
{
    if (amount > 0) text_buffer_add(&s->out, "%d compute %.0f %s\n", s->rank, amount, part);
}

/* Starts to send or receive the messages of a round of a bucket. */
static void start(script *s, int bucket, int round, direction d)
{
    for (int i = 0; i < messages_of(s); i++) {
        const message *m = message_at(s, i);
        if (m->bucket != bucket || m->round != round || (d == SENT) != (m->from == s->rank))
            continue;
        text_buffer_add(&s->out, "%d %s %d %d %zu\n", s->rank, d == SENT ? "isend" : "irecv",
                        d == SENT ? m->to : m->from, tag_of(m), m->bytes);
    }
}

static void receive_all(script *s, int bucket)
{
    for (int round = 0; round < rounds_of(s, bucket); round++) start(s, bucket, round, RECEIVED);
}

/* Waits until what this rank receives in a round of a bucket is here. */
static void await(script *s, int bucket, int round)
{
    for (int i = 0; i < messages_of(s); i++) {
        const message *m = message_at(s, i);
        if (m->bucket == bucket && m->round == round && m->to == s->rank)
            text_buffer_add(&s->out, "%d wait %d %d %d\n", s->rank, m->from, m->to, tag_of(m));
    }
}

static void await_all(script *s)
{
    text_buffer_add(&s->out, "%d waitall\n", s->rank);
}

/* A barrier of the host: its cost is in the measured computation, so only the waiting is left, by messages of 0 bytes. */
static void barrier(script *s)
{
    const int tag = TAG_BARRIER * ROUNDS;
    const int is_first = s->rank == s->first;
    const char *const verb[] = {is_first ? "recv" : "send", is_first ? "send" : "recv"};
    for (int half = 0; half < 2 && s->end - s->first > 1; half++)
        for (int r = is_first ? s->first + 1 : s->first; r < (is_first ? s->end : s->first + 1);
             r++)
            text_buffer_add(&s->out, "%d %s %d %d 0\n", s->rank, verb[half], r, tag);
}

/* ---- what is computed ---- */

static range leaves_of(const script *s, int rank)
{
    return range_share(s->p->leaves, rank, s->p->cfg->ranks);
}

static int nodes_in(const script *s, range held)
{
    return tree_count(s->p->leaves, held);
}

/* Nodes that the ranks of the own group hold together. */
static int nodes_of_members(const script *s)
{
    int nodes = 0;
    for (int r = s->first; r < s->end; r++) nodes += nodes_in(s, leaves_of(s, r));
    return nodes;
}

/* Floats that are read to merge the group's nodes into the partial sums that this rank sends first. */
static double floats_to_merge(const script *s, int bucket)
{
    int rows = nodes_in(s, (range){leaves_of(s, s->first).lo, leaves_of(s, s->end - 1).hi});
    double sent = bytes_of(s, bucket, 0, SENT) / sizeof(float);
    return rows ? sent / rows * nodes_of_members(s) : 0;
}

static double owned_floats(const script *s)
{
    double floats = 0;
    for (int b = 0; b < s->p->exchange.buckets; b++)
        floats += (double)s->p->slice[b * s->p->cfg->ranks + s->rank].length;
    return floats;
}

static double samples_of(const script *s)
{
    const int grain = (int)s->p->cfg->cfg->grain, batch = (int)s->p->cfg->cfg->batch_size;
    range own = leaves_of(s, s->rank);
    int end = own.hi * grain < batch ? own.hi * grain : batch;
    return end > own.lo * grain ? end - own.lo * grain : 0;
}

/* ---- a step ---- */

static void begin_bucket(script *s, int bucket)
{
    compute(s, floats_to_merge(s, bucket), "merge");
    start(s, bucket, 0, SENT);
    s->sums[bucket].next = 1;
}

/* Floats that are received from the next round of the flow on, until `round` begins. */
static double floats_of_rounds(const script *s, flow *f, int bucket, int round)
{
    double bytes = 0;
    for (; f->rounds < round; f->rounds++) bytes += bytes_of(s, bucket, f->rounds, RECEIVED);
    return bytes / sizeof(float);
}

/* What this rank sends in a round holds what it received in the rounds before. */
static void pass_on(script *s, flow *f, int bucket, int round)
{
    if (round < f->next) return;
    f->next = round + 1;
    if (bytes_of(s, bucket, round, SENT) == 0) return;
    for (int before = f->rounds; before < round; before++) await(s, bucket, before);
    double floats = floats_of_rounds(s, f, bucket, round);
    if (bucket >= 0) compute(s, floats, "merge");
    start(s, bucket, round, SENT);
}

/* The buckets that begin while the rank still computes: those of a rank with one pass. */
static int early_buckets(const script *s)
{
    return samples_of(s) <= s->p->pass_samples ? s->p->m->early_buckets : 0;
}

static void pass_sums_on(script *s, int round)
{
    for (int b = 0; b < s->p->exchange.buckets; b++) pass_on(s, &s->sums[b], b, round);
}

static int most_rounds(const script *s)
{
    int most = 0;
    for (int b = 0; b < s->p->exchange.buckets; b++)
        if (rounds_of(s, b) > most) most = rounds_of(s, b);
    return most;
}

/* Parts of what is computed in one direction, between polls. */
static int polls_of(const script *s)
{
    range own = leaves_of(s, s->rank);
    int polls = (own.hi - own.lo) * s->p->sample_stages;
    return polls > 1 ? polls : 1;
}

/* The poll, counted from 0, in which a round is sent: the rounds before take parts of three quarters of the polls, by the bytes
 * that this rank receives in them. */
static int poll_of(const script *s, int bucket, int round, int polls)
{
    const int last = polls - polls / 4;
    double before = 0, all = 0;
    for (int i = rounds_of(s, bucket); i-- > 0;) {
        double bytes = bytes_of(s, bucket, i, RECEIVED);
        all += bytes;
        if (i < round) before += bytes;
    }
    return all > 0 ? (int)(before / all * last + 0.5) : 0;
}

/* Passes on what is sent in this poll. */
static void poll_bucket(script *s, flow *f, int bucket, int poll, int polls)
{
    while (f->next < rounds_of(s, bucket) && poll_of(s, bucket, f->next, polls) <= poll)
        pass_on(s, f, bucket, f->next);
}

/* The part of the forward pass in which late parameters of the step before arrive, and their packed forms. */
static void forward_first(script *s)
{
    const double amount = samples_of(s) * s->p->first_flop;
    const int rounds = rounds_of(s, MESSAGE_LATE), polls = polls_of(s);
    for (int poll = 0; poll < polls; poll++) {
        poll_bucket(s, &s->late, MESSAGE_LATE, poll, polls);
        compute(s, amount / polls, "forward");
    }
    while (s->late.next < rounds) pass_on(s, &s->late, MESSAGE_LATE, s->late.next);
    for (; s->late.rounds < rounds; s->late.rounds++) await(s, MESSAGE_LATE, s->late.rounds);
    barrier(s);
    compute(s, s->p->late_packed / (s->end - s->first), "prepare");
    barrier(s);
}

/* Forward and backward pass, between the polls of which the sums of early buckets are passed on. */
static void own_gradients(script *s)
{
    const replay_plan *p = s->p;
    const double samples = samples_of(s), amount = samples * (p->flop - p->early_flop);
    const int early = early_buckets(s), polls = early ? polls_of(s) : 1;
    for (int b = 0; b < p->exchange.buckets; b++) receive_all(s, b);
    if (p->defers) forward_first(s);
    compute(s, samples * (p->early_flop - p->first_flop), "forward");
    for (int b = 0; b < early; b++) begin_bucket(s, b);
    for (int poll = 0; poll < polls; poll++) {
        for (int b = 0; b < early; b++) poll_bucket(s, &s->sums[b], b, poll, polls);
        compute(s, amount / polls, "backward");
    }
    barrier(s);
    for (int b = early; b < p->exchange.buckets; b++) begin_bucket(s, b);
}

/* Sums that are still to be passed on, and at last those that this rank owns. */
static void sum_slices(script *s)
{
    const int buckets = s->p->exchange.buckets;
    const int rounds = most_rounds(s);
    double left = 0;
    for (int round = 1; round < rounds; round++) pass_sums_on(s, round);
    await_all(s);
    for (int b = 0; b < buckets; b++) left += floats_of_rounds(s, &s->sums[b], b, rounds);
    compute(s, left + owned_floats(s) * nodes_of_members(s), "sum");
}

/* Each round of the vote is sent when the rounds before are here. */
static void vote(script *s)
{
    flow f = {0};
    receive_all(s, MESSAGE_BOARD);
    for (int round = 0; round < rounds_of(s, MESSAGE_BOARD); round++)
        pass_on(s, &f, MESSAGE_BOARD, round);
    await_all(s);
    barrier(s);
}

/* The parameters of the step before; late ones begin when the others are here. */
static void publish(script *s)
{
    const int rounds = rounds_of(s, MESSAGE_PARAMETERS);
    flow f = {0};
    s->late = f;
    receive_all(s, MESSAGE_PARAMETERS);
    receive_all(s, MESSAGE_LATE);
    for (int round = 0; round < rounds; round++) pass_on(s, &f, MESSAGE_PARAMETERS, round);
    for (; f.rounds < rounds; f.rounds++) await(s, MESSAGE_PARAMETERS, f.rounds);
    barrier(s);
    pass_on(s, &s->late, MESSAGE_LATE, 0);
    compute(s, (s->p->packed - s->p->late_packed) / (s->end - s->first), "prepare");
    barrier(s);
}

static void step(script *s)
{
    publish(s);
    own_gradients(s);
    sum_slices(s);
    barrier(s);
    vote(s);
    compute(s, owned_floats(s), "update");
}

/* ---- */

static void count_messages(const script *s, replay_count *count)
{
    int64_t messages = 0, bytes = 0;
    for (int i = 0; i < messages_of(s); i++) {
        const message *m = message_at(s, i);
        if (m->from != s->rank) continue;
        messages++;
        bytes += (int64_t)m->bytes;
        if (m->bucket != MESSAGE_BOARD) count->exchange_bytes += (int64_t)m->bytes;
    }
    count->messages += messages;
    count->bytes += bytes;
    if (messages > count->most_messages) count->most_messages = messages;
    if (bytes > count->most_bytes) count->most_bytes = bytes;
}

text_buffer replay_rank(const replay_plan *p, int rank, replay_count *count)
{
    script s = {.p = p, .rank = rank};
    while (p->group_start[s.group + 1] <= rank) s.group++;
    s.first = p->group_start[s.group];
    s.end = p->group_start[s.group + 1];
    messages_list(&p->exchange, p->group_start, p->groups, p->leaves, rank, note, &s.list);
    messages_of_allgather(p->group_start, p->groups, step_vote_bytes(), rank, note, &s.list);
    count_messages(&s, count);
    text_buffer_add(&s.out, "%d init\n", rank);
    size_t begin = s.out.length;
    step(&s);
    size_t length = s.out.length - begin;
    char *lines = memory_take(length + 1);
    memcpy(lines, s.out.text + begin, length);
    for (int i = 1; i < p->cfg->steps; i++) text_buffer_add_bytes(&s.out, lines, length);
    memory_free(lines);
    text_buffer_add(&s.out, "%d finalize\n", rank);
    text_buffer_free(&s.list);
    return s.out;
}
