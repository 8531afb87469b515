/* grad/kernel_gradients.c - the backward twins against central differences of the forward twins, in double.
 *
 * A case is a function of one vector of parameters (inputs, weights, biases, one after the other) and its gradient.
 * With a step of 1e-5 the difference quotient is off by about 1e-10 of the third derivative and 1e-11 by rounding;
 * inputs are kept away from the edges of ReLU and of maxima by more than the step. */
#include "check.h"

#include <stdlib.h>

#include "reference/conv2d.h"
#include "reference/dense.h"
#include "reference/pool.h"
#include "reference/softmax.h"
#include "reference/values.h"

enum { MOST = 4096 };
static const double STEP = 1e-5, TOLERANCE = 1e-7;

/* The loss at p, and where grad is not NULL its gradient. */
typedef double loss_function(const void *shape, const double *p, double *grad);

/* Largest relative disagreement; *missing counts parameters whose gradient is 0. */
static double disagreement(loss_function *loss, const void *shape, double *p, int count,
                           int *missing)
{
    static double grad[MOST];
    double worst = 0;
    *missing = 0;
    for (int i = 0; i < count; i++) grad[i] = NAN; /* every parameter must get one */
    loss(shape, p, grad);
    for (int i = 0; i < count; i++) {
        double at = p[i], high, low;
        p[i] = at + STEP, high = loss(shape, p, NULL);
        p[i] = at - STEP, low = loss(shape, p, NULL);
        p[i] = at;
        double slope = (high - low) / (2 * STEP),
               off = fabs(grad[i] - slope) / fmax(1, fabs(slope));
        worst = isnan(off) ? HUGE_VAL : fmax(worst, off);
        *missing += grad[i] == 0;
    }
    return worst;
}

static void draw(double *p, int count, uint64_t seed)
{
    for (int i = 0; i < count; i++) p[i] = (double)value_at(seed, (uint64_t)i);
}

/* <y, r> with fixed drawn r: any gradient of y. */
static double project(const double *y, int count, double *dy)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        dy[i] = (double)value_at(99, (uint64_t)i);
        sum += dy[i] * y[i];
    }
    return sum;
}

static double conv_loss(const void *shape, const double *p, double *grad)
{
    static double y[MOST], dy[MOST];
    const conv2d_ref *s = shape;
    int x = s->height * s->width * s->channels;
    int w = s->kernel * s->kernel * s->channels * s->filters;
    conv2d_ref_forward(s, p, p + x, p + x + w, y);
    double loss = project(y, conv2d_ref_out_height(s) * conv2d_ref_out_width(s) * s->filters, dy);
    if (grad) conv2d_ref_backward(s, p, p + x, dy, grad, grad + x, grad + x + w);
    return loss;
}

static void conv_gradients(void **state)
{
    (void)state;
    const conv2d_ref sweep[] = {{5, 4, 2, 3, 3, 1, 0},
                                {5, 6, 1, 2, 3, 2, 1},
                                {4, 4, 3, 1, 1, 1, 0},
                                {6, 5, 2, 2, 4, 1, 2},
                                {7, 7, 1, 3, 5, 2, 2}};
    static double p[MOST];
    for (size_t i = 0; i < sizeof sweep / sizeof *sweep; i++) {
        const conv2d_ref *s = &sweep[i];
        int count = s->height * s->width * s->channels + s->filters;
        count += s->kernel * s->kernel * s->channels * s->filters;
        int missing;
        draw(p, count, i);
        CASE("conv case %zu", i);
        NEAR(disagreement(conv_loss, s, p, count, &missing), 0, TOLERANCE);
        assert_int_equal(missing, 0);
    }
}

static double dense_loss(const void *shape, const double *p, double *grad)
{
    static double y[MOST], dy[MOST];
    const dense_ref *s = shape;
    int x = s->samples * s->inputs, w = s->inputs * s->units;
    dense_ref_forward(s, p, p + x, p + x + w, y);
    double loss = project(y, s->samples * s->units, dy);
    if (grad) dense_ref_backward(s, p, p + x, dy, grad, grad + x, grad + x + w);
    return loss;
}

static void dense_gradients(void **state)
{
    (void)state;
    static double p[MOST];
    for (int samples = 1; samples <= 4; samples++) {
        dense_ref s = {samples, 7, 5};
        int count = samples * 7 + 7 * 5 + 5, missing;
        draw(p, count, (uint64_t)samples);
        CASE("dense samples %d", samples);
        NEAR(disagreement(dense_loss, &s, p, count, &missing), 0, TOLERANCE);
        assert_int_equal(missing, 0);
    }
}

static double pool_loss(const void *shape, const double *p, double *grad)
{
    static double y[MOST], dy[MOST];
    static int argmax[MOST];
    const pool_args *s = shape;
    int x = s->height * s->width * s->channels;
    pool_ref_forward(s, p + x, p, y, argmax);
    double loss = project(y, s->out_height * s->out_width * s->channels, dy);
    if (grad) pool_ref_backward(s, dy, y, argmax, grad, grad + x);
    return loss;
}

/* Values k/100 in drawn order, all different, and biases that put every sum at least 1/200 from 0. */
static void draw_apart(double *x, int count, uint64_t seed)
{
    for (int i = 0; i < count; i++) x[i] = (i - count / 2) / 100.0;
    for (int i = count - 1; i > 0; i--) {
        int j = value_int(seed, (uint64_t)i, i + 1);
        double swapped = x[i];
        x[i] = x[j], x[j] = swapped;
    }
}

static void pool_gradients(void **state)
{
    (void)state;
    static double p[MOST];
    const pool_args sweep[] = {{6, 6, 3, 3, 3, 2, 2, 0, 0, NULL, ACTIVATION_RELU},
                               {5, 7, 2, 3, 4, 3, 2, 1, 1, NULL, ACTIVATION_RELU},
                               {5, 5, 2, 3, 3, 2, 2, 0, 0, NULL, ACTIVATION_NONE}};
    for (size_t i = 0; i < sizeof sweep / sizeof *sweep; i++) {
        const pool_args *s = &sweep[i];
        int x = s->height * s->width * s->channels, missing;
        draw_apart(p, x, i);
        for (int c = 0; c < s->channels; c++) p[x + c] = -0.005 - 0.1 * c;
        CASE("pool case %zu", i);
        NEAR(disagreement(pool_loss, s, p, x + s->channels, &missing), 0, TOLERANCE);
        assert_true(missing < x); /* only maxima pass; of the biases all do: */
        static double grad[MOST];
        pool_loss(s, p, grad);
        for (int c = 0; c < s->channels; c++) assert_true(grad[x + c] != 0);
    }
}

typedef struct softmax_case {
    int classes, label;
} softmax_case;

static double softmax_loss(const void *shape, const double *p, double *grad)
{
    static double probability[MOST], unused[MOST];
    const softmax_case *s = shape;
    return softmax_ref(s->classes, p, s->label, probability, grad ? grad : unused);
}

static void softmax_gradients(void **state)
{
    (void)state;
    static double p[MOST];
    for (int classes = 2; classes <= 20; classes++) {
        softmax_case s = {classes, classes / 2};
        int missing;
        draw(p, classes, (uint64_t)classes);
        CASE("softmax classes %d", classes);
        NEAR(disagreement(softmax_loss, &s, p, classes, &missing), 0, TOLERANCE);
        assert_int_equal(missing, 0);
    }
}

/* The classic chain: 8x8x1, convolution 3x3 to 2 filters, pool 2x2 with ReLU, dense to 4, softmax. */
static const conv2d_ref chain_conv = {8, 8, 1, 2, 3, 1, 0};
static const pool_args chain_pool = {6, 6, 2, 3, 3, 2, 2, 0, 0, NULL, ACTIVATION_RELU};
static const dense_ref chain_dense = {1, 18, 4};
enum { IMAGE = 64, TAPS = 18, FILTERS = 2, WEIGHTS = 72, UNITS = 4 };
enum { CHAIN = IMAGE + TAPS + FILTERS + WEIGHTS + UNITS };

static double chain_loss(const void *shape, const double *p, double *grad)
{
    (void)shape;
    const double *w = p + IMAGE, *b = w + TAPS, *v = b + FILTERS, *c = v + WEIGHTS;
    double y[72], pooled[18], z[4], probability[4], dz[4], dpooled[18], dy[72];
    int argmax[18];
    conv2d_ref_forward(&chain_conv, p, w, b, y);
    pool_ref_forward(&chain_pool, NULL, y, pooled, argmax);
    dense_ref_forward(&chain_dense, pooled, v, c, z);
    double loss = softmax_ref(4, z, 2, probability, dz);
    if (!grad) return loss;
    double *dw = grad + IMAGE, *db = dw + TAPS, *dv = db + FILTERS, *dc = dv + WEIGHTS;
    dense_ref_backward(&chain_dense, pooled, v, dz, dpooled, dv, dc);
    pool_ref_backward(&chain_pool, dpooled, pooled, argmax, dy, NULL);
    conv2d_ref_backward(&chain_conv, p, w, dy, grad, dw, db);
    return loss;
}

static void chain_gradients(void **state)
{
    (void)state;
    double p[CHAIN];
    int missing;
    draw(p, CHAIN, 4);
    /* keeps every filter active, so that all weights get a gradient */
    p[IMAGE + TAPS] = p[IMAGE + TAPS + 1] = 3;
    NEAR(disagreement(chain_loss, NULL, p, CHAIN, &missing), 0, TOLERANCE);
    double grad[CHAIN];
    chain_loss(NULL, p, grad);
    for (int i = IMAGE; i < CHAIN; i++) {
        CASE("parameter %d", i);
        assert_true(grad[i] != 0);
    }
}

/* The comparison can fail: a gradient one part in a million off, and one left out. */
static double wrong_loss(const void *shape, const double *p, double *grad)
{
    double loss = dense_loss(shape, p, grad);
    if (grad) grad[3] *= 1 + 1e-6;
    return loss;
}

static double forgetful_loss(const void *shape, const double *p, double *grad)
{
    double loss = dense_loss(shape, p, grad);
    if (grad) grad[5] = NAN;
    return loss;
}

static void wrong_gradients_are_seen(void **state)
{
    (void)state;
    static double p[MOST];
    dense_ref s = {2, 7, 5};
    int missing;
    for (int i = 0; i < 54; i++) p[i] = 3 * (double)value_at(1, (uint64_t)i);
    assert_true(disagreement(wrong_loss, &s, p, 54, &missing) > TOLERANCE);
    assert_true(disagreement(forgetful_loss, &s, p, 54, &missing) > TOLERANCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_gradients),  cmocka_unit_test(dense_gradients),
        cmocka_unit_test(pool_gradients),  cmocka_unit_test(softmax_gradients),
        cmocka_unit_test(chain_gradients), cmocka_unit_test(wrong_gradients_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
