/* grad/model_cnn_gradient.c - the whole gradient of the preset cnn, with and without Winograd, against the double network.
 *
 * With plain sums each element is within the bound that model_gradient.c has; Winograd's bound would say little after two
 * more layers, so each tensor's error is measured as a whole: the root of the sum of its squares over that of the
 * gradient's. Images have a blank rim. Seeds are such that no ReLU and no maximum of any sample is decided by less than
 * MARGIN, which is several times what Winograd's sums are off by here: one that flips would be no matter of rounding. */
#include "check.h"
#include "layer_rows.h"
#include "model_twin.h"

enum { SAMPLES = 2, RIM = 6, SIDE = 28, TENSORS = 8 };
static const double MARGIN = 1e-5, EPS = 0x1p-24;
/* Measured: at most 7.6e-7 with Winograd and without, and 1.8 times as much with as without. */
static const double RMS = 3e-6, TIMES = 4;
static const fixture_cfg CNN = {"cnn", {3, {SIDE, SIDE, 1}}, 10, SAMPLES, GEMM_OWN, 57};

static fixture cnn_open(const kernels *k, stage_sums sums)
{
    fixture f = fixture_open_as(&CNN, k, sums);
    for (int i = 0; i < SAMPLES * SIDE * SIDE; i++) {
        int row = i / SIDE % SIDE, col = i % SIDE;
        if (row < RIM || row >= SIDE - RIM || col < RIM || col >= SIDE - RIM) f.pixels[i] = 0;
    }
    return f;
}

/* Of a tensor: root of the sum of squared errors over that of the squared gradient. */
static double rms_error(const float *got, const double *want, span at)
{
    double errors = 0, values = 0;
    for (size_t i = at.offset; i < at.offset + at.length; i++) {
        double error = (double)got[i] - want[i];
        errors += error * error, values += want[i] * want[i];
    }
    return isnan(errors) ? HUGE_VAL : sqrt(errors / values);
}

/* The error of each tensor; returns the largest. The twin's gradient is what it is compared with. */
static double gradient_errors(const fixture *f, twin *t, double error[TENSORS])
{
    double worst = 0;
    float *gradient = values_take(f->m->slab_length * sizeof *gradient);
    int tensor = 0;
    mean_loss(t, f, 1, NULL);
    float_gradient(f, 2, 1, gradient);
    for (int i = 0; i < f->m->layers; i++)
        for (int j = 0; j < f->m->layer[i].tensors; j++, tensor++) {
            assert_true(tensor < TENSORS);
            error[tensor] = rms_error(gradient, t->gradient, f->m->layer[i].tensor[j].at);
            worst = fmax(worst, error[tensor]);
        }
    assert_int_equal(tensor, TENSORS);
    if (f->m->stage[1].sums == STAGE_EXACT) {
        for (size_t i = 0; i < f->m->slab_length; i++)
            t->magnitude[i] *= network_ref_terms(&t->net, f->samples) * EPS;
        ALLCLOSE(gradient, t->gradient, t->magnitude, f->m->slab_length);
    }
    free(gradient);
    return worst;
}

static void whole_gradient(void **state)
{
    (void)state;
    const kernels *k[3];
    int tables = kernels_available(k);
    for (int i = 0; i < tables; i++) {
        double error[2][TENSORS];
        for (int sums = STAGE_FAST; sums <= STAGE_EXACT; sums++) {
            fixture f = cnn_open(k[i], (stage_sums)sums);
            twin t = twin_open(&f);
            double margin = HUGE_VAL;
            CASE("%s, sums %d", k[i]->name, sums);
            assert_ptr_equal(f.m->stage[0].type, stage_named("conv2d", "conv2d_pixels"));
            assert_ptr_equal(f.m->stage[1].type, stage_named("conv2d", "conv2d_pooled"));
            mean_loss(&t, &f, 0, &margin);
            CHECK(margin > MARGIN, "margin %g: draw other numbers", margin);
            NEAR(gradient_errors(&f, &t, error[sums]), 0, RMS);
            twin_close(&t), fixture_close(&f);
        }
        for (int tensor = 0; tensor < TENSORS; tensor++)
            NEAR(error[STAGE_FAST][tensor], 0, TIMES * error[STAGE_EXACT][tensor]);
    }
}

/* Winograd's products larger by 1e-4, and the judge says no. */
static void judge_says_no(void **state)
{
    (void)state;
    const kernels *k[3];
    kernels_available(k);
    fixture f = cnn_open(k[0], STAGE_FAST);
    twin t = twin_open(&f);
    double error[TENSORS];
    const stage *pooled = &f.m->stage[1];
    size_t forward = winograd_packed_length(pooled->layer->in.dim[2], pooled->layer->cfg.units);
    for (size_t i = 0; i < forward; i++) f.packed[pooled->packed_offset + i] *= 1.0001f;
    assert_true(gradient_errors(&f, &t, error) > RMS);
    twin_close(&t), fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_gradient),
        cmocka_unit_test(judge_says_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
