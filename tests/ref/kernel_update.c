/* ref/kernel_update.c - optimiser updates against their twins, over several steps so that errors could grow. */
#include "check.h"

#include "kernel/kernels.h"
#include "reference/update.h"
#include "reference/values.h"

enum { LENGTH = 208, STEPS = 20 };

static const double EPS = 0x1p-24;

/* Both sides' state; the twin restarts each step from the kernel's floats, so that a step's error is a few EPS. */
typedef struct state_pair {
    float w[LENGTH], m[LENGTH], v[LENGTH], g[LENGTH];
    update_ref before[LENGTH];
} state_pair;

static void draw(state_pair *p, int step)
{
    for (int i = 0; i < LENGTH; i++) {
        /* gradients of very different sizes, some exactly 0 */
        float size = i % 7 == 0 ? 0.0f : ldexpf(1.0f, -(i % 40));
        p->g[i] = size * value_at((uint64_t)step + 100, (uint64_t)i);
        if (step == 1) p->w[i] = value_at(3, (uint64_t)i), p->m[i] = p->v[i] = 0;
        p->before[i] = (update_ref){(double)p->w[i], (double)p->m[i], (double)p->v[i]};
    }
}

static void check_adam_step(const kernels *k, const adam_ref_cfg *cfg, int t, state_pair *p)
{
    double alpha = cfg->rate * sqrt(1 - pow(cfg->beta2, t)) / (1 - pow(cfg->beta1, t));
    adam_args a = {p->w,
                   p->m,
                   p->v,
                   p->g,
                   LENGTH,
                   (float)alpha,
                   (float)(1 - cfg->beta1),
                   (float)(1 - cfg->beta2),
                   (float)cfg->epsilon};
    k->adam(&a);
    for (int i = 0; i < LENGTH; i++) {
        update_ref want = p->before[i];
        double g = (double)p->g[i];
        adam_ref(cfg, t, g, &want);
        double m_error = 4 * EPS * (fabs(p->before[i].m) + fabs(g)), v_error = 6 * EPS * want.v;
        double scale = alpha / (sqrt(want.v) + cfg->epsilon);
        NEAR(p->m[i], want.m, m_error);
        NEAR(p->v[i], want.v, v_error);
        NEAR(p->w[i], want.w, 2 * EPS * fabs(want.w) + scale * (m_error + 10 * EPS * fabs(want.m)));
    }
}

static void check_sgd_step(const kernels *k, const sgd_ref_cfg *cfg, state_pair *p)
{
    sgd_args s = {p->w,
                  cfg->momentum != 0 ? p->m : NULL,
                  p->g,
                  LENGTH,
                  (float)cfg->rate,
                  (float)cfg->momentum,
                  cfg->nesterov};
    k->sgd(&s);
    for (int i = 0; i < LENGTH; i++) {
        update_ref want = p->before[i];
        double g = (double)p->g[i];
        sgd_ref(cfg, g, &want);
        double terms = fabs(p->before[i].m) + 2 * cfg->rate * fabs(g);
        if (cfg->momentum != 0) NEAR(p->m[i], want.m, 4 * EPS * terms);
        NEAR(p->w[i], want.w, 2 * EPS * (fabs(p->before[i].w) + fabs(want.w)) + 8 * EPS * terms);
    }
}

static void sgd_steps(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    const sgd_ref_cfg sweep[] = {{0.1, 0, 0}, {0.01, 0.9, 0}, {0.01, 0.9, 1}, {1, 0.5, 1}};
    for (int t = 0; t < count; t++)
        for (size_t c = 0; c < sizeof sweep / sizeof *sweep; c++) {
            static state_pair p;
            for (int step = 1; step <= STEPS; step++) {
                CASE("%s sgd cfg %zu step %d", tables[t]->name, c, step);
                draw(&p, step);
                check_sgd_step(tables[t], &sweep[c], &p);
            }
        }
}

static void check_lamb_step(const kernels *k, const adam_ref_cfg *cfg, int t, state_pair *p)
{
    float u[LENGTH];
    memcpy(u, p->g, sizeof u);
    double c1 = 1 - pow(cfg->beta1, t), c2 = 1 - pow(cfg->beta2, t);
    k->lamb(&(lamb_args){p->m, p->v, u, LENGTH, (float)(1 - cfg->beta1), (float)(1 - cfg->beta2),
                         (float)c1, (float)c2, (float)cfg->epsilon});
    for (int i = 0; i < LENGTH; i++) {
        update_ref want = p->before[i];
        double g = (double)p->g[i], direction = lamb_ref(cfg, t, g, &want);
        double m_error = 4 * EPS * (fabs(p->before[i].m) + fabs(g));
        double root = sqrt(want.v / c2) + cfg->epsilon;
        NEAR(p->m[i], want.m, m_error);
        NEAR(p->v[i], want.v, 6 * EPS * want.v);
        NEAR(u[i], direction, m_error / c1 / root + 10 * EPS * fabs(direction));
    }
}

static void check_adamax_step(const kernels *k, const adam_ref_cfg *cfg, int t, state_pair *p)
{
    double alpha = cfg->rate / (1 - pow(cfg->beta1, t));
    k->adamax(&(adamax_args){p->w, p->m, p->v, p->g, LENGTH, (float)alpha, (float)(1 - cfg->beta1),
                             (float)cfg->beta2, (float)cfg->epsilon});
    for (int i = 0; i < LENGTH; i++) {
        update_ref want = p->before[i];
        double g = (double)p->g[i];
        adamax_ref(cfg, t, g, &want);
        double m_error = 4 * EPS * (fabs(p->before[i].m) + fabs(g));
        double scale = alpha / (want.v + cfg->epsilon);
        NEAR(p->m[i], want.m, m_error);
        NEAR(p->v[i], want.v, 2 * EPS * want.v);
        assert_false(signbit(p->v[i]));
        NEAR(p->w[i], want.w, 2 * EPS * fabs(want.w) + scale * (m_error + 10 * EPS * fabs(want.m)));
    }
}

/* Kernels with betas and an epsilon. */
static const struct {
    const char *name;
    void (*check_step)(const kernels *k, const adam_ref_cfg *cfg, int t, state_pair *p);
} adaptive[] = {
    {"adam", check_adam_step}, {"adamax", check_adamax_step}, {"lamb", check_lamb_step}};

static void adaptive_steps(void **state)
{
    (void)state;
    enum { KERNELS = sizeof adaptive / sizeof *adaptive };
    const kernels *tables[3];
    int count = kernels_available(tables);
    const adam_ref_cfg sweep[] = {
        {1e-3, 0.9, 0.999, 1e-7}, {0.1, 0.5, 0.9, 1e-3}, {1, 0, 0.99, 1e-8}};
    for (int t = 0; t < count; t++)
        for (int i = 0; i < 3 * KERNELS; i++) {
            static state_pair p;
            for (int step = 1; step <= STEPS; step++) {
                CASE("%s %s cfg %d step %d", tables[t]->name, adaptive[i / 3].name, i % 3, step);
                draw(&p, step);
                adaptive[i / 3].check_step(tables[t], &sweep[i % 3], step, &p);
            }
        }
}

static void check_rmsprop_step(const kernels *k, const rmsprop_ref_cfg *cfg, state_pair *p)
{
    k->rmsprop(&(rmsprop_args){p->w, p->v, cfg->momentum != 0 ? p->m : NULL, p->g, LENGTH,
                               (float)cfg->rate, (float)cfg->momentum, (float)cfg->beta2,
                               (float)(1 - cfg->beta2), (float)cfg->epsilon});
    for (int i = 0; i < LENGTH; i++) {
        update_ref want = p->before[i];
        double g = (double)p->g[i];
        rmsprop_ref(cfg, g, &want);
        double step = cfg->rate * fabs(g) / sqrt(want.v + cfg->epsilon);
        double error = 10 * EPS * (step + fabs(p->before[i].m));
        NEAR(p->v[i], want.v, 6 * EPS * want.v);
        if (cfg->momentum != 0) NEAR(p->m[i], want.m, error);
        NEAR(p->w[i], want.w, EPS * (fabs(p->before[i].w) + fabs(want.w)) + error);
    }
}

static void rmsprop_steps(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    const rmsprop_ref_cfg sweep[] = {
        {1e-3, 0, 0.9, 1e-7}, {1e-3, 0.9, 0.9, 1e-7}, {0.1, 0.5, 0.5, 1e-3}, {1, 0, 0, 1e-8}};
    for (int t = 0; t < count; t++)
        for (size_t c = 0; c < sizeof sweep / sizeof *sweep; c++) {
            static state_pair p;
            for (int step = 1; step <= STEPS; step++) {
                CASE("%s rmsprop cfg %zu step %d", tables[t]->name, c, step);
                draw(&p, step);
                check_rmsprop_step(tables[t], &sweep[c], &p);
            }
        }
}

static void scaling(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int t = 0; t < count; t++) {
        float x[LENGTH], y[LENGTH], scaled[LENGTH], sum[LENGTH], own[LENGTH];
        values_fill(x, LENGTH, 1), values_fill(y, LENGTH, 2);
        memcpy(scaled, x, sizeof x), memcpy(sum, y, sizeof y), memcpy(own, y, sizeof y);
        tables[t]->scale(scaled, 0.3f, LENGTH);
        tables[t]->add_scaled(sum, x, -0.3f, LENGTH);
        tables[t]->add_scaled(own, own, -4e-6f, LENGTH); /* a weight decay: y - 4e-6 y */
        CASE("%s", tables[t]->name);
        for (int i = 0; i < LENGTH; i++) {
            double dx = (double)x[i], dy = (double)y[i], factor = (double)0.3f;
            assert_true(scaled[i] == 0.3f * x[i]);
            NEAR(sum[i], dy - factor * dx, 2 * EPS * (fabs(dy) + fabs(dx)));
            NEAR(own[i], dy * (1 - (double)4e-6f), EPS * fabs(dy) * (1 + 1e-5));
        }
    }
}

/* The same bits as the lanes written down in plain C, on every table, whatever the length and the alignment. */
static double squares_in_lanes(const float *x, size_t length)
{
    double lane[16] = {0};
    for (size_t i = 0; i < length; i++) lane[i % 16] += (double)x[i] * (double)x[i];
    for (int half = 8; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

static void sums_of_squares(void **state)
{
    (void)state;
    enum { MOST = 1100 };
    const kernels *tables[3];
    int count = kernels_available(tables);
    fence f = fence_open(MOST);
    for (size_t length = 0; length <= MOST; length += length < 70 ? 1 : 103) {
        float *x = fence_floats(&f, length);
        double plain = 0;
        for (size_t i = 0; i < length; i++) {
            x[i] = ldexpf(value_at(length, i), (int)(i % 9) * 20 - 80);
            plain += (double)x[i] * (double)x[i];
        }
        for (int t = 0; t < count; t++) {
            CASE("%s length %zu", tables[t]->name, length);
            double got = tables[t]->sum_squares(x, length);
            assert_true(got == squares_in_lanes(x, length));
            NEAR(got, plain, (double)length * 0x1p-53 * plain);
        }
    }
    fence_close(&f);
}

/* Nothing past `length` is touched, and length 0 is no work. */
static void lengths(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int t = 0; t < count; t++)
        for (size_t length = 0; length <= 64; length += 16) {
            fence f[4];
            float *p[4];
            for (int i = 0; i < 4; i++) {
                f[i] = fence_open(64), p[i] = fence_floats(&f[i], length);
                values_fill(p[i], length, (uint64_t)i);
                for (size_t j = 0; j < length; j++) p[i][j] = fabsf(p[i][j]);
            }
            adam_args a = {p[0], p[1], p[2], p[3], length, 0.1f, 0.1f, 0.1f, 1e-7f};
            sgd_args s = {p[0], p[1], p[3], length, 0.1f, 0.9f, 1};
            tables[t]->adam(&a);
            tables[t]->adamax(
                &(adamax_args){p[0], p[1], p[2], p[3], length, 0.1f, 0.1f, 0.9f, 1e-7f});
            tables[t]->rmsprop(
                &(rmsprop_args){p[0], p[1], p[2], p[3], length, 0.1f, 0.9f, 0.9f, 0.1f, 1e-7f});
            tables[t]->sgd(&s);
            tables[t]->lamb(&(lamb_args){p[1], p[2], p[3], length, 0.1f, 0.1f, 0.1f, 0.1f, 1e-7f});
            tables[t]->scale(p[1], 0.5f, length);
            tables[t]->add_scaled(p[2], p[1], 0.5f, length);
            for (int i = 0; i < 4; i++) {
                assert_true(fence_intact(&f[i], length));
                assert_true(tables[t]->all_finite(p[i], length));
                fence_close(&f[i]);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adaptive_steps),  cmocka_unit_test(sgd_steps),
        cmocka_unit_test(rmsprop_steps),   cmocka_unit_test(scaling),
        cmocka_unit_test(sums_of_squares), cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
