/* unit/optim_optimizer.c - names, defaults, refusals, and two steps of every optimiser worked out by hand. */
#include "check.h"

#include "optim/optimizer.h"

enum { LENGTH = 16 };

static optimizer_cfg cfg_of(const char *name)
{
    const optimizer_type *type = NULL;
    failure why;
    assert_int_equal(optimizer_named(name, &type, &why), STATUS_OK);
    return optimizer_cfg_default(type);
}

static void names(void **state)
{
    (void)state;
    static const char *const unknown[] = {"rmsprob", "", "Adam", "ada", "adam "};
    failure why;
    const optimizer_type *type = NULL;
    assert_int_equal(optimizer_named("adan", &type, &why), STATUS_USAGE);
    assert_string_equal(
        why.text,
        "--optimizer=adan: unknown; did you mean 'adam'? Known are sgd, momentum, nesterov, "
        "rmsprop, adam, adamw, adamax, lars, lamb");
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_int_equal(optimizer_named(unknown[i], &type, &why), STATUS_USAGE);
    assert_null(type);
}

static void ranges(void **state)
{
    (void)state;
    enum { RATE, MOMENTUM, BETA1, BETA2, EPSILON, DECAY };
    static const struct {
        const char *optimizer;
        int field;
        double value;
        const char *words; /* NULL: allowed */
    } cases[] = {
        {"adam", RATE, 0, "--learning-rate=0: must be above 0, and a number that float holds"},
        {"adam", RATE, -1, "--learning-rate=-1: must be above 0, and a number that float holds"},
        {"adam", RATE, NAN, "--learning-rate=nan: must be above 0, and a number that float holds"},
        {"adam", RATE, INFINITY,
         "--learning-rate=inf: must be above 0, and a number that float holds"},
        {"adam", RATE, 1e-39,
         "--learning-rate=1e-39: must be above 0, and a number that float holds"},
        {"adam", RATE, 1e-30, NULL},
        {"adam", RATE, 100, NULL},
        {"nesterov", MOMENTUM, -0.1, "--momentum=-0.1: must be at least 0 and below 1"},
        {"nesterov", MOMENTUM, 1, "--momentum=1: must be at least 0 and below 1"},
        {"nesterov", MOMENTUM, NAN, "--momentum=nan: must be at least 0 and below 1"},
        {"nesterov", MOMENTUM, 0, NULL},
        {"adam", BETA1, 1, "--beta1=1: must be at least 0 and below 1"},
        {"adam", BETA1, -1e-9, "--beta1=-1e-09: must be at least 0 and below 1"},
        {"adam", BETA1, 0, NULL},
        {"adam", BETA2, 1, "--beta2=1: must be at least 0 and below 1"},
        {"adam", BETA2, 0.99, NULL},
        {"adam", EPSILON, 0, "--epsilon=0: must be above 0, and a number that float holds"},
        {"adam", EPSILON, 1e-50, "--epsilon=1e-50: must be above 0, and a number that float holds"},
        {"adam", EPSILON, 1e-8, NULL},
        {"adam", DECAY, -0.1, "--weight-decay=-0.1: must be at least 0 and below 1"},
        {"adam", DECAY, 1, "--weight-decay=1: must be at least 0 and below 1"},
        {"adam", DECAY, 0.5, NULL},
        {"adam", MOMENTUM, 7, NULL}, /* not used */
        {"sgd", BETA1, 7, NULL},
        {"sgd", BETA2, 7, NULL},
        {"sgd", EPSILON, -1, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        optimizer_cfg c = cfg_of(cases[i].optimizer);
        double *fields[] = {&c.learning_rate, &c.momentum, &c.beta1,
                            &c.beta2,         &c.epsilon,  &c.weight_decay};
        failure why = {.text = ""};
        *fields[cases[i].field] = cases[i].value;
        CASE("case %zu", i);
        assert_int_equal(optimizer_check(&c, &why), cases[i].words ? STATUS_USAGE : STATUS_OK);
        assert_string_equal(why.text, cases[i].words ? cases[i].words : "");
    }
}

/* State of one update, all elements alike. */
typedef struct numbers {
    float w[LENGTH], g[LENGTH], m[LENGTH], v[LENGTH];
} numbers;

static void update(const optimizer_cfg *c, const kernels *k, int64_t step, float gradient,
                   numbers *n)
{
    optimizer_part p = {
        .k = k, .step = step, .w = n->w, .g = n->g, .slot = {n->m, n->v}, .length = LENGTH};
    for (int i = 0; i < LENGTH; i++) n->g[i] = gradient;
    if (!optimizer_needs_norms(c)) {
        optimizer_update(c, &p);
        return;
    }
    optimizer_direction(c, &p);
    double w = sqrt(k->sum_squares(n->w, LENGTH)), g = sqrt(k->sum_squares(n->g, LENGTH));
    optimizer_follow(c, optimizer_trust(c, w, g), &p);
}

static numbers ones(void)
{
    numbers n = {.w = {0}};
    for (int i = 0; i < LENGTH; i++) n.w[i] = 1;
    return n;
}

static void all_near(const float *values, double want, double tolerance)
{
    for (int i = 0; i < LENGTH; i++) NEAR(values[i], want, tolerance);
}

/* w = 1; gradients 0.5, then -0.25; learning rate 1/8, momentum 1/2: every number is exact in binary. */
static void sgd_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double momentum, w1, m1, w2, m2;
    } cases[] = {
        /* w = 1 - 0.0625, + 0.03125 */
        {"sgd", 0, 0.9375, 0, 0.96875, 0},
        /* m = -0.0625, w = 0.9375; m = -0.03125 + 0.03125 = 0, w = 0.9375 */
        {"momentum", 0.5, 0.9375, -0.0625, 0.9375, 0},
        /* m = -0.0625, w = 1 - 0.03125 - 0.0625; m = 0, w += 0 + 0.03125 */
        {"nesterov", 0.5, 0.90625, -0.0625, 0.9375, 0},
    };
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int t = 0; t < count; t++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            optimizer_cfg c = cfg_of(cases[i].name);
            c.learning_rate = 0.125, c.momentum = cases[i].momentum;
            numbers n = ones();
            CASE("%s %s", tables[t]->name, c.type->name);
            update(&c, tables[t], 1, 0.5f, &n);
            all_near(n.w, cases[i].w1, 0), all_near(n.m, cases[i].m1, 0);
            update(&c, tables[t], 2, -0.25f, &n);
            all_near(n.w, cases[i].w2, 0), all_near(n.m, cases[i].m2, 0);
        }
}

/* rate 1/2, b2 3/4; gradients 2, then 1: v = 1, a step of 1; v = 3/4 + 1/4, a step of 1/2. With momentum 1/2: m = 1, then
 * m = 1/2 + 1/2. A step is off by less than eps / v of itself. */
static void rmsprop_by_hand(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    optimizer_cfg c = cfg_of("rmsprop");
    c.learning_rate = 0.5, c.beta2 = 0.75;
    for (int t = 0; t < count; t++)
        for (int moving = 0; moving < 2; moving++) {
            numbers n = ones(); /* n.m is the velocity, n.v the momentum */
            c.momentum = 0.5 * moving;
            CASE("%s, moving %d", tables[t]->name, moving);
            update(&c, tables[t], 1, 2, &n);
            all_near(n.m, 1, 0), all_near(n.w, 0, 2e-7), all_near(n.v, moving, 2e-7);
            update(&c, tables[t], 2, 1, &n);
            all_near(n.m, 1, 0), all_near(n.w, moving ? -1 : -0.5, 3e-7);
            all_near(n.v, moving, 2e-7);
        }
}

/* rate 0.1, b1 0.9, b2 0.999, eps 1e-7; gradients 2, then -1:
 *   m = 0.2,  v = 0.004;     alpha = 0.1 sqrt(0.001) / 0.1       = 0.0316227766;  w = 1 - alpha 0.2 / (sqrt 0.004 +
 * 1e-7)
 *   m = 0.08, v = 0.004996;  alpha = 0.1 sqrt(0.001999) / 0.19   = 0.0235316...;  w -= alpha 0.08 / (sqrt 0.004996 +
 * 1e-7) so the first step is 0.1 except for eps (0.1 / (1 + 1e-7 / 0.0632456)), the second 0.0266337. Each number in float
 * has a few roundings: 8 eps of the largest operand. */
static void adam_by_hand(void **state)
{
    (void)state;
    const double first = 0.1 / (1 + 1e-7 / 0.0632455532), second = 0.0266336663;
    const kernels *tables[3];
    int count = kernels_available(tables);
    optimizer_cfg c = cfg_of("adam");
    c.learning_rate = 0.1;
    for (int t = 0; t < count; t++) {
        numbers n = ones();
        CASE("%s", tables[t]->name);
        update(&c, tables[t], 1, 2, &n);
        all_near(n.m, 0.2, 0x1p-21 * 0.2), all_near(n.v, 0.004, 0x1p-21 * 0.004);
        all_near(n.w, 1 - first, 0x1p-21);
        update(&c, tables[t], 2, -1, &n);
        all_near(n.m, 0.08, 0x1p-21 * 0.3), all_near(n.v, 0.004996, 0x1p-21 * 0.005);
        all_near(n.w, 1 - first - second, 0x1p-21);
    }
}

/* rate 1/2, b1 = b2 = 1/2; gradients 2, then 1/2: m = 1, u = 2, w = 1 - 1/2 / (1/2) 1 / 2; m = 3/4, u = max(1, 1/2),
 * w -= 1/2 / (3/4) 3/4 / 1. Each step is off by less than eps / u of itself. */
static void adamax_by_hand(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    optimizer_cfg c = cfg_of("adamax");
    c.learning_rate = 0.5, c.beta1 = 0.5, c.beta2 = 0.5;
    for (int t = 0; t < count; t++) {
        numbers n = ones();
        CASE("%s", tables[t]->name);
        update(&c, tables[t], 1, 2, &n);
        all_near(n.m, 1, 0), all_near(n.v, 2, 0), all_near(n.w, 0.5, 1e-7);
        update(&c, tables[t], 2, 0.5f, &n);
        all_near(n.m, 0.75, 0), all_near(n.v, 1, 0), all_near(n.w, 0, 3e-7);
    }
}

/* Weight decay is decoupled: w -= lr wd w before the update. lr 1/8, wd 1/2, so 1 becomes 1 - 1/16 first. */
static void decay_by_hand(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int t = 0; t < count; t++) {
        optimizer_cfg c = cfg_of("sgd");
        c.learning_rate = 0.125, c.weight_decay = 0.5;
        numbers n = ones();
        CASE("%s", tables[t]->name);
        update(&c, tables[t], 1, 0.5f, &n);
        all_near(n.w, 1 - 0.0625 - 0.0625, 0);
        c = cfg_of("adamw");
        c.learning_rate = 0.1, c.weight_decay = 0.5;
        n = ones();
        update(&c, tables[t], 1, 2, &n); /* adam's first step is 0.1 except for eps: adam_by_hand */
        all_near(n.w, 1 - 0.05 - 0.1 / (1 + 1e-7 / 0.0632455532), 0x1p-21);
    }
}

/* w = 1 in 16 places: |w| = 4. Gradient 1/2: |g| = 2; with wd 1/2: r = 0.001 4 / (2 + 2) = 0.001, direction 1/2 + 1/2.
 * lr 500, momentum 1/2: m = -0.5, w = 0.5; then |w| = 2, g = 1/4: r = 0.001 2 / (1 + 1), m = -0.25 - 0.5 (0.25 + 0.25),
 * w = 0. */
static void lars_by_hand(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    optimizer_cfg c = cfg_of("lars");
    c.learning_rate = 500, c.momentum = 0.5, c.weight_decay = 0.5;
    for (int t = 0; t < count; t++) {
        numbers n = ones();
        CASE("%s", tables[t]->name);
        update(&c, tables[t], 1, 0.5f, &n);
        all_near(n.m, -0.5, 0x1p-23), all_near(n.w, 0.5, 0x1p-23);
        update(&c, tables[t], 2, 0.25f, &n);
        all_near(n.m, -0.5, 0x1p-22), all_near(n.w, 0, 0x1p-22);
    }
}

/* Any constant gradient gives the direction 1 / (1 + eps / |g|) in the first step, so w moves by lr |w| / |u| u = lr w;
 * decayed first where a decay is given. */
static void lamb_by_hand(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    optimizer_cfg c = cfg_of("lamb");
    c.learning_rate = 0.25;
    for (int t = 0; t < count; t++) {
        numbers n = ones();
        CASE("%s", tables[t]->name);
        update(&c, tables[t], 1, 2, &n);
        all_near(n.m, 0.2, 0x1p-21 * 0.2), all_near(n.v, 0.004, 0x1p-21 * 0.004);
        all_near(n.g, 1, 0x1p-20), all_near(n.w, 0.75, 0x1p-22);
        c.weight_decay = 0.5;
        n = ones();
        update(&c, tables[t], 1, 2, &n);
        all_near(n.w, 0.875 * 0.75, 0x1p-22);
        c.weight_decay = 0;
    }
}

/* Where a norm is 0 the ratio is 1. */
static void trust(void **state)
{
    (void)state;
    optimizer_cfg lamb = cfg_of("lamb"), lars = cfg_of("lars");
    lars.weight_decay = 0.5;
    assert_true(optimizer_trust(&lamb, 6, 2) == 3);
    assert_true(optimizer_trust(&lamb, 0, 2) == 1 && optimizer_trust(&lamb, 6, 0) == 1);
    NEAR(optimizer_trust(&lars, 6, 2), 0.001 * 6 / (2 + 3), 1e-18);
    assert_true(optimizer_trust(&lars, 0, 2) == 1 && optimizer_trust(&lars, 6, 0) == 1);
}

/* Long after the start the corrections are 1; a step count beyond int is no trouble. */
static void adam_far_on(void **state)
{
    (void)state;
    const kernels *tables[3];
    kernels_available(tables);
    optimizer_cfg c = cfg_of("adam");
    c.learning_rate = 0.5;
    numbers late = ones(), later = ones();
    update(&c, tables[0], INT32_MAX, 1, &late);
    update(&c, tables[0], (int64_t)1 << 40, 1, &later);
    SAME_BITS(later.w, late.w, LENGTH);
    all_near(late.w, 1 - 0.5 * 0.1 / (sqrt(0.001) + 1e-7), 0x1p-20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),         cmocka_unit_test(ranges),
        cmocka_unit_test(sgd_by_hand),   cmocka_unit_test(rmsprop_by_hand),
        cmocka_unit_test(adam_by_hand),  cmocka_unit_test(adamax_by_hand),
        cmocka_unit_test(decay_by_hand), cmocka_unit_test(lars_by_hand),
        cmocka_unit_test(lamb_by_hand),  cmocka_unit_test(trust),
        cmocka_unit_test(adam_far_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
