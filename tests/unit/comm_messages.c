/* messages_list: layouts worked out by hand, and what must hold for all. */
#include "check.h"

#include "comm/messages.h"

enum { MOST = 4096, FLOAT = sizeof(float) };

static message seen[MOST];
static int count;

static void note(void *context, const message *m)
{
    (void)context;
    assert_true(count < MOST);
    seen[count++] = *m;
}

static const size_t block_start[] = {0, 16, 48, 64, 100};

/* A bucket of three blocks, and one of two. */
static exchange_cfg two_buckets(void)
{
    return (exchange_cfg){.length = 132,
                          .buckets = 2,
                          .bucket = {{0, 64}, {64, 68}},
                          .block_start = block_start,
                          .blocks = 5,
                          .steps = {{16}, 1, 64}};
}

static void assert_message(message got, message want)
{
    assert_int_equal(got.from, want.from);
    assert_int_equal(got.to, want.to);
    assert_int_equal(got.bucket, want.bucket);
    assert_int_equal(got.round, want.round);
    assert_int_equal(got.bytes, want.bytes);
}

/* Rank 0 owns 16 floats of bucket 0 and 36 of bucket 1; rank 1 owns 48 and 32. */
static void two_hosts_of_one_rank(void **state)
{
    (void)state;
    const int start[] = {0, 1, 2};
    const exchange_cfg cfg = two_buckets();
    /* what rank 0 lists; rank 1 lists the same, but first what it sends */
    const message want[] = {{0, 1, 0, 0, 48 * FLOAT},  {1, 0, 0, 0, 16 * FLOAT},
                            {0, 1, 1, 0, 32 * FLOAT},  {1, 0, 1, 0, 48 * FLOAT},
                            {0, 1, -1, 0, 16 * FLOAT}, {1, 0, -1, 0, 48 * FLOAT},
                            {0, 1, -1, 0, 36 * FLOAT}, {1, 0, -1, 0, 32 * FLOAT}};
    for (int rank = 0; rank < 2; rank++) {
        count = 0;
        messages_list(&cfg, start, 2, 16, rank, note, NULL);
        assert_int_equal(count, 8);
        for (int i = 0; i < 8; i++) assert_message(seen[i], want[i ^ rank]);
    }
}

/* Late parameters have messages of their own, in both ways; bytes and partial sums are as without. */
static void late_parameters_go_alone(void **state)
{
    (void)state;
    const int start[] = {0, 1, 2};
    const message direct[] = {{0, 1, 0, 0, 48 * FLOAT},  {1, 0, 0, 0, 16 * FLOAT},
                              {0, 1, 1, 0, 32 * FLOAT},  {1, 0, 1, 0, 48 * FLOAT},
                              {0, 1, -3, 0, 16 * FLOAT}, {1, 0, -3, 0, 48 * FLOAT},
                              {0, 1, -1, 0, 36 * FLOAT}, {1, 0, -1, 0, 32 * FLOAT}};
    for (exchange_way way = EXCHANGE_DIRECT; way <= EXCHANGE_HALVING; way++) {
        exchange_cfg cfg = two_buckets();
        cfg.way = way;
        cfg.late = 1;
        count = 0;
        messages_list(&cfg, start, 2, 16, 0, note, NULL);
        assert_int_equal(count, 8);
        for (int i = 0; i < 8; i++) assert_message(seen[i], direct[i]);
        cfg.late = 0;
        count = 0;
        messages_list(&cfg, start, 2, 16, 0, note, NULL);
        assert_int_equal(count, way == EXCHANGE_DIRECT ? 8 : 6);
        for (int i = 4; i < count; i++) assert_int_equal(seen[i].bucket, MESSAGE_PARAMETERS);
    }
}

static void one_host_sends_nothing(void **state)
{
    (void)state;
    const int start[] = {0, 4};
    const exchange_cfg cfg = two_buckets();
    count = 0;
    for (int rank = 0; rank < 4; rank++) messages_list(&cfg, start, 1, 16, rank, note, NULL);
    assert_int_equal(count, 0);
}

/* ---- the CNN on many hosts ---- */

enum {
    MAX_HOSTS = 512,
    BLOCK = 1024,
    CONVOLUTIONS = 19,
    DENSE = 202,
    BLOCKS = CONVOLUTIONS + DENSE
};

/* Two buckets: the dense layers, which are ready first, and the convolutions. */
static exchange_cfg cnn(exchange_way way, int leaves, size_t *block)
{
    for (int i = 0; i < BLOCKS; i++) block[i] = (size_t)i * BLOCK;
    return (exchange_cfg){
        .way = way,
        .length = BLOCKS * BLOCK,
        .buckets = 2,
        .bucket = {{CONVOLUTIONS * BLOCK, DENSE * BLOCK}, {0, CONVOLUTIONS * BLOCK}},
        .late = 1,
        .block_start = block,
        .blocks = BLOCKS,
        .steps = {{leaves}, 1, 64}};
}

/* What a rank sends and receives in a step, and the longest chain of messages that wait for each other. */
typedef struct load {
    int rank, sent, received, rounds;
    size_t sent_bytes, received_bytes;
} load;

static void add_to_load(void *context, const message *m)
{
    load *l = context;
    assert_true(m->from == l->rank || m->to == l->rank);
    int mine = m->from == l->rank;
    l->sent += mine;
    l->received += !mine;
    if (mine) l->sent_bytes += m->bytes;
    if (!mine) l->received_bytes += m->bytes;
    if (m->round >= l->rounds) l->rounds = m->round + 1;
}

static void raise_to(size_t *most, size_t value)
{
    if (value > *most) *most = value;
}

typedef struct most {
    size_t messages, bytes, rounds, all_bytes;
} most;

/* The most of one of `hosts` ranks, one on each host; a leaf count of 16 for each is 128 images. */
static most cnn_on(int hosts, exchange_way way, int leaves)
{
    static int start[MAX_HOSTS + 1];
    size_t block[BLOCKS];
    const exchange_cfg cfg = cnn(way, leaves, block);
    most m = {0};
    size_t sent = 0, received = 0;
    for (int g = 0; g <= hosts; g++) start[g] = g;
    for (int r = 0; r < hosts; r++) {
        load l = {.rank = r};
        messages_list(&cfg, start, hosts, leaves, r, add_to_load, &l);
        raise_to(&m.messages, (size_t)(l.sent + l.received));
        raise_to(&m.bytes, l.sent_bytes);
        raise_to(&m.bytes, l.received_bytes);
        raise_to(&m.rounds, (size_t)l.rounds);
        sent += l.sent_bytes;
        received += l.received_bytes;
    }
    assert_int_equal(sent, received);
    m.all_bytes = sent;
    return m;
}

/* The table of docs/architecture.md: messages that the busiest rank sends and receives, its kilobytes either way, rounds of
 * the partial sums of a bucket. */
static void messages_grow_with_the_logarithm_of_the_hosts(void **state)
{
    (void)state;
    static const struct {
        int hosts, messages[2], kilobytes[2], rounds;
    } rows[] = {{2, {8, 8}, {905, 905}, 1},
                {8, {56, 32}, {1617, 1601}, 2},
                {64, {414, 70}, {2174, 1945}, 3},
                {256, {1458, 86}, {2985, 1921}, 4},
                {512, {2482, 88}, {5083, 1871}, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int hosts = rows[i].hosts, leaves = 16 * hosts;
        size_t bytes[2];
        for (int halves = 0; halves < 2; halves++) {
            CASE("%d hosts, halves %d", hosts, halves);
            most m = cnn_on(hosts, halves ? EXCHANGE_HALVING : EXCHANGE_DIRECT, leaves);
            assert_int_equal(m.messages, rows[i].messages[halves]);
            assert_int_equal(m.bytes / 1000, rows[i].kilobytes[halves]);
            assert_int_equal(m.rounds, halves ? rows[i].rounds : 1);
            bytes[halves] = m.all_bytes;
        }
        assert_int_equal(bytes[0], bytes[1]); /* no byte is sent in vain */
    }
}

static int halves(int hosts, int leaves, int scale)
{
    static int start[MAX_HOSTS + 1];
    size_t block[BLOCKS];
    exchange_cfg cfg = cnn(EXCHANGE_AUTO, leaves, block);
    cfg.bucket[0].length *= (size_t)scale;
    cfg.length *= (size_t)scale;
    load automatic = {.rank = 1}, direct = automatic;
    for (int g = 0; g <= hosts; g++) start[g] = g;
    messages_list(&cfg, start, hosts, leaves, 1, add_to_load, &automatic);
    cfg.way = EXCHANGE_DIRECT;
    messages_list(&cfg, start, hosts, leaves, 1, add_to_load, &direct);
    return automatic.sent != direct.sent;
}

static void few_hosts_send_directly_and_many_by_halves(void **state)
{
    (void)state;
    for (int hosts = 2; hosts <= 5; hosts++) assert_false(halves(hosts, 16 * hosts, 1));
    for (int hosts = 8; hosts <= MAX_HOSTS; hosts *= 2) assert_true(halves(hosts, 16 * hosts, 1));
    assert_true(halves(12, 16 * 12, 1));
    assert_true(halves(100, 256, 1));
    /* If hosts share the leaves unevenly, halving sends more bytes. They count in a large model. */
    assert_false(halves(12, 256, 10));
    assert_false(halves(100, 256, 100));
    assert_true(halves(128, 256, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hosts_of_one_rank),
        cmocka_unit_test(late_parameters_go_alone),
        cmocka_unit_test(one_host_sends_nothing),
        cmocka_unit_test(messages_grow_with_the_logarithm_of_the_hosts),
        cmocka_unit_test(few_hosts_send_directly_and_many_by_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
