/* unit/optim_rows.c - every optimiser's row: complete, with the defaults of Keras, and its step is its twin's. */
#include "check.h"

#include "optim/optimizer.h"
#include "reference/update.h"
#include "reference/values.h"

enum { LENGTH = UPDATE_REF_LENGTH, MOST_TABLES = 3 };

static const double EPS = 0x1p-24;

/* ---- a row has what it needs ---- */

/* What is wrong with a row, or NULL. */
static const char *defect(const optimizer_type *row)
{
    const optimizer_cfg *d = &row->defaults;
    optimizer_cfg cfg = optimizer_cfg_default(row);
    failure why;
    if (!row->name || !row->name[0] || !row->file_name || !row->file_name[0]) return "no name";
    if (!row->update == !row->follow) return "update or follow, one of the two";
    if (!row->trust != !row->follow) return "trust and follow, or none of the two";
    if (row->direction && !row->follow) return "direction without follow";
    if (!row->slot[0] && row->slot[1]) return "a gap before the second slot";
    if (row->momentum_slot && !(row->uses & USES_MOMENTUM)) return "a slot of no momentum";
    if (row->momentum_slot && row->slot[OPTIMIZER_MAX_SLOTS - 1]) return "too many slots";
    if (!(row->uses & USES_MOMENTUM) && d->momentum != 0) return "an unused momentum";
    if (!(row->uses & USES_BETA1) && d->beta1 != 0) return "an unused beta1";
    if (!(row->uses & USES_BETA2) && d->beta2 != 0) return "an unused beta2";
    if (!(row->uses & USES_EPSILON) && d->epsilon != 0) return "an unused epsilon";
    return optimizer_check(&cfg, &why) ? "defaults out of range" : NULL;
}

static void each_row_is_complete(void **state)
{
    (void)state;
    const optimizer_type *row, *found;
    failure why;
    int i = 0;
    for (; (row = optimizer_row(i)); i++) {
        CASE("row %d", i);
        if (defect(row)) print_error("%s\n", defect(row));
        assert_null(defect(row));
        assert_string_equal(optimizer_name(i), row->name);
        assert_int_equal(optimizer_named(row->name, &found, &why), STATUS_OK);
        assert_ptr_equal(found, row); /* so no two rows have one name */
    }
    assert_true(i > 0);
    assert_null(optimizer_name(i));
}

static void step_nothing(const optimizer_cfg *cfg, const optimizer_part *p)
{
    (void)cfg, (void)p;
}

static double trust_one(const optimizer_cfg *cfg, double w_norm, double g_norm)
{
    (void)cfg, (void)w_norm, (void)g_norm;
    return 1;
}

static void follow_nothing(const optimizer_cfg *cfg, double trust, const optimizer_part *p)
{
    (void)cfg, (void)trust, (void)p;
}

/* The check above can fail. */
static void incomplete_rows_are_seen(void **state)
{
    (void)state;
    const optimizer_type good = {.name = "new",
                                 .file_name = "new",
                                 .uses = USES_MOMENTUM,
                                 .defaults = {.learning_rate = 0.1, .momentum = 0.5},
                                 .momentum_slot = "momentum",
                                 .update = step_nothing};
    optimizer_type bad[16];
    int count = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) bad[i] = good;
    assert_null(defect(&good));
    bad[count++].name = NULL;
    bad[count++].file_name = "";
    bad[count++].update = NULL;
    bad[count++].follow = follow_nothing;
    bad[count++].trust = trust_one;
    bad[count].update = NULL, bad[count++].follow = follow_nothing;
    bad[count].update = NULL, bad[count++].trust = trust_one;
    bad[count++].direction = step_nothing;
    bad[count++].slot[1] = "velocity";
    bad[count].slot[0] = "a", bad[count++].slot[1] = "b";
    bad[count].uses = 0, bad[count++].defaults.momentum = 0;
    bad[count].uses = 0, bad[count++].momentum_slot = NULL;
    bad[count++].defaults.beta1 = 0.9;
    bad[count++].defaults.beta2 = 0.9;
    bad[count++].defaults.epsilon = 1e-7;
    bad[count++].defaults.learning_rate = 0;
    for (int i = 0; i < count; i++) {
        CASE("bad row %d", i);
        assert_non_null(defect(&bad[i]));
    }
}

/* ---- its numbers ---- */

static const struct {
    const char *name, *file_name, *slots; /* names in Keras: tests/interop/optimizer_parity.py */
    double rate, momentum, beta1, beta2, epsilon, decay;
    int norms;
} expected[] = {
    {"sgd", "sgd", "", 0.01, 0, 0, 0, 0, 0, 0},
    {"momentum", "sgd", "momentum", 0.01, 0.9, 0, 0, 0, 0, 0},
    {"nesterov", "sgd", "momentum", 0.01, 0.9, 0, 0, 0, 0, 0},
    {"rmsprop", "rm_sprop", "velocity momentum", 0.001, 0, 0, 0.9, 1e-7, 0, 0},
    {"adam", "adam", "momentum velocity", 0.001, 0, 0.9, 0.999, 1e-7, 0, 0},
    {"adamw", "adamw", "momentum velocity", 0.001, 0, 0.9, 0.999, 1e-7, 0.004, 0},
    {"adamax", "adamax", "momentum norm", 0.001, 0, 0.9, 0.999, 1e-7, 0, 0},
    {"lars", "lars", "momentum", 1, 0.9, 0, 0, 0, 0, 1},
    {"lamb", "lamb", "momentum velocity", 0.001, 0, 0.9, 0.999, 1e-7, 0, 1},
};

enum { NAMES = 64 };

static void add_word(char text[NAMES], const char *word)
{
    snprintf(text + strlen(text), NAMES - strlen(text), "%s%s", *text ? " " : "", word);
}

static void defaults_are_keras(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const optimizer_type *row = optimizer_row((int)i);
        CASE("%s", expected[i].name);
        assert_non_null(row);
        assert_string_equal(row->name, expected[i].name);
        assert_string_equal(row->file_name, expected[i].file_name);
        optimizer_cfg c = optimizer_cfg_default(row);
        assert_ptr_equal(c.type, row);
        assert_true(c.learning_rate == expected[i].rate && c.momentum == expected[i].momentum);
        assert_true(c.beta1 == expected[i].beta1 && c.beta2 == expected[i].beta2);
        assert_true(c.epsilon == expected[i].epsilon && c.weight_decay == expected[i].decay);
        char slots[NAMES] = "";
        for (int j = 0; j < OPTIMIZER_MAX_SLOTS && row->slot[j]; j++) add_word(slots, row->slot[j]);
        if (row->momentum_slot) add_word(slots, row->momentum_slot);
        assert_string_equal(slots, expected[i].slots);
        assert_int_equal(optimizer_needs_norms(&c), expected[i].norms);
    }
    assert_null(optimizer_row(sizeof expected / sizeof *expected));
}

/* As many slots as names; that of the momentum only where there is one. */
static void slots_are_the_named_ones(void **state)
{
    (void)state;
    const optimizer_type *row;
    for (int i = 0; (row = optimizer_row(i)); i++) {
        optimizer_cfg c = optimizer_cfg_default(row);
        int named = (row->slot[0] != NULL) + (row->slot[1] != NULL);
        CASE("%s", row->name);
        c.momentum = 0;
        assert_int_equal(optimizer_slots(&c), named);
        c.momentum = 0.5;
        assert_int_equal(optimizer_slots(&c), named + (row->momentum_slot != NULL));
        assert_true(optimizer_slots(&c) <= OPTIMIZER_MAX_SLOTS);
    }
}

/* ---- its step ---- */

typedef struct tensor {
    float w[LENGTH], g[LENGTH], slot[OPTIMIZER_MAX_SLOTS][LENGTH];
} tensor;

/* Whole, or in two passes with the tensor's norms between them. */
static void step(const optimizer_cfg *c, const kernels *k, int t, tensor *x)
{
    optimizer_part p = {.k = k, .step = t, .w = x->w, .g = x->g, .length = LENGTH};
    for (int i = 0; i < optimizer_slots(c); i++) p.slot[i] = x->slot[i];
    if (!optimizer_needs_norms(c)) {
        optimizer_update(c, &p);
        return;
    }
    optimizer_direction(c, &p);
    double w = sqrt(k->sum_squares(x->w, LENGTH)), g = sqrt(k->sum_squares(x->g, LENGTH));
    optimizer_follow(c, optimizer_trust(c, w, g), &p);
}

/* Numbers from 1/2 to 1, so that no sum cancels and errors stay relative. */
static tensor drawn(void)
{
    tensor x;
    float *arrays[] = {x.w, x.g, x.slot[0], x.slot[1]};
    for (int a = 0; a < 4; a++)
        for (int i = 0; i < LENGTH; i++)
            arrays[a][i] = 0.75f + 0.25f * value_at((uint64_t)a, (uint64_t)i);
    return x;
}

/* 1: a step of the row is, except for rounding, that of the twin of this name. */
static int steps_as(const optimizer_cfg *c, const kernels *k, const char *twin)
{
    const optimizer_ref_cfg cfg = {c->learning_rate, c->momentum, c->beta1,
                                   c->beta2,         c->epsilon,  c->weight_decay};
    tensor before = drawn(), x = before;
    update_ref want[LENGTH];
    double g[LENGTH];
    int slots = optimizer_slots(c), same = 1;
    for (int i = 0; i < LENGTH; i++) {
        want[i] = (update_ref){(double)x.w[i], (double)x.slot[0][i], (double)x.slot[1][i]};
        g[i] = (double)x.g[i];
    }
    assert_true(optimizer_ref(twin, &cfg, 3, g, want));
    step(c, k, 3, &x);
    for (int i = 0; i < LENGTH; i++) {
        double moved = fabs(want[i].w - (double)before.w[i]);
        double slot_error[] = {fabs((double)x.slot[0][i] - want[i].m),
                               fabs((double)x.slot[1][i] - want[i].v)};
        assert_true(moved > 1e-4);
        same &= fabs((double)x.w[i] - want[i].w) <= 4 * EPS + 32 * EPS * moved;
        for (int j = 0; j < slots; j++) same &= slot_error[j] <= 8 * EPS;
    }
    return same;
}

static void each_row_steps_as_its_twin(void **state)
{
    (void)state;
    const kernels *tables[MOST_TABLES];
    int count = kernels_available(tables);
    const optimizer_type *row;
    for (int t = 0; t < count; t++)
        for (int i = 0; (row = optimizer_row(i)); i++)
            for (int decayed = 0; decayed < 2; decayed++) {
                optimizer_cfg c = optimizer_cfg_default(row);
                CASE("%s %s, decayed %d", tables[t]->name, row->name, decayed);
                assert_true(steps_as(&c, tables[t], row->name));
                c.learning_rate *= 100;
                if (decayed) c.weight_decay = 0.25;
                assert_true(steps_as(&c, tables[t], row->name));
                if (!(row->uses & USES_MOMENTUM)) continue;
                c.momentum = c.momentum == 0 ? 0.5 : 0;
                assert_true(steps_as(&c, tables[t], row->name));
            }
}

/* The comparison can fail: with the twin of another optimiser, and with that of another setting. */
static void another_step_is_seen(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"momentum", "nesterov"}, {"nesterov", "momentum"}, {"adam", "lamb"},
        {"lamb", "adam"},         {"adam", "adamax"},       {"adamax", "adam"},
        {"rmsprop", "adam"},      {"lars", "momentum"},     {"momentum", "lars"}};
    const kernels *tables[MOST_TABLES];
    const optimizer_type *row = NULL;
    failure why;
    kernels_available(tables);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        CASE("%s beside %s", pairs[i][0], pairs[i][1]);
        assert_int_equal(optimizer_named(pairs[i][0], &row, &why), STATUS_OK);
        optimizer_cfg c = optimizer_cfg_default(row);
        assert_false(steps_as(&c, tables[0], pairs[i][1]));
    }
    assert_false(optimizer_ref("adan", &(optimizer_ref_cfg){0}, 1, NULL, NULL));
}

/* ---- what holds for all ---- */

static void zero_gradient_and_state_stay(void **state)
{
    (void)state;
    const kernels *tables[MOST_TABLES];
    int count = kernels_available(tables);
    const optimizer_type *row;
    for (int t = 0; t < count; t++)
        for (int i = 0; (row = optimizer_row(i)); i++) {
            optimizer_cfg c = optimizer_cfg_default(row);
            tensor x = {.w = {0}};
            c.weight_decay = 0;
            for (int j = 0; j < LENGTH; j++) x.w[j] = 1;
            step(&c, tables[t], 1, &x);
            CASE("%s %s", tables[t]->name, row->name);
            for (int j = 0; j < LENGTH; j++)
                assert_true(x.w[j] == 1 && x.slot[0][j] == 0 && x.slot[1][j] == 0);
        }
}

enum { LONG = 416, STATE = 1 + OPTIMIZER_MAX_SLOTS };

/* Five steps of a slab [STATE][LONG] = parameters and slots, cut at cuts[0 ... pieces]. */
static void five_steps(const optimizer_cfg *c, const kernels *k, const size_t *cuts, int pieces,
                       float slab[STATE][LONG])
{
    memset(slab, 0, STATE * LONG * sizeof(float));
    values_fill(slab[0], LONG, 1);
    for (int64_t t = 1; t <= 5; t++) {
        float g[LONG];
        values_fill(g, LONG, (uint64_t)t + 1);
        for (int i = 0; i < pieces; i++) {
            optimizer_part p = {.k = k, .step = t, .w = slab[0] + cuts[i], .g = g + cuts[i]};
            p.length = cuts[i + 1] - cuts[i];
            for (int j = 0; j < optimizer_slots(c); j++) p.slot[j] = slab[1 + j] + cuts[i];
            optimizer_update(c, &p);
        }
    }
}

/* A slab updated whole, and in three pieces: the same bits, in the state too. */
static void pieces_make_the_whole(void **state)
{
    (void)state;
    static const size_t whole[] = {0, LONG}, cuts[] = {0, 16, 240, LONG};
    static float slab[2][STATE][LONG];
    const kernels *tables[MOST_TABLES];
    int count = kernels_available(tables);
    const optimizer_type *row;
    for (int t = 0; t < count; t++)
        for (int i = 0; (row = optimizer_row(i)); i++) {
            optimizer_cfg c = optimizer_cfg_default(row);
            if (optimizer_needs_norms(&c)) continue; /* tests/mpi/train_same_bits.c */
            five_steps(&c, tables[t], whole, 1, slab[0]);
            five_steps(&c, tables[t], cuts, 3, slab[1]);
            CASE("%s %s", tables[t]->name, row->name);
            SAME_BITS(slab[1][0], slab[0][0], STATE * LONG);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_complete),         cmocka_unit_test(incomplete_rows_are_seen),
        cmocka_unit_test(defaults_are_keras),           cmocka_unit_test(slots_are_the_named_ones),
        cmocka_unit_test(each_row_steps_as_its_twin),   cmocka_unit_test(another_step_is_seen),
        cmocka_unit_test(zero_gradient_and_state_stay), cmocka_unit_test(pieces_make_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
