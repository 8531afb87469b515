/* app/limit.c - when a training must stop. */
#include "app/limit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

/* The number of the job into out[size], such as 123; of a task of an array 123_4, because squeue takes the number of the array
 * for all its tasks. Returns 0 if there is no job. */
static int find_job(char *out, size_t size)
{
    int64_t number;
    const char *job = getenv("SLURM_JOB_ID"), *array = getenv("SLURM_ARRAY_JOB_ID"),
               *task = getenv("SLURM_ARRAY_TASK_ID");
    if (!job || !text_to_int(job, &number)) return 0;
    snprintf(out, size, "%s", job);
    if (array && task && text_to_int(array, &number) && text_to_int(task, &number))
        snprintf(out, size, "%s_%s", array, task);
    return 1;
}

/* The time left, as squeue prints it (a duration or a word), into out[size]; "" if squeue does not answer. */
static void ask_squeue(const char *job, char *out, size_t size)
{
    char command[128];
    out[0] = 0;
    snprintf(command, sizeof command,
             "timeout 20 squeue --noheader --jobs=%s --format=%%L 2>/dev/null", job);
    FILE *answer = popen(command, "r");
    if (!answer) return;
    if (!fgets(out, (int)size, answer)) out[0] = 0;
    pclose(answer);
    out[strcspn(out, " \n")] = 0;
}

/* Seconds until the end that SLURM_JOB_END_TIME gives; NaN if it is not set. */
static double variable_left_s(void)
{
    int64_t end;
    const char *known = getenv("SLURM_JOB_END_TIME");
    return known && text_to_int(known, &end) ? (double)(end - (int64_t)time(NULL)) : (double)NAN;
}

/* Seconds until the job's end; INFINITY if it has none, NaN if that is not known. An end that has passed is ignored: the
 * variable is left over in a shell or a container that was started in a job that is over. */
static double job_left_s(const char *job)
{
    char left[64];
    double seconds = variable_left_s();
    if (seconds > 0) return seconds;
    ask_squeue(job, left, sizeof left);
    if (strcmp(left, "UNLIMITED") == 0) return (double)INFINITY;
    return text_to_duration(left, &seconds) ? seconds : (double)NAN;
}

static limit job_limit(double margin_s)
{
    limit l = {.seconds = (double)INFINITY};
    char job[64];
    if (!find_job(job, sizeof job)) return l;
    double left_s = job_left_s(job);
    if (isnan(left_s))
        snprintf(l.text, sizeof l.text, "the end of SLURM job %s is unknown%s: give --time-limit",
                 job,
                 variable_left_s() <= 0 ? " (SLURM_JOB_END_TIME has passed, and is ignored)" : "");
    if (!isfinite(left_s)) return l;
    margin_s = fmin(margin_s, left_s / 2);
    l.seconds = left_s - margin_s;
    snprintf(l.text, sizeof l.text,
             "the end of SLURM job %s, in %s; stops with a checkpoint %s before", job,
             text_duration(left_s).text, text_duration(margin_s).text);
    return l;
}

limit limit_find(const settings *cfg)
{
    double limit_s = settings_time_limit(cfg), margin_s = settings_time_margin(cfg);
    if (limit_s == 0) return job_limit(margin_s);
    limit l = {.seconds = limit_s - margin_s};
    snprintf(l.text, sizeof l.text, "--time-limit=%.60s; stops with a checkpoint %.60s before",
             cfg->time_limit, cfg->time_margin);
    return l;
}
