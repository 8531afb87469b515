/* app/main.c - from the command line to a command, and its exit code. */
#include <signal.h>
#include <stdio.h>

#include "app/app.h"
#include "app/env.h"
#include "app/launch.h"
#include "app/print.h"
#include "app/rlimits.h"
#include "app/streams.h"
#include "base/denormals.h"

/* The process' exit code. Only rank 0 returns the status, after all ranks have left MPI: mpirun kills the other ranks when one
 * of them ends with a code other than 0. */
static int finish(status code, const failure *why, int speaks)
{
    if (code && speaks) print_failure(why);
    return speaks ? (int)code : 0;
}

static status answer(const options *o)
{
    if (o->ask == ASK_VERSION)
        env_print_version(stdout);
    else
        options_print_help(o, stdout);
    return STATUS_OK;
}

static status read_command_line(app *a, int argc, char **argv, failure *why)
{
    status code = options_parse(argc, argv, &a->o, why);
    return code || a->o.ask ? code : settings_resolve(&a->o.cfg, why);
}

/* A command for one rank, or help: MPI has ended already. */
static status work_alone(app *a, failure *why)
{
    if (!a->speaks) return STATUS_OK;
    return a->o.ask ? answer(&a->o) : a->o.command->run(a, why);
}

static int run(app *a, int argc, char **argv)
{
    failure why = {""};
    status code = read_command_line(a, argc, argv, &why);
    if (!code) code = rlimits_raise(&why);
    int on_ranks = !code && launch_uses_ranks(a);
    /* a training outlives the reader of its output, such as head */
    if (on_ranks && app_trains(a)) signal(SIGPIPE, SIG_IGN);
    if (on_ranks && app_trains(a)) rlimits_warn_early();
    if (!code) launch_again(a, argv);
    a->speaks = 1;
    if (on_ranks || comm_may_have_ranks()) code = launch_begin(a, &argc, &argv, code, &why);
    if (!code) code = on_ranks ? a->o.command->run(a, &why) : work_alone(a, &why);
    streams_flush();
    launch_end(a);
    return finish(code, &why, a->speaks);
}

int main(int argc, char **argv)
{
    static app a;
    streams_open();
    denormals_flush();
    if (argc > 0 && argv[0][0]) print_set_program(argv[0]);
    /* A write beyond the limit of a file's size then fails with an error, which is reported in words. */
    signal(SIGXFSZ, SIG_IGN);
    a.here = place_read();
    int exit_code = run(&a, argc, argv);
    int left_files = app_trains(&a) && !a.o.ask && !a.o.dry_run &&
                     (exit_code == STATUS_OK || exit_code == STATUS_STOPPED);
    options_free(&a.o);
    return streams_close(exit_code, left_files ? "lines are lost; the files of the run are whole"
                                               : "what was printed is not complete");
}
