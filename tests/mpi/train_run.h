/* train_run.h - small trainings in a scratch folder, for tests of runs on several ranks.
 *
 *   train_run_begin(&argc, &argv);  failed = cmocka_run_group_tests(...);  return train_run_end(failed);
 */
#ifndef MNIST_DIST_TESTS_TRAIN_RUN_H
#define MNIST_DIST_TESTS_TRAIN_RUN_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/denormals.h"
#include "base/team.h"
#include "comm/comm.h"
#include "io/file.h"
#include "train/trainer.h"

static struct {
    comm *keeper;         /* MPI ends with the last comm */
    char path[FILE_PATH]; /* the same on all ranks       */
} train_run_scratch;

static inline comm *train_run_comm(void)
{
    return train_run_scratch.keeper;
}

static inline const comm_layout *train_run_layout(void)
{
    return comm_get_layout(train_run_scratch.keeper);
}

static inline const char *train_run_folder(void)
{
    return train_run_scratch.path;
}

static inline void train_run_set(settings *cfg, const char *name, const char *value)
{
    failure why;
    CHECK(settings_set(cfg, name, value, &why) == STATUS_OK, "%s", why.text);
}

/* 270 samples train: 5 steps an epoch, the last of 14 samples. */
static inline settings train_run_settings(void)
{
    settings cfg = settings_default();
    train_run_set(&cfg, "data", "synthetic");
    train_run_set(&cfg, "model", "flatten; dense 12 relu; dense 10");
    train_run_set(&cfg, "limit", "300");
    train_run_set(&cfg, "batch-size", "64");
    train_run_set(&cfg, "epochs", "2");
    return cfg;
}

/* threads: of each rank; width: of a group of shared memory, 0: all ranks. *s must be zeroed. */
static inline void train_run_open(session *s, settings cfg, int threads, int width)
{
    failure why;
    comm_cfg ranks = comm_cfg_default();
    ranks.cores = 1;
    ranks.group_size = width;
    status code = settings_resolve(&cfg, &why);
    dataset_cfg digits = dataset_cfg_default();
    dataset_plan *plan = memory_take(sizeof *plan);
    digits.folder = cfg.data;
    digits.synthetic_train = (int)cfg.limit;
    digits.synthetic_test = 20;
    session_cfg open = {
        .cfg = cfg, .c = comm_open(&ranks), .threads = threads, .cores = 1, .plan = plan};
    if (!code) code = dataset_find(&digits, plan, &why);
    if (!code) code = session_open(s, &open, &why);
    memory_free(plan);
    CHECK(!code, "%s", why.text);
}

static inline void train_run_close(session *s)
{
    session_close(s);
    comm_close(s->c);
}

/* A run in the folder `name`, with one thread a rank. opened(s), if not NULL, is called before it begins. */
static inline status train_run_once(settings cfg, const char *name, void (*opened)(session *s),
                                    train_result *result, failure *why)
{
    session *s = memory_take(sizeof *s);
    char path[FILE_PATH], written[FILE_PATH];
    const train_observer observer = {.stepped = NULL};
    *result = (train_result){.epochs = 0};
    snprintf(path, sizeof path, "%.900s/%s", train_run_scratch.path, name);
    train_run_set(&cfg, "out", path);
    train_run_open(s, cfg, 1, 0);
    if (opened) opened(s);
    status code = train_run(s, NULL, &observer, result, written, why);
    train_run_close(s);
    memory_free(s);
    return code;
}

static inline void train_run_begin(int *argc, char ***argv)
{
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* a rank that fails ends all */
    denormals_flush();
    comm_start(argc, argv, 1);
    comm_cfg cfg = comm_cfg_default();
    char *path = train_run_scratch.path;
    train_run_scratch.keeper = comm_open(&cfg);
    if (train_run_layout()->rank == 0) {
        const char *base = getenv("TMPDIR");
        snprintf(path, FILE_PATH, "%.900s/mnist_dist_run.XXXXXX", base && base[0] ? base : "/tmp");
        CHECK(mkdtemp(path), "no folder %s", path);
    }
    comm_broadcast(train_run_scratch.keeper, path, FILE_PATH);
}

static inline int train_run_end(int failed)
{
    char command[FILE_PATH + 16];
    comm_barrier(train_run_scratch.keeper);
    snprintf(command, sizeof command, "rm -rf '%s'", train_run_scratch.path);
    if (train_run_layout()->rank == 0) CHECK(system(command) == 0, "%s", command);
    comm_close(train_run_scratch.keeper);
    return failed;
}

#endif
