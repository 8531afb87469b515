/* The distributed step has the bits of a serial twin, on every layout; each rank does its share and no more; a step that
 * is not finite on one rank is applied on none. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/denormals.h"
#include "base/team.h"
#include "train/evaluator.h"
#include "train/step.h"
#include "train_twin.h"
#include "unit/data_files.h"
#include "data/synthetic.h"

enum {
    STEPS = 8,
    MAX_RANKS = 8,
    VALIDATION = 67,
    CLASSES = 10,
    ROW = 16 /* floats of a line of a message */
};

/* A batch, and as many training samples as make a last batch that is smaller. */
typedef struct plan {
    int batch, grain, training;
    const char *options; /* NAME=VALUE, with | between them */
} plan;

static const plan plans[] = {
    {128, 8, 2 * 128 + 14, ""}, /* the last batch has 2 leaves                        */
    {32, 8, 3 * 32 + 3, ""},    /* 4 leaves, fewer than 8 ranks; the last batch has 1 */
    {100, 8, 2 * 100 + 45, ""}, /* the last leaf of a batch is not full               */
    {100, 3, 3 * 100 + 5, ""},  /* 34 leaves; the last batch is smaller than 8 ranks  */
    {1500, 64, 1500 + 300, "model=flatten; dense 10"}, /* passes of 8 leaves: 3 on one rank */
    {100, 8, 2 * 100 + 45, "augment=shift 2; rotate 10; scale 0.1; erase 6"},
};

#define SMALL "model=conv2d 8 3 relu; maxpool 2; flatten; dense 10|" /* two buckets */
#define WIDE                                                                                       \
    "model=flatten; dense 700 relu; dense 10|" /* 552 blocks: norms of a half take two allgathers */

#define JOINT                                                                                      \
    "model=flatten; dense 128 relu; dense 10|" /* ranks that share memory form a kernel's rows */

static const plan updates[] = {
    {100, 8, 2 * 100 + 45, SMALL "optimizer=sgd|weight-decay=0.01|clip-norm=0.01"},
    {100, 8, 2 * 100 + 45, SMALL "optimizer=momentum|schedule=step 3steps 0.5|warmup=2steps"},
    {100, 8, 2 * 100 + 45, SMALL "optimizer=nesterov|schedule=one-cycle|epochs=3|clip-norm=0.5"},
    {100, 8, 2 * 100 + 45, SMALL "optimizer=rmsprop|momentum=0.9|clip-norm=0.5"},
    {100, 8, 2 * 100 + 45, SMALL "optimizer=adam|schedule=linear 0.1|lr-scaling=sqrt"},
    {100, 8, 2 * 100 + 45, SMALL "optimizer=adamw|schedule=cosine|label-smoothing=0.1"},
    {100, 8, 2 * 100 + 45, SMALL "optimizer=adamax|weight-decay=0.01"},
    {100, 8, 2 * 100 + 45, SMALL "optimizer=lars|weight-decay=0.001"},
    {100, 8, 2 * 100 + 45, SMALL "optimizer=lamb|weight-decay=0.01|clip-norm=0.1"},
    {32, 8, 3 * 32 + 3, WIDE "optimizer=lamb"},
    {100, 8, 2 * 100 + 45, JOINT "optimizer=lamb|weight-decay=0.01|clip-norm=0.1"},
    {32, 8, 3 * 32 + 3, JOINT "optimizer=momentum|gemm=blis"},
};

static const plan recurrences[] = {
    {60, 8, 2 * 60 + 13, "model=simple_rnn 33; dense 10"},
    {60, 8, 2 * 60 + 13, "model=simple_rnn 64; dense 10"},
    {60, 8, 2 * 60 + 13, "model=lstm 32; dense 10"},
    {60, 8, 2 * 60 + 13, "model=lstm 24 sequence; gru 17; dense 10|gemm=blis"},
};

typedef struct layout {
    int sharing, threads;
} layout;

typedef enum sharing { SHARED, APART, PAIRS, SHARINGS } sharing;
static const char *const sharing_name[SHARINGS] = {"auto", "off", "pairs"};
static const layout layouts[] = {{SHARED, 1}, {SHARED, 2}, {APART, 1}, {PAIRS, 2}};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static folder data; /* what all ranks read */

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- data: a few of the synthetic digits; to draw all would take each session some time ---- */

enum { IMAGE = SYNTHETIC_SIDE * SYNTHETIC_SIDE, TRAIN = 2048, TEST = 8 };

static void write_digits(synthetic_set which, const char *images, const char *labels, int count)
{
    static uint8_t pixels[16 + TRAIN * IMAGE], digits[8 + TRAIN];
    uint32_t head[] = {0x803, (uint32_t)count, SYNTHETIC_SIDE, SYNTHETIC_SIDE};
    for (int i = 0; i < 4; i++) put_big_endian(pixels + 4 * i, head[i]);
    put_big_endian(digits, 0x801);
    put_big_endian(digits + 4, head[1]);
    for (int i = 0; i < count; i++)
        digits[8 + i] = (uint8_t)synthetic_draw(1, which, i, pixels + 16 + i * IMAGE);
    file_write(&data, images, pixels, (size_t)(16 + count * IMAGE));
    file_write(&data, labels, digits, (size_t)(8 + count));
}

static void make_data(comm *c)
{
    if (comm_get_layout(c)->rank == 0) {
        data = folder_make();
        write_digits(SYNTHETIC_TRAIN, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", TRAIN);
        write_digits(SYNTHETIC_TEST, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", TEST);
    }
    comm_broadcast(c, &data, sizeof data);
}

/* ---- sessions ---- */

static void set(settings *cfg, const char *name, const char *format, int value)
{
    char text[64];
    failure why;
    (void)snprintf(text, sizeof text, format, value);
    if (settings_set(cfg, name, text, &why)) print_error("%s\n", why.text), abort();
}

static void set_all(settings *cfg, const char *options)
{
    while (*options) {
        char name[64], value[256];
        size_t length = strcspn(options, "|");
        assert_int_equal(sscanf(options, "%63[^=]=%255[^|]", name, value), 2);
        set(cfg, name, value, 0);
        options += length + (options[length] == '|');
    }
}

static settings settings_of(const plan *p)
{
    settings cfg = settings_default();
    (void)snprintf(cfg.data, sizeof cfg.data, "%s", data.path);
    set(&cfg, "classes", "10", 0);
    set(&cfg, "limit", "%d", p->training + VALIDATION);
    set(&cfg, "batch-size", "%d", p->batch);
    set(&cfg, "grain", "%d", p->grain);
    /* The way whose bytes have the closed form below. tests/mpi/comm_exchange.c counts those of sums by halves. */
    set(&cfg, "exchange", "direct", 0);
    set_all(&cfg, p->options);
    cfg.validation_split = ((double)VALIDATION - 0.5) / (p->training + VALIDATION);
    return cfg;
}

static stepper *open_session(session *s, settings cfg, sharing how, int threads)
{
    failure why;
    comm_cfg ranks = comm_cfg_default();
    ranks.cores = 1;
    if (how == APART) ranks.sharing = COMM_SHARE_OFF;
    if (how == PAIRS) ranks.group_size = 2;
    *s = (session){.step = 0};
    status code = settings_resolve(&cfg, &why);
    session_cfg open = {.cfg = cfg, .c = comm_open(&ranks), .threads = threads, .cores = 1};
    if (!code) code = session_open(s, &open, &why);
    if (code) print_error("%s\n", why.text), abort();
    return step_new(s);
}

static void close_session(session *s)
{
    session_close(s);
    comm_close(s->c);
}

/* ---- what the layout must be ---- */

static void check_layout(const session *s, sharing how, int threads)
{
    const comm_layout *l = s->layout;
    int width = how == SHARED ? l->ranks : how == APART ? 1 : smaller(2, l->ranks);
    const char *launched = getenv("OMPI_COMM_WORLD_SIZE");
    if (!launched) launched = getenv("PMI_SIZE"); /* of MPICH's launcher */
    if (launched) assert_int_equal(l->ranks, atoi(launched));
    assert_int_equal(l->groups, (l->ranks + width - 1) / width);
    assert_int_equal(l->group, l->rank / width);
    assert_int_equal(l->group_ranks, smaller(width, l->ranks - l->group * width));
    assert_string_equal(l->sharing_note, "");
    assert_int_equal(s->threads, threads);
    assert_int_equal(team_threads(), threads);
    int one_memory = l->ranks > 1 && l->groups == 1 && s->cfg.reduce == REDUCE_TREE;
    assert_int_equal(s->joint, one_memory && s->m.joint_bucket >= 0);
}

/* ---- what must travel: the closed form of comm/exchange.h ---- */

typedef struct slices {
    span of[MAX_RANKS][MODEL_BUCKETS];
} slices;

static void gather_slices(const session *s, slices *all)
{
    span own[MODEL_BUCKETS] = {{0, 0}};
    for (int b = 0; b < s->m.buckets; b++) own[b] = exchange_slice(s->x, b);
    comm_allgather(s->c, own, sizeof own, all->of);
}

/* Nodes that the ranks [first, first + ranks) are left with when they have summed what they can. */
static int nodes_of(const session *s, int leaves, int first, int ranks)
{
    int parts = s->layout->ranks;
    tree_node held[TREE_MAX_NODES],
        own = {leaves * first / parts, leaves * (first + ranks) / parts};
    return tree_maximal(leaves, own, held);
}

static comm_traffic traffic_of(const session *s, const slices *all, int leaves)
{
    const comm_layout *l = s->layout;
    int rows = nodes_of(s, leaves, l->group_first, l->group_ranks), foreign = 0;
    int width = l->group == 0 ? l->group_ranks : l->group_first / l->group;
    size_t sent = 0, read = 0;
    for (int r = l->group_first; r < l->group_first + l->group_ranks; r++)
        if (r != l->rank) foreign += nodes_of(s, leaves, r, 1);
    for (int b = 0; b < s->m.buckets; b++) {
        if (s->joint && b == s->m.joint_bucket) continue; /* no partials: model/executor.h */
        size_t own = all->of[l->rank][b].length;
        read += own * (size_t)foreign;
        sent += own * (size_t)(l->groups - 1);
        for (int r = 0; r < l->ranks;
             r++) { /* owners in other groups to whom this rank sends partials */
            if (r / width == l->group || r % width % l->group_ranks != l->group_rank) continue;
            size_t theirs = all->of[r][b].length;
            sent += (theirs + ROW - 1) / ROW * ROW * (size_t)rows;
            if (rows > 0) read += theirs * (size_t)foreign;
        }
    }
    return (comm_traffic){(int64_t)(sizeof(float) * sent), (int64_t)(sizeof(float) * read)};
}

/* ---- steps ---- */

/* Runs step `step` of the run and checks that every rank did its share. */
static void checked_step(stepper *p, const slices *all, int step)
{
    const session *s = p->s;
    const comm_layout *l = s->layout;
    int steps = sampler_steps(&s->order), batch = (int)s->cfg.batch_size;
    int of_epoch = step % steps, grain = (int)s->cfg.grain;
    int samples = smaller(batch, s->training.count - of_epoch * batch);
    int leaves = (samples + grain - 1) / grain;
    comm_traffic before = comm_get_traffic(s->c), want = traffic_of(s, all, leaves);
    step_result r = step_run(p, step / steps, of_epoch, 0);
    comm_traffic after = comm_get_traffic(s->c);
    assert_true(r.finite);
    assert_int_equal(r.samples, samples);
    assert_int_equal(r.leaves, leaves);
    assert_int_equal(r.own.lo, leaves * l->rank / l->ranks);
    assert_int_equal(r.own.hi, leaves * (l->rank + 1) / l->ranks);
    int64_t seen = smaller(r.own.hi * grain, samples) - smaller(r.own.lo * grain, samples);
    comm_sum(s->c, &seen, 1);
    assert_int_equal(seen, samples);
    /* Which rank of a group passes its sums on follows from their bytes: what all ranks send together is known. */
    int64_t sent[] = {after.sent_bytes - before.sent_bytes, want.sent_bytes};
    comm_sum(s->c, sent, 2);
    assert_int_equal(sent[0], sent[1]);
    if (l->groups == 1) assert_int_equal(after.read_bytes - before.read_bytes, want.read_bytes);
    assert_int_equal(s->step, step + 1);
}

static void check_state(const stepper *p, const twin *t)
{
    const session *s = p->s;
    const updater *u = p->u;
    SAME_BITS(s->parameters, t->parameters, s->m.slab_length);
    for (int i = 0; i < u->slots; i++)
        for (int b = 0; b < s->m.buckets; b++) {
            span slice = exchange_slice(s->x, b);
            SAME_BITS(u->slot[i] + u->slice_offset[b], t->slots[i] + slice.offset, slice.length);
        }
}

/* Shares, sums, predictions of an evaluation, on all ranks and on the root. */
static void check_evaluation(session *s, twin *t)
{
    const comm_layout *l = s->layout;
    const dataset_split *held = &s->validation;
    uint8_t predicted[2][VALIDATION] = {{0}};
    float p[2][VALIDATION * CLASSES] = {{0}};
    loss_sums want = twin_evaluate(t, held);
    assert_int_equal(held->count, VALIDATION);
    for (int where = EVAL_ON_ALL; where <= EVAL_ON_ROOT; where++) {
        s->cfg.eval_on = where;
        evaluation e = evaluator_run(s, held, predicted[where], p[where]);
        int lo = VALIDATION * l->rank / l->ranks, hi = VALIDATION * (l->rank + 1) / l->ranks;
        int on_root = l->rank == 0 ? VALIDATION : 0;
        assert_int_equal(e.seen, where == EVAL_ON_ROOT ? on_root : hi - lo);
        assert_int_equal(e.count, VALIDATION);
        assert_int_equal(e.nonfinite, 0);
        assert_true(e.loss == (double)want.loss * 0x1p-32 / VALIDATION);
        assert_true(e.accuracy == (double)want.correct / VALIDATION);
    }
    s->cfg.eval_on = EVAL_ON_ALL;
    assert_memory_equal(predicted[0], predicted[1], VALIDATION);
    SAME_BITS(p[0], p[1], VALIDATION * CLASSES);
    for (int i = 0; i < VALIDATION && l->rank == 0; i++) { /* every sample is in its place */
        const float *row = p[0] + i * CLASSES;
        float largest = row[predicted[0][i]], sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            assert_true(row[c] <= largest);
            sum += row[c];
        }
        assert_true(fabsf(sum - 1) < 1e-5f);
    }
}

/* ---- tests ---- */

static void check_layouts_of(const plan *p)
{
    session s;
    slices all = {0};
    twin t;
    for (int i = 0; i < LAYOUTS; i++) {
        sharing how = (sharing)layouts[i].sharing;
        int threads = layouts[i].threads;
        CASE("batch %d grain %d %s sharing %s threads %d", p->batch, p->grain, p->options,
             sharing_name[how], threads);
        stepper *own = open_session(&s, settings_of(p), how, threads);
        check_layout(&s, how, threads);
        assert_int_equal(s.training.count, p->training);
        gather_slices(&s, &all);
        for (int step = 0; step < STEPS; step++) checked_step(own, &all, step);
        if (i == 0) { /* the same for all layouts */
            twin_open(&t, own, TWIN_TREE);
            while (t.step < STEPS) twin_step(&t);
            check_evaluation(&s, &t);
        }
        check_state(own, &t);
        close_session(&s);
    }
    twin_close(&t);
}

static void a_batch_of_whole_leaves(void **state)
{
    (void)state;
    check_layouts_of(&plans[0]);
}

static void a_batch_of_few_leaves(void **state)
{
    (void)state;
    check_layouts_of(&plans[1]);
}

static void a_last_leaf_that_is_not_full(void **state)
{
    (void)state;
    check_layouts_of(&plans[2]);
}

static void small_leaves_and_a_tiny_last_batch(void **state)
{
    (void)state;
    check_layouts_of(&plans[3]);
}

static void augmented_images(void **state)
{
    (void)state;
    check_layouts_of(&plans[4]);
}

static void optimizers_and_schedules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) check_layouts_of(&updates[i]);
}

static void recurrent_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recurrences / sizeof *recurrences; i++)
        check_layouts_of(&recurrences[i]);
}

/* The comparison can fail: leaves summed one after another have other bits. */
static void another_order_of_sums_is_seen(void **state)
{
    (void)state;
    session s;
    twin t;
    stepper *p = open_session(&s, settings_of(&plans[0]), SHARED, 1);
    for (int step = 0; step < STEPS; step++) step_run(p, step / 3, step % 3, 0);
    twin_open(&t, p, TWIN_FROM_LEFT);
    while (t.step < STEPS) twin_step(&t);
    size_t differ = 0;
    for (size_t i = 0; i < s.m.slab_length; i++)
        differ += check_bits_of(s.parameters[i]) != check_bits_of(t.parameters[i]);
    assert_true(differ > s.m.slab_length / 10);
    twin_close(&t);
    close_session(&s);
}

/* Only the last rank sees a NaN: no rank updates, the step can be run again, and the run has the bits of one without the
 * NaN. */
static void one_ranks_nan_stops_all(void **state)
{
    (void)state;
    session s;
    twin t;
    stepper *p = open_session(&s, settings_of(&plans[0]), APART, 1); /* parameters of its own */
    size_t bytes = s.m.slab_length * sizeof(float);
    float *kept = arena_take(&s.memory, bytes),
          *weight = s.parameters + s.m.layer[0].tensor[0].at.offset;
    int last = s.layout->rank == s.layout->ranks - 1;
    step_run(p, 0, 0, 0);
    memcpy(kept, s.parameters, bytes);
    if (last) *weight = (float)NAN;
    session_prepare(&s);
    step_result r = step_run(p, 0, 1, 0);
    assert_false(r.finite);
    assert_true(r.nonfinite >= (r.own.hi > r.own.lo && last));
    assert_int_equal(s.step, 1);
    if (last) *weight = kept[s.m.layer[0].tensor[0].at.offset];
    SAME_BITS(s.parameters, kept, s.m.slab_length);
    session_prepare(&s);
    assert_true(step_run(p, 0, 1, 0).finite);
    twin_open(&t, p, TWIN_TREE);
    while (t.step < 2) twin_step(&t);
    check_state(p, &t);
    twin_close(&t);
    close_session(&s);
}

static void a_run_that_diverges_stops_everywhere(void **state)
{
    (void)state;
    for (int how = 0; how < SHARINGS; how++) {
        CASE("sharing %s", sharing_name[how]);
        session s;
        settings cfg = settings_of(&plans[1]);
        set(&cfg, "optimizer", "sgd", 0);
        cfg.learning_rate = 1e30;
        stepper *p = open_session(&s, cfg, (sharing)how, 2);
        size_t bytes = s.m.slab_length * sizeof(float);
        float *kept = arena_take(&s.memory, bytes);
        int64_t applied = 0;
        int finite = 1;
        for (int step = 0; finite && step < 4; step++) {
            memcpy(kept, s.parameters, bytes);
            finite = step_run(p, 0, step, 0).finite;
            applied += finite;
        }
        assert_false(finite);
        assert_int_equal(s.step, applied);
        SAME_BITS(s.parameters, kept, s.m.slab_length);
        int64_t sum = applied;
        comm_sum(s.c, &sum, 1);
        assert_int_equal(sum, applied * s.layout->ranks);
        close_session(&s);
    }
}

/* Waiting threads sleep, since there are more threads than cores here. libgomp reads the variable before main begins. */
static void begin_again_with_patience(char **argv)
{
    if (getenv("OMP_WAIT_POLICY")) return;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_of_whole_leaves),
        cmocka_unit_test(a_batch_of_few_leaves),
        cmocka_unit_test(a_last_leaf_that_is_not_full),
        cmocka_unit_test(small_leaves_and_a_tiny_last_batch),
        cmocka_unit_test(augmented_images),
        cmocka_unit_test(optimizers_and_schedules),
        cmocka_unit_test(recurrent_models),
        cmocka_unit_test(another_order_of_sums_is_seen),
        cmocka_unit_test(one_ranks_nan_stops_all),
        cmocka_unit_test(a_run_that_diverges_stops_everywhere),
    };
    /* a rank that fails ends all, so that the others do not wait for it */
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    begin_again_with_patience(argv);
    denormals_flush();
    comm_start(&argc, &argv, 1);
    comm_cfg cfg = comm_cfg_default();
    comm *keeper = comm_open(&cfg); /* MPI ends with the last comm */
    make_data(keeper);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_barrier(keeper);
    if (comm_get_layout(keeper)->rank == 0) folder_remove(&data);
    comm_close(keeper);
    return failed;
}
