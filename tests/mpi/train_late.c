/* Parameters that arrive in the next step have the bits of those that a step waits for. */
#include "train_run.h"

#include "check.h"
#include "train/digest.h"
#include "train/session.h"
#include "train/step.h"

enum { STEPS = 6 };

/* Of 270 samples: one pass; fewer leaves than ranks, and a last batch of one leaf; several passes; audited steps. */
static const struct {
    const char *batch, *grain, *exchange, *audit;
} cases[] = {{"64", "8", "direct", "0"},
             {"33", "8", "halving", "0"},
             {"270", "1", "halving", "0"},
             {"64", "8", "direct", "2"}};
enum { CASES = sizeof cases / sizeof *cases };

static settings settings_of(int i)
{
    settings cfg = train_run_settings();
    train_run_set(&cfg, "model", "conv2d 8 3 relu; maxpool 2; flatten; dense 10");
    train_run_set(&cfg, "batch-size", cases[i].batch);
    train_run_set(&cfg, "grain", cases[i].grain);
    train_run_set(&cfg, "exchange", cases[i].exchange);
    train_run_set(&cfg, "audit", cases[i].audit);
    return cfg;
}

/* Runs the steps before number `steps`; the last one has no wishes. */
static void run_steps(stepper *p, int steps, int wishes)
{
    const int each = sampler_steps(&p->s->order);
    for (int step = (int)p->s->step; step < steps; step++)
        assert_true(step_run(p, step / each, step % each, step + 1 < steps ? wishes : 0).finite);
}

typedef struct digest {
    char hex[33];
} digest;

static digest digest_of(const session *s)
{
    digest d;
    digest_parameters(&s->m, s->parameters, d.hex);
    return d;
}

static digest train(int i, int width, int threads, int wishes)
{
    session *s = calloc(1, sizeof *s);
    train_run_open(s, settings_of(i), threads, width);
    assert_int_equal(exchange_defers(s->x), s->layout->groups > 1);
    run_steps(step_new(s), STEPS, wishes);
    digest d = digest_of(s);
    train_run_close(s);
    free(s);
    return d;
}

static void same_bits(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const digest want = train(i, 0, 1, 0);
        for (int width = 1; width <= 2; width++) {
            CASE("case %d, groups of %d", i, width);
            assert_string_equal(train(i, width, width, STEP_IS_FOLLOWED).hex, want.hex);
        }
    }
}

/* A rank that asks for a checkpoint has all parameters after the step, although another step was announced; the other steps
 * can then be taken. */
static void a_checkpoint_has_all(void **state)
{
    (void)state;
    session *s = calloc(1, sizeof *s);
    const digest want = train(0, 0, 1, 0);
    train_run_open(s, settings_of(0), 1, 1);
    const int last = s->layout->rank == s->layout->ranks - 1;
    stepper *p = step_new(s);
    step_run(p, 0, 0, STEP_IS_FOLLOWED);
    step_result r = step_run(p, 0, 1, STEP_IS_FOLLOWED | (last ? STEP_WANTS_CHECKPOINT : 0));
    assert_int_equal(r.checkpoint, 1);
    const digest own = digest_of(s);
    digest first = own;
    comm_broadcast(s->c, &first, sizeof first);
    assert_string_equal(own.hex, first.hex);
    run_steps(p, STEPS, STEP_IS_FOLLOWED);
    assert_string_equal(digest_of(s).hex, want.hex);
    train_run_close(s);
    free(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits),
                                       cmocka_unit_test(a_checkpoint_has_all)};
    train_run_begin(&argc, &argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return train_run_end(failed);
}
