/* A leaf that is computed again: bits flipped in audited leaves are found, all of them, with step, leaf, tensor and rank; so is
 * a rank or a thread that always computes wrong. Nothing is found where nothing is wrong, and the bits of the run stay as they
 * are. A run that stopped for it goes on from its checkpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train_run.h"

#include "train/audit.h"
#include "train/digest.h"
#include "train/step.h"

#include <cmocka.h>
#undef fail /* ours is error.h's */

static const char dense[] = "flatten; dense 12 relu; dense 10";
static const char mixed[] = "conv2d 6 3 relu; maxpool 2; gru 16 sequence; flatten; dense 128 relu; "
                            "dropout 0.3; dense 10";

static settings audited(const char *chain, const char *every)
{
    settings cfg = train_run_settings();
    train_run_set(&cfg, "model", chain);
    train_run_set(&cfg, "audit", every);
    return cfg;
}

static const comm_layout *world(void)
{
    return train_run_layout();
}

/* ---- a processor that computes wrong: stages whose backward flips a bit of its result ---- */

enum { STAGES = MODEL_MAX_LAYERS };

static struct {
    const stage *stage[STAGES];
    const stage_type *right[STAGES];
    stage_type wrong[STAGES];
    int count;
    int at;      /* which of them flips, or -1: none     */
    int call;    /* in its call of this number, from 0   */
    int always;  /* or in every one of them              */
    int element; /* of its first tensor                  */
    int bit;
    int calls; /* so far */
} fault;

static void flip(float *gradient, const stage *s)
{
    float *value = gradient + (size_t)fault.element % s->layer->tensor[0].at.length;
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    bits ^= 1u << fault.bit;
    memcpy(value, &bits, sizeof bits);
}

static int number_of(const stage *s)
{
    int i = 0;
    while (fault.stage[i] != s) i++;
    return i;
}

static int is_struck(int number)
{
    if (number != fault.at) return 0;
    int call = fault.calls++;
    return fault.always || call == fault.call;
}

static void wrong_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    int i = number_of(s);
    fault.right[i]->backward_leaf(s, io, samples, gradient);
    if (is_struck(i)) flip(gradient, s);
}

static void wrong_tile(const stage *s, const stage_io *io, int samples, const stage_tree *tree,
                       int part, int parts)
{
    int i = number_of(s);
    fault.right[i]->backward_tile(s, io, samples, tree, part, parts);
    if (is_struck(i) && tree->plan.results && !io->joint.samples)
        flip(tree->results[0] + s->layer->tensor[0].at.offset, s);
}

/* All stages with parameters get backward functions that can be struck. */
static void make_vulnerable(session *s)
{
    fault.count = 0;
    fault.at = -1;
    fault.always = 0;
    for (int i = 0; i < s->m.stages; i++) {
        stage *one = &s->m.stage[i];
        if (!one->layer->tensors) continue;
        int n = fault.count++;
        fault.stage[n] = one;
        fault.right[n] = one->type;
        fault.wrong[n] = *one->type;
        if (one->type->split == STAGE_BY_SAMPLE)
            fault.wrong[n].backward_leaf = wrong_leaf;
        else
            fault.wrong[n].backward_tile = wrong_tile;
        one->type = &fault.wrong[n];
    }
}

/* Strikes stage `at` on its next calls of the own leaves. The owner's call for the audited leaf: of a stage that goes leaf by
 * leaf its place among the own ones; of others the pass, which comes after a pass over the leaves before it, if there are. */
static void strike_owner(const session *s, audit_draw d, int leaves, int at)
{
    range own = range_share(leaves, d.owner, s->layout->ranks);
    int by_leaf = fault.right[at]->split == STAGE_BY_SAMPLE;
    fault.calls = 0;
    fault.call = by_leaf ? d.leaf - own.lo : d.leaf > own.lo;
    fault.at = s->layout->rank == d.owner ? at : -1;
}

/* ---- nothing is wrong ---- */

static void digest_after(settings cfg, int threads, int width, int steps, char hex[33])
{
    session *s = memory_take(sizeof *s);
    train_run_open(s, cfg, threads, width);
    stepper *p = step_new(s);
    int each = sampler_steps(&s->order);
    for (int i = 0; i < steps; i++) {
        step_result r = step_run(p, i / each, i % each, 0);
        assert_true(r.finite);
        assert_false(r.audit_differs);
    }
    digest_parameters(&s->m, s->parameters, hex);
    train_run_close(s);
    memory_free(s);
}

static void the_bits_stay_and_nothing_is_found(void **state)
{
    (void)state;
    static const char *const models[] = {dense, mixed};
    for (int m = 0; m < 2; m++) {
        char plain[33], with[33];
        settings cfg = audited(models[m], "0");
        train_run_set(&cfg, "augment", "shift 2");
        digest_after(cfg, 1, 0, 15, plain);
        train_run_set(&cfg, "audit", "1");
        for (int threads = 1; threads <= 3; threads++)
            for (int width = 0; width <= 2; width++) {
                digest_after(cfg, threads, width, 15, with);
                assert_string_equal(with, plain);
            }
        train_run_set(&cfg, "audit", "4");
        digest_after(cfg, 2, 0, 15, with);
        assert_string_equal(with, plain);
    }
}

/* A batch of several passes, in which the leaf can be anywhere; the last batch has one leaf. */
static void many_passes(void **state)
{
    (void)state;
    char plain[33], with[33];
    settings cfg = audited(dense, "0");
    train_run_set(&cfg, "limit", "2000");
    train_run_set(&cfg, "validation-split", "0");
    train_run_set(&cfg, "batch-size", "1998");
    train_run_set(&cfg, "grain", "3");
    digest_after(cfg, 1, 0, 8, plain);
    train_run_set(&cfg, "audit", "1");
    digest_after(cfg, 2, 0, 8, with);
    assert_string_equal(with, plain);
    train_run_set(&cfg, "reduce", "mpi");
    digest_after(cfg, 1, 0, 8, with);
}

static void ten_thousand_steps_without_an_alarm(void **state)
{
    (void)state;
    char hex[33];
    settings cfg = audited("flatten; dense 8 relu; dense 10", "1");
    train_run_set(&cfg, "limit", "80");
    train_run_set(&cfg, "batch-size", "32");
    train_run_set(&cfg, "grain", "4");
    digest_after(cfg, 1, 0, 20000 / (world()->ranks * world()->ranks + 1), hex);
}

/* ---- something is wrong ---- */

static void says(const failure *why, const char *words)
{
    if (!strstr(why->text, words)) print_error("'%s' is not in '%s'\n", words, why->text);
    assert_non_null(strstr(why->text, words));
}

/* The name of the tensor that stage number `at` spoils. */
static void name_of(const session *s, int at, char out[96])
{
    const layer *l = fault.stage[at]->layer;
    (void)s;
    snprintf(out, 96, "%s/%s", l->name, l->tensor[0].name);
}

/* One step of an opened session, with a fault of the owner in the audited leaf. */
static void one_struck_step(session *s, stepper *p, int number)
{
    failure why = {""};
    char tensor[96], words[160];
    const rng_key key = {9, RNG_AUDIT, 0, (uint32_t)number};
    int each = sampler_steps(&s->order), step = (int)(s->step % each), count;
    const int *samples;
    sampler_batch(&s->order, (int)(s->step / each), step, &samples, &count);
    int leaves = tree_leaves(count, (int)s->cfg.grain);
    audit_draw d = audit_rule((uint64_t)s->cfg.seed, s->step + 1, leaves, s->layout->ranks);
    int at = (int)rng_below(key, 0, (uint32_t)fault.count);
    fault.element = (int)rng_below(key, 1, 1u << 20);
    fault.bit = (int)rng_below(key, 2, 32);
    strike_owner(s, d, leaves, at);
    step_result r = step_run(p, (int)(s->step / each), step, 0);
    assert_true(r.audit_differs);
    assert_false(r.finite);
    fault.at = -1; /* it does not come again */
    assert_int_equal(audit_tell(p->audit, &why), STATUS_STOPPED);
    name_of(s, at, tensor);
    snprintf(words, sizeof words, "step %d, gradient of leaf %d of %d: rank %d on ",
             (int)s->step + 1, d.leaf + 1, leaves, d.owner);
    says(&why, words);
    snprintf(words, sizeof words, "got other bits of %s ", tensor);
    says(&why, words);
    snprintf(words, sizeof words, "and %d of %d repetitions", 2 * s->layout->ranks,
             2 * s->layout->ranks);
    says(&why, s->layout->ranks > 1 ? words : "when it computed it again");
    /* without the fault the same step is applied */
    r = step_run(p, (int)(s->step / each), step, 0);
    assert_true(r.finite);
}

static void a_hundred_flips_of_a_hundred_are_found(void **state)
{
    (void)state;
    char struck[33], plain[33];
    session *s = memory_take(sizeof *s);
    settings cfg = audited(mixed, "1");
    train_run_open(s, cfg, 1, 0);
    make_vulnerable(s);
    assert_int_equal(fault.count, 4);
    stepper *p = step_new(s);
    for (int i = 0; i < 100; i++) one_struck_step(s, p, i);
    assert_int_equal(s->step, 100);
    digest_parameters(&s->m, s->parameters, struck);
    train_run_close(s);
    memory_free(s);
    digest_after(audited(mixed, "0"), 1, 0, 100, plain);
    assert_string_equal(struck, plain);
}

/* A rank that always computes wrong is named, where there are others to tell; at the latest when it has a part in an audit. */
static void a_bad_rank_is_named(void **state)
{
    (void)state;
    session *s = memory_take(sizeof *s);
    failure why = {""};
    char words[64];
    int ranks = world()->ranks, bad = ranks - 1, found = 0;
    train_run_open(s, audited(dense, "1"), 1, 0);
    make_vulnerable(s);
    stepper *p = step_new(s);
    fault.always = 1;
    fault.element = 3;
    fault.bit = 7;
    fault.at = s->layout->rank == bad ? 0 : -1;
    for (int i = 0; i < 100 && !found; i++) {
        step_result r = step_run(p, i / 5, i % 5, 0);
        found = r.audit_differs;
        if (found) assert_int_equal(audit_tell(p->audit, &why), STATUS_STOPPED);
    }
    /* alone, it computes wrong the same way each time */
    assert_int_equal(found, ranks > 1);
    snprintf(words, sizeof words, "rank %d on ", bad);
    if (ranks > 1) says(&why, words);
    if (ranks == 2) says(&why, "repetitions do not say which are right");
    if (ranks > 2) says(&why, "got other bits of dense/kernel than rank ");
    train_run_close(s);
    memory_free(s);
}

/* Which thread of the process this is; of a team of two, thread 1 is the bad one. */
static _Thread_local int is_bad_thread;

static void wrong_in_a_thread(const stage *s, const stage_io *io, int samples, float *gradient)
{
    fault.right[number_of(s)]->backward_leaf(s, io, samples, gradient);
    if (is_bad_thread) flip(gradient, s);
}

static void choose_thread(void *context, int thread)
{
    (void)context;
    is_bad_thread = thread == 1;
}

static void a_bad_thread_of_one_rank_is_found(void **state)
{
    (void)state;
    if (world()->ranks > 1) return;
    session *s = memory_take(sizeof *s);
    train_run_open(s, audited(mixed, "1"), 2, 0);
    make_vulnerable(s);
    fault.element = 5;
    fault.bit = 2;
    fault.wrong[0].backward_leaf = wrong_in_a_thread;
    team_run(choose_thread, NULL);
    step_result r = step_run(step_new(s), 0, 0, 0);
    assert_true(r.audit_differs); /* one of the two computes it in either case */
    train_run_close(s);
    memory_free(s);
}

/* ---- a whole run ---- */

static void strike_later(session *s)
{
    make_vulnerable(s);
    fault.always = 1;
    fault.element = 3;
    fault.bit = 7;
    fault.at = s->layout->rank == s->layout->ranks - 1 ? 0 : -1;
}

static void a_run_stops_and_goes_on(void **state)
{
    (void)state;
    train_result whole, parts;
    failure why = {""};
    settings cfg = audited(dense, "2");
    train_run_set(&cfg, "epochs", "6");
    assert_int_equal(train_run_once(cfg, "whole", NULL, &whole, &why), STATUS_OK);
    settings first = cfg;
    train_run_set(&first, "epochs", "1");
    assert_int_equal(train_run_once(first, "parts", NULL, &parts, &why), STATUS_OK);
    train_run_set(&cfg, "resume", "yes");
    if (world()->ranks > 1) {
        assert_int_equal(train_run_once(cfg, "parts", strike_later, &parts, &why), STATUS_STOPPED);
        says(&why, "a processor or the memory of a host may be faulty");
        says(&why, "the last checkpoint is kept: go on with --resume");
    }
    /* damage before it was found is in no checkpoint only if audits are as frequent: here the first step is struck */
    assert_int_equal(train_run_once(cfg, "parts", NULL, &parts, &why), STATUS_OK);
    assert_string_equal(parts.parameters_digest, whole.parameters_digest);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bits_stay_and_nothing_is_found),
        cmocka_unit_test(many_passes),
        cmocka_unit_test(ten_thousand_steps_without_an_alarm),
        cmocka_unit_test(a_hundred_flips_of_a_hundred_are_found),
        cmocka_unit_test(a_bad_rank_is_named),
        cmocka_unit_test(a_bad_thread_of_one_rank_is_found),
        cmocka_unit_test(a_run_stops_and_goes_on),
    };
    train_run_begin(&argc, &argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return train_run_end(failed);
}
