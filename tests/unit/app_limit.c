/* unit/app_limit.c - where the time limit of a training comes from: the option, SLURM's variable, or squeue. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/limit.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static char folder[] = "/tmp/app_limit.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return !mkdtemp(folder) || setenv("PATH", folder, 1);
}

static int remove_folder(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "%s/squeue", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/timeout", folder);
    unlink(path);
    return rmdir(folder);
}

static void script(const char *name, const char *body)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    fclose(file);
    assert_int_equal(chmod(path, 0755), 0);
}

static limit found(const char *time_limit, const char *margin)
{
    settings s = settings_default();
    failure why = {""};
    assert_int_equal(settings_set(&s, "time-limit", time_limit, &why), STATUS_OK);
    assert_int_equal(settings_set(&s, "time-margin", margin, &why), STATUS_OK);
    assert_int_equal(settings_resolve(&s, &why), STATUS_OK);
    return limit_find(&s);
}

static void no_job(void)
{
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_JOB_END_TIME");
    unsetenv("SLURM_ARRAY_JOB_ID");
    unsetenv("SLURM_ARRAY_TASK_ID");
}

static void says(const limit *l, const char *words)
{
    if (!strstr(l->text, words)) fail_msg("no '%s' in: %s", words, l->text);
}

static void without_anything_there_is_none(void **state)
{
    (void)state;
    no_job();
    limit l = found("0", "60s");
    assert_true(isinf(l.seconds));
    assert_string_equal(l.text, "");
}

static void the_option_holds(void **state)
{
    (void)state;
    setenv("SLURM_JOB_ID", "17", 1);
    setenv("SLURM_JOB_END_TIME", "1", 1); /* over long ago, and not looked at */
    limit l = found("2h", "90s");
    assert_true(l.seconds == 7110);
    says(&l, "--time-limit=2h; stops with a checkpoint 90s before");
}

static void the_variable_holds(void **state)
{
    char end[32];
    (void)state;
    no_job();
    setenv("SLURM_JOB_ID", "17", 1);
    snprintf(end, sizeof end, "%lld", (long long)time(NULL) + 5000);
    setenv("SLURM_JOB_END_TIME", end, 1);
    limit l = found("0", "60s");
    assert_true(l.seconds > 4900 && l.seconds <= 4940);
    says(&l, "the end of SLURM job 17");
}

static void squeue_is_asked(void **state)
{
    (void)state;
    no_job();
    setenv("SLURM_JOB_ID", "17", 1);
    script("timeout", "shift; \"$@\"");
    script("squeue", "case $2 in --jobs=17) echo 1:00:00 ;; esac");
    limit l = found("0", "60s");
    assert_true(l.seconds == 3540);
    says(&l, "the end of SLURM job 17, in 1:00:00; stops with a checkpoint 60s before");
    script("squeue", "echo 1:00"); /* as long as the margin: half of it */
    assert_true(found("0", "60s").seconds == 30);
    script("squeue", "[ $2 = --jobs=12_3 ] && echo 1-00:00:00");
    setenv("SLURM_ARRAY_JOB_ID", "12", 1);
    setenv("SLURM_ARRAY_TASK_ID", "3", 1);
    assert_true(found("0", "60s").seconds == 86340);
}

/* In a shell or container that was started in a job that is over. */
static void an_end_that_has_passed_is_ignored(void **state)
{
    (void)state;
    no_job();
    setenv("SLURM_JOB_ID", "17", 1);
    setenv("SLURM_JOB_END_TIME", "1700000000", 1);
    script("timeout", "shift; \"$@\"");
    script("squeue", "exit 1");
    limit l = found("0", "60s");
    assert_true(isinf(l.seconds));
    says(&l, "job 17 is unknown (SLURM_JOB_END_TIME has passed, and is ignored): give");
    script("squeue", "echo 1:00:00"); /* the job goes on: its limit was raised */
    assert_true(found("0", "60s").seconds == 3540);
}

static void squeue_may_not_know(void **state)
{
    (void)state;
    no_job();
    setenv("SLURM_JOB_ID", "17", 1);
    script("timeout", "shift; \"$@\"");
    script("squeue", "echo UNLIMITED");
    limit l = found("0", "60s");
    assert_true(isinf(l.seconds));
    assert_string_equal(l.text, "");
    static const char *const answers[] = {"exit 1", "echo", "echo INVALID"};
    for (int i = 0; i < 3; i++) {
        script("squeue", answers[i]);
        l = found("0", "60s");
        assert_true(isinf(l.seconds));
        says(&l, "the end of SLURM job 17 is unknown: give --time-limit");
    }
    setenv("SLURM_JOB_ID", "17; touch x", 1); /* no number: nothing is asked */
    l = found("0", "60s");
    assert_string_equal(l.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_there_is_none),
        cmocka_unit_test(the_option_holds),
        cmocka_unit_test(the_variable_holds),
        cmocka_unit_test(squeue_is_asked),
        cmocka_unit_test(an_end_that_has_passed_is_ignored),
        cmocka_unit_test(squeue_may_not_know),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
