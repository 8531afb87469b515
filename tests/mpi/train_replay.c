/* The traces of a layout have the messages that a run on this layout sends: rank for rank the same bytes. And how ranks share
 * memory while they are measured for such traces. */
#include "train_run.h"

#include "check.h"
#include "train/replay.h"
#include "train/session.h"
#include "train/step.h"
#include "unit/data_files.h"

enum { BATCH = 104, TAG_BOARD = 2, ROUNDS = 64 };

static const char *const models[] = {"cnn", "conv2d 8 3 relu; maxpool 2; flatten; dense 10"};

static settings settings_of(const char *spec)
{
    settings cfg = settings_default();
    (void)snprintf(cfg.data, sizeof cfg.data, "%s", "synthetic");
    (void)snprintf(cfg.model, sizeof cfg.model, "%s", spec);
    cfg.batch_size = BATCH;
    cfg.limit = 4 * BATCH;
    return cfg;
}

/* Bytes that this rank sends in a step of a run. */
static int64_t sent_in_a_step(session *s)
{
    stepper *p = step_new(s);
    comm_traffic before = comm_get_traffic(s->c);
    step_result r = step_run(p, 0, 0, 0);
    assert_true(r.finite);
    assert_int_equal(r.samples, BATCH);
    return comm_get_traffic(s->c).sent_bytes - before.sent_bytes;
}

/* Those of the exchange in the trace of a rank: without the vote, and without messages of 0 bytes. */
static int64_t sent_in_trace(const folder *f, int rank)
{
    char name[32], line[128];
    (void)snprintf(name, sizeof name, "rank-%d.trace", rank);
    FILE *in = fopen(path_in(f, name).text, "r");
    assert_non_null(in);
    int64_t sum = 0;
    while (fgets(line, sizeof line, in)) {
        int own, to, tag;
        long long bytes;
        if (sscanf(line, "%d isend %d %d %lld", &own, &to, &tag, &bytes) != 4) continue;
        assert_int_equal(own, rank);
        assert_true(to != rank);
        if (tag / ROUNDS != TAG_BOARD) sum += bytes;
    }
    (void)fclose(in);
    return sum;
}

static void compare(const char *spec, int group_size)
{
    failure why;
    session *s = calloc(1, sizeof *s);
    train_run_open(s, settings_of(spec), 1, group_size);
    const comm_layout *l = s->layout;
    CASE("%s in groups of %d", spec, group_size);
    if (l->ranks % (group_size ? group_size : l->ranks) == 0) { /* a trace's hosts are alike */
        folder f = folder_make();
        replay_cfg plan = {.cfg = &s->cfg,
                           .image = s->m.input,
                           .classes = s->m.classes,
                           .dataset = "synthetic",
                           .ranks = l->ranks,
                           .hosts = l->groups,
                           .threads = 1,
                           .steps = 1};
        replay_count count;
        int64_t sent = sent_in_a_step(s);
        assert_int_equal(replay_write(&plan, f.path, &count, &why), STATUS_OK);
        assert_int_equal(sent_in_trace(&f, l->rank), sent);
        comm_sum(s->c, &sent, 1);
        assert_int_equal(count.exchange_bytes, sent);
        assert_int_equal(sent > 0, l->groups > 1);
        folder_remove(&f);
    }
    train_run_close(s);
    free(s);
}

static void bytes_of_runs(void **state)
{
    (void)state;
    for (int m = 0; m < 2; m++)
        for (int size = 0; size <= 2; size++) compare(models[m], size);
}

/* With --share=plain the ranks of a host sum each layer as hosts do: that is what a calibration measures. */
static void plain_sharing_joins_nothing(void **state)
{
    (void)state;
    const sharing_choice choices[] = {SHARE_AUTO, SHARE_PLAIN};
    for (int i = 0; i < 2; i++) {
        session *s = calloc(1, sizeof *s);
        settings cfg = settings_of("cnn");
        cfg.share = choices[i];
        train_run_open(s, cfg, 1, 0);
        assert_int_equal(s->layout->groups, 1);
        assert_int_equal(s->m.joint_bucket >= 0, i == 0 && s->layout->ranks > 1);
        if (i == 1) assert_int_equal(s->joint, 0);
        train_run_close(s);
        free(s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_of_runs),
                                       cmocka_unit_test(plain_sharing_joins_nothing)};
    train_run_begin(&argc, &argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return train_run_end(failed);
}
