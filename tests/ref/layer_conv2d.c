/* ref/layer_conv2d.c - the convolution stage, alone and with a fused pooling, against the double references. */
#include "conv_fixture.h"

enum { SAMPLES = 3 };

/* y of sample n: the activation of the sums, or the largest of each window, saved where it was found. */
static void check_forward(const twin *t, const fast *f, int n)
{
    const float *y = f->io.y + (size_t)n * t->out;
    const uint8_t *saved = f->io.saved + (size_t)n * t->out;
    double terms = t->conv.cfg.size * t->conv.cfg.size * t->conv.in.dim[2];
    double *want = values_take(t->out * sizeof *want), *bound = values_take(t->out * sizeof *bound);
    int *argmax = values_take(t->out * sizeof *argmax),
        *widest = values_take(t->out * sizeof *widest);
    if (t->pool.cfg.size) {
        pool_args p = layer_ref_pool(&t->pool);
        pool_ref_forward(&p, NULL, t->s[n], want, argmax);
        pool_ref_forward(&p, NULL, t->s_bar[n], bound, widest);
        for (size_t i = 0; t->kind == EXACT && i < t->out; i++)
            assert_int_equal(saved[i], argmax[i]);
    } else {
        memcpy(want, t->s[n], t->out * sizeof *want);
        memcpy(bound, t->s_bar[n], t->out * sizeof *bound);
    }
    for (size_t i = 0; i < t->out; i++) {
        want[i] = activation_ref(t->conv.cfg.act, CONV_SLOPE, want[i]);
        bound[i] = conv_bound(t->kind, terms, bound[i]);
    }
    ALLCLOSE(y, want, bound, t->out);
    free(want), free(bound), free(argmax), free(widest);
}

static void check_case_of(const conv_case *c, int kind, uint64_t seed)
{
    static twin t;
    fast f;
    const kernels *tables[3];
    int count = kernels_available(tables);
    twin_open(&t, c, kind, seed, SAMPLES, INK_ALL);
    for (int i = 0; i < count; i++)
        for (int engine = GEMM_OWN; engine <= GEMM_BLIS; engine++) {
            stage wanted = {.type = stage_named("conv2d", "conv2d"),
                            .k = tables[i],
                            .engine = (gemm_engine)engine,
                            .want_input_gradient = 1};
            CASE(
                "%s engine %d: %dx%dx%d, %d filters of %d, stride %d, pad %d, pool %d, relu %d, %s",
                tables[i]->name, engine, c->height, c->width, c->channels, c->filters, c->size,
                c->stride, c->pad, c->pool, c->act, kind == EXACT ? "exact" : "drawn");
            fast_open(&f, &t, &wanted);
            for (int samples = SAMPLES; samples >= 1;
                 samples -= SAMPLES - 1) { /* the second time over used scratch */
                fast_forward(&f, &t, 0, samples);
                for (int n = 0; n < samples; n++) check_forward(&t, &f, n);
                fast_backward(&f, &t, 0);
                conv_check_backward(&t, &f);
            }
            fast_close(&f);
        }
    twin_close(&t);
}

/* Channels, filters, activation and size of the image are drawn for each geometry. */
static conv_case draw_case(int size, int stride, padding pad, int pool, uint64_t seed)
{
    static const int channels[] = {1, 3, 17, 32}, filters[] = {1, 10, 33, 64};
    conv_case c = {.size = size, .stride = stride, .pad = pad, .pool = pool};
    int least = size + (pool ? (pool - 1) * stride : 0);
    c.channels = channels[value_int(seed, 0, 4)];
    c.filters = filters[value_int(seed, 1, 4)];
    c.act = (activation)value_int(seed, 2, 2);
    c.height = least + value_int(seed, 3, 5);
    c.width = least + value_int(seed, 4, 5);
    return c;
}

static void sweep(int kind)
{
    static const int sizes[] = {1, 2, 3, 5}, pools[] = {0, 2, 3};
    uint64_t seed = 0;
    for (int size = 0; size < 4; size++)
        for (int stride = 1; stride <= 3; stride++)
            for (int pool = 0; pool < 3; pool++)
                for (int pad = PADDING_VALID; pad <= PADDING_SAME; pad++) {
                    conv_case c = draw_case(sizes[size], stride, (padding)pad, pools[pool], ++seed);
                    if (!TESTED(seed, 5)) continue;
                    check_case_of(&c, kind, seed);
                }
}

static void exact_sweep(void **state)
{
    (void)state;
    sweep(EXACT);
}

static void drawn_sweep(void **state)
{
    (void)state;
    sweep(DRAWN);
}

/* The presets' shapes cut down, a kernel wider than the image, pixels that no window reads, a pooling that leaves a
 * rim. */
static void corners(void **state)
{
    (void)state;
    static const conv_case cases[] = {
        {3, 1, 1, 32, 12, 12, 2, PADDING_VALID, ACTIVATION_RELU},
        {3, 1, 32, 64, 7, 7, 2, PADDING_VALID, ACTIVATION_RELU},
        {5, 1, 2, 3, 2, 3, 0, PADDING_SAME, ACTIVATION_RELU},
        {2, 3, 3, 10, 7, 6, 0, PADDING_VALID, ACTIVATION_NONE},
        {1, 3, 2, 5, 9, 8, 2, PADDING_SAME, ACTIVATION_RELU},
        {2, 1, 1, 1, 2, 2, 0, PADDING_VALID, ACTIVATION_RELU},
        {3, 2, 3, 17, 11, 10, 3, PADDING_SAME, ACTIVATION_RELU},
        {3, 1, 3, 4, 9, 10, 1, PADDING_VALID, ACTIVATION_RELU},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kind = EXACT; kind <= DRAWN; kind++) check_case_of(&cases[i], kind, 100 + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_sweep),
        cmocka_unit_test(drawn_sweep),
        cmocka_unit_test(corners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
