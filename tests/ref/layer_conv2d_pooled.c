/* ref/layer_conv2d_pooled.c - the convolutions fused with their pooling, against the double references.
 *
 * Sums of exact stages are within (terms + 2) u of the sum over absolute values, Winograd's within the bound of
 * reference/winograd.h, which has to count on the worst of signs; so the relative rms error of a sample is bounded too. A
 * maximum is right when no other sum of its window is larger by more than both may be off. Backward: conv_fixture.h. */
#include "conv_fixture.h"
#include "kernel/conv.h"
#include "reference/conv2d.h"
#include "reference/winograd.h"

enum { SAMPLES = 3 };
/* Measured: at most 4.3e-7 (576 terms) and 2.1e-6 (64 channels). */
static const double RMS_EXACT = 8e-7, RMS_WINOGRAD = 3e-6, TANH_ERROR = 3e-7;

typedef struct fused_case {
    int height, width, channels, filters;
    int used_rows, used_cols; /* 0: all */
    activation act;
    int ink, want_input_gradient;
} fused_case;

/* A twin, and what its sums may be off by, [n][sums], by the plain sums and by Winograd. */
typedef struct pooled_twin {
    twin t;
    double *winograd_bar[CONV_MOST];
} pooled_twin;

static conv2d_ref plain_reference(const twin *t)
{
    const shape *in = &t->conv.in;
    return (conv2d_ref){in->dim[0], in->dim[1], in->dim[2], t->conv.cfg.units, 3, 1, 0};
}

static void pooled_open(pooled_twin *p, const fused_case *c, int kind, uint64_t seed, int samples)
{
    conv_case plain = {3,        1, c->channels,   c->filters, c->height,
                       c->width, 2, PADDING_VALID, c->act};
    twin_open(&p->t, &plain, kind, seed, samples, c->ink);
    conv2d_ref s = plain_reference(&p->t);
    const double *bias = p->t.bar_w + p->t.conv.tensor[1].at.offset;
    for (int n = 0; n < samples; n++) {
        p->winograd_bar[n] = values_take(p->t.sums * sizeof(double));
        if (c->channels > 1)
            winograd_ref_forward(&s, WINOGRAD_MAGNITUDES, p->t.x_bar[n],
                                 p->t.bar_w + p->t.conv.tensor[0].at.offset, bias,
                                 p->winograd_bar[n]);
    }
}

static void pooled_close(pooled_twin *p)
{
    for (int n = 0; n < p->t.samples; n++) free(p->winograd_bar[n]);
    twin_close(&p->t);
}

static int by_winograd(const fast *f)
{
    int rows = f->s.used_rows ? f->s.used_rows : f->s.fused->out.dim[0];
    int cols = f->s.used_cols ? f->s.used_cols : f->s.fused->out.dim[1];
    return f->s.type == stage_named("conv2d", "conv2d_pooled") && f->s.sums == STAGE_FAST &&
           rows % WINOGRAD_WINDOWS == 0 && cols % WINOGRAD_WINDOWS == 0;
}

/* How far a sample is from the reference. */
typedef struct verdict {
    double worst; /* largest error over its bound; above 1 is wrong. Of maxima too      */
    double rms;   /* root mean square of the errors over that of the sums               */
} verdict;

static double over(double error, double bound)
{
    if (error == 0) return 0;
    return isnan(error) || bound == 0 ? HUGE_VAL : error / bound;
}

static verdict judge(const pooled_twin *p, const fast *f, int n)
{
    const twin *t = &p->t;
    int fast_sums = by_winograd(f), kind = fast_sums ? DRAWN : t->kind;
    double terms = fast_sums ? t->conv.in.dim[2] + WINOGRAD_ROUNDINGS : 9.0 * t->conv.in.dim[2];
    double *want = values_take(t->out * sizeof *want), *bar = values_take(t->out * sizeof *bar);
    int *argmax = values_take(t->out * sizeof *argmax),
        *ignored = values_take(t->out * sizeof *ignored);
    pool_args windows = layer_ref_pool(&t->pool);
    pool_ref_forward(&windows, NULL, t->s[n], want, argmax);
    pool_ref_forward(&windows, NULL, fast_sums ? p->winograd_bar[n] : t->s_bar[n], bar, ignored);
    verdict v = {0, 0};
    double errors = 0, values = 0;
    int filters = t->conv.cfg.units, width = t->pool.out.dim[1];
    for (size_t i = 0; i < t->out; i++) {
        if (!fast_used(f, t, i)) continue;
        int pick = f->io.saved[(size_t)n * t->out + i], q = (int)i / filters;
        int row = 2 * (q / width) + pick / 2, col = 2 * (q % width) + pick % 2;
        double bound = conv_bound(kind, terms, bar[i]),
               value = activation_ref(t->conv.cfg.act, CONV_SLOPE, want[i]),
               error = fabs((double)f->io.y[(size_t)n * t->out + i] - value);
        double picked = t->s[n][(row * t->conv.out.dim[1] + col) * filters + (int)i % filters];
        assert_true(pick < 4);
        if (kind == EXACT) assert_int_equal(pick, argmax[i]);
        v.worst = fmax(v.worst, over(want[i] - picked, 2 * bound));
        if (t->conv.cfg.act == ACTIVATION_TANH) bound += TANH_ERROR;
        v.worst = fmax(v.worst, over(error, bound));
        errors += error * error, values += want[i] * want[i];
    }
    v.rms = over(sqrt(errors), sqrt(values));
    free(want), free(bar), free(argmax), free(ignored);
    return v;
}

static void check_samples(const pooled_twin *p, fast *f, int samples)
{
    fast_forward(f, &p->t, 0, samples);
    for (int n = 0; n < samples; n++) {
        verdict v = judge(p, f, n);
        NEAR(v.worst, 0, 1);
        NEAR(v.rms, 0, by_winograd(f) ? RMS_WINOGRAD : RMS_EXACT);
    }
    fast_backward(f, &p->t, 0);
    conv_check_backward(&p->t, f);
}

static stage wanted_stage(const fused_case *c, const kernels *k, stage_sums sums)
{
    const char *name = c->channels == 1 ? "conv2d_pixels" : "conv2d_pooled";
    return (stage){.type = stage_named("conv2d", name),
                   .k = k,
                   .engine = GEMM_OWN,
                   .sums = sums,
                   .want_input_gradient = c->want_input_gradient,
                   .used_rows = c->used_rows,
                   .used_cols = c->used_cols};
}

static void check_case_of(const fused_case *c, int kind, uint64_t seed, int samples)
{
    static pooled_twin p;
    const kernels *tables[3];
    int count = kernels_available(tables);
    pooled_open(&p, c, kind, seed, samples);
    for (int i = 0; i < count; i++)
        for (int sums = STAGE_FAST; sums <= STAGE_EXACT; sums++) {
            fast f;
            stage wanted = wanted_stage(c, tables[i], (stage_sums)sums);
            CASE("%s sums %d: %dx%dx%d, %d filters, %dx%d used, act %d, ink %d, %s",
                 tables[i]->name, sums, c->height, c->width, c->channels, c->filters, c->used_rows,
                 c->used_cols, c->act, c->ink, kind == EXACT ? "exact" : "drawn");
            fast_open(&f, &p.t, &wanted);
            assert_int_equal(f.s.type->takes(&f.s, &p.t.pool), 2);
            check_samples(&p, &f, samples);
            if (samples == SAMPLES) check_samples(&p, &f, 1); /* over used scratch */
            fast_close(&f);
        }
    pooled_close(&p);
}

static void check_all_of(const fused_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int kind = EXACT; kind <= DRAWN; kind++)
            if (TESTED(2 * i + (size_t)kind, 5) &&
                (kind == DRAWN || cases[i].act != ACTIVATION_TANH))
                check_case_of(&cases[i], kind, 10 * i + 1, SAMPLES);
}

static void pixels(void **state)
{
    (void)state;
    static const fused_case cases[] = {
        {28, 28, 1, 32, 12, 12, ACTIVATION_RELU, INK_SOME, 0}, /* the preset cnn */
        {28, 28, 1, 32, 0, 0, ACTIVATION_RELU, INK_ALL, 0},
        {12, 12, 1, 64, 0, 0, ACTIVATION_NONE, INK_SOME, 0},
        {13, 11, 1, 96, 0, 0, ACTIVATION_LEAKY_RELU, INK_SOME, 0},
        {12, 22, 1, 32, 3, 7, ACTIVATION_TANH, INK_SOME, 0},
        {12, 12, 1, 96, 0, 0, ACTIVATION_RELU, INK_NONE, 0},
        {12, 12, 1, 32, 0, 0, ACTIVATION_NONE, INK_NONE, 0},
        {22, 12, 1, 64, 9, 1, ACTIVATION_RELU, INK_ALL, 0},
        {4, 4, 1, 32, 0, 0, ACTIVATION_RELU, INK_ALL, 0},
        {5, CONV_MAX_WIDTH, 1, 32, 0, 0, ACTIVATION_RELU, INK_SOME, 0},
    };
    check_all_of(cases, sizeof cases / sizeof *cases);
}

static void pooled(void **state)
{
    (void)state;
    static const fused_case cases[] = {
        {13, 13, 32, 64, 0, 0, ACTIVATION_RELU, INK_ALL, 1}, /* the preset cnn */
        {12, 12, 32, 32, 0, 0, ACTIVATION_NONE, INK_ALL, 1},
        {12, 12, 64, 96, 0, 0, ACTIVATION_LEAKY_RELU, INK_ALL, 1},
        {22, 12, 64, 32, 0, 0, ACTIVATION_TANH, INK_ALL, 1},
        {12, 22, 32, 96, 0, 0, ACTIVATION_RELU, INK_SOME, 0},
        /* blocks both ways, above 64 windows */
        {22, 22, 32, 32, 0, 0, ACTIVATION_RELU, INK_ALL, 1},
        {10, 8, 64, 64, 0, 0, ACTIVATION_RELU, INK_ALL, 1},
        {9, 11, 32, 96, 0, 0, ACTIVATION_TANH, INK_ALL, 1},
        {4, 4, 32, 32, 0, 0, ACTIVATION_NONE, INK_ALL, 0},
        {15, 14, 32, 64, 5, 5, ACTIVATION_RELU, INK_ALL, 1},
        {24, 17, 32, 32, 10, 5, ACTIVATION_LEAKY_RELU, INK_ALL, 1},
        {15, 14, 32, 64, 4, 5, ACTIVATION_RELU, INK_ALL, 1}, /* no blocks: plain sums */
        {12, 12, 32, 64, 0, 0, ACTIVATION_RELU, INK_NONE, 1},
    };
    check_all_of(cases, sizeof cases / sizeof *cases);
}

static void eight_samples(void **state)
{
    (void)state;
    static const fused_case cases[] = {
        {12, 14, 1, 32, 5, 5, ACTIVATION_RELU, INK_SOME, 0},
        {13, 13, 32, 64, 0, 0, ACTIVATION_RELU, INK_ALL, 1},
    };
    for (int i = 0; i < 2; i++)
        for (int kind = EXACT; kind <= DRAWN; kind++)
            if (TESTED(2 * i + kind, 3)) check_case_of(&cases[i], kind, 77, CONV_MOST);
}

/* Which pairs of layers have a fused stage. */
static void what_is_fused(void **state)
{
    (void)state;
    static const struct {
        conv_case c;
        const char *stage;
    } cases[] = {
        {{3, 1, 1, 32, 28, 28, 2, PADDING_VALID, ACTIVATION_RELU}, "conv2d_pixels"},
        {{3, 1, 32, 64, 13, 13, 2, PADDING_VALID, ACTIVATION_TANH}, "conv2d_pooled"},
        {{3, 1, 1, 32, 6, CONV_MAX_WIDTH + 1, 2, PADDING_VALID, ACTIVATION_RELU}, "conv2d"},
        {{3, 1, 32, 64, 6, CONV_MAX_WIDTH + 1, 2, PADDING_VALID, ACTIVATION_RELU}, "conv2d_pooled"},
        {{3, 1, 3, 32, 28, 28, 2, PADDING_VALID, ACTIVATION_RELU}, "conv2d"},
        {{3, 1, 48, 32, 28, 28, 2, PADDING_VALID, ACTIVATION_RELU}, "conv2d"},
        {{3, 1, 1, 10, 28, 28, 2, PADDING_VALID, ACTIVATION_RELU}, "conv2d"},
        {{3, 1, 1, 32, 28, 28, 2, PADDING_SAME, ACTIVATION_RELU}, "conv2d"},
        {{3, 1, 1, 32, 28, 28, 3, PADDING_VALID, ACTIVATION_RELU}, "conv2d"},
        {{3, 1, 1, 32, 28, 28, 0, PADDING_VALID, ACTIVATION_RELU}, "conv2d"},
        {{3, 2, 1, 32, 28, 28, 2, PADDING_VALID, ACTIVATION_RELU}, "conv2d"},
        {{5, 1, 1, 32, 28, 28, 2, PADDING_VALID, ACTIVATION_RELU}, "conv2d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        twin t;
        twin_plan(&t, &cases[i].c);
        CASE("case %zu", i);
        stage s = {.k = kernels_of_level(PRECISION_FP32, 0), .layer = &t.conv};
        const layer *next = cases[i].c.pool ? &t.pool : NULL;
        assert_int_equal(stage_choose(&s, next), next ? 2 : 1);
        assert_string_equal(s.type->name, cases[i].stage);
        assert_ptr_equal(s.fused, next);
        s.want_input_gradient = 1; /* which conv2d_pixels does not give */
        stage_choose(&s, next);
        int is_pixels = strcmp(cases[i].stage, "conv2d_pixels") == 0;
        assert_string_equal(s.type->name, is_pixels ? "conv2d" : cases[i].stage);
    }
}

static const fused_case SMALL = {12, 12, 32, 64, 0, 0, ACTIVATION_NONE, INK_ALL, 0};

/* The reference's matrices are those of a convolution. */
static void winograd_reference(void **state)
{
    (void)state;
    static pooled_twin p;
    pooled_open(&p, &SMALL, DRAWN, 5, 1);
    const twin *t = &p.t;
    conv2d_ref s = plain_reference(t);
    double *y = values_take(t->sums * sizeof *y);
    winograd_ref_forward(&s, WINOGRAD_VALUES, t->x_wide[0], t->wide_w + t->conv.tensor[0].at.offset,
                         t->wide_w + t->conv.tensor[1].at.offset, y);
    for (size_t i = 0; i < t->sums; i++)
        NEAR(y[i], t->s[0][i], (32 + WINOGRAD_ROUNDINGS) * 0x1p-53 * p.winograd_bar[0][i]);
    free(y), pooled_close(&p);
}

/* Transformed weights that are off at one of the 49 points: by 2^-6, and the bound is broken; by 2^-16, and the rms error
 * is too large. */
static void winograd_judge_says_no(void **state)
{
    (void)state;
    static pooled_twin p;
    const kernels *tables[3];
    fast f;
    kernels_available(tables);
    stage wanted = wanted_stage(&SMALL, tables[0], STAGE_FAST);
    pooled_open(&p, &SMALL, DRAWN, 5, 1);
    fast_open(&f, &p.t, &wanted);
    float *packed = (float *)(void *)f.packed.end - f.s.packed_length;
    size_t length = (size_t)(SMALL.channels * tables[0]->panel);
    size_t pitch = winograd_packed_length(SMALL.channels, tables[0]->panel) / WINOGRAD_POINTS;
    for (int point = 0; point < WINOGRAD_POINTS; point++)
        for (int power = 6; power <= 16; power += 10) {
            float *at = packed + (size_t)point * pitch;
            for (size_t i = 0; i < length; i++) at[i] *= 1 + ldexpf(1, -power);
            fast_forward(&f, &p.t, 0, 1);
            verdict v = judge(&p, &f, 0);
            CASE("point %d, 2^-%d: worst %g, rms %g", point, power, v.worst, v.rms);
            assert_true(power == 6 ? v.worst > 1 : v.rms > RMS_WINOGRAD);
            f.s.type->prepare(&f.s, p.t.w, packed, 0, 1);
        }
    fast_forward(&f, &p.t, 0, 1);
    assert_true(judge(&p, &f, 0).worst <= 1);
    fast_close(&f), pooled_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_fused),
        cmocka_unit_test(pixels),
        cmocka_unit_test(pooled),
        cmocka_unit_test(eight_samples),
        cmocka_unit_test(winograd_reference),
        cmocka_unit_test(winograd_judge_says_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
