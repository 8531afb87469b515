/* app/main.c - who does what, and the exit code. */
#include <signal.h>
#include <stdio.h>

#include "app/app.h"
#include "app/env.h"
#include "app/launch.h"
#include "app/print.h"
#include "base/team.h"

/* A rank that ends with another code than 0 makes mpirun kill the others: so rank 0 alone returns it, after all are
 * done with MPI. */
static int finish(status code, const message *why, int speaks)
{
    if (code && speaks) print_failure(why);
    return speaks ? (int)code : 0;
}

static int answer(const options *o)
{
    if (launch_announced_rank() != 0) return 0;
    if (o->ask == ASK_VERSION)
        env_print_version(stdout);
    else
        options_print_help(o, stdout);
    return 0;
}

static int run_alone(app *a, message *why)
{
    int speaks = launch_announced_rank() == 0;
    return finish(speaks ? a->o.command->run(a, why) : STATUS_OK, why, speaks);
}

static int run_ranks(app *a, int argc, char **argv, message *why)
{
    launch_again_with_patience(a, argv);
    launch_begin(a, &argc, &argv);
    status code = settings_check_ranks(a->layout->ranks, why);
    if (!code) code = a->o.command->run(a, why);
    int speaks = app_speaks(a);
    fflush(stdout);
    launch_end(a);
    return finish(code, why, speaks);
}

int main(int argc, char **argv)
{
    static app a;
    message why = {""};
    team_flush_denormals();
    signal(SIGXFSZ,
           SIG_IGN); /* a file beyond its limit is then an error of write(), told in words */
    a.here = place_read();
    status code = options_parse(argc, argv, &a.o, &why);
    if (!code && a.o.ask) return answer(&a.o);
    if (!code) code = settings_resolve(&a.o.cfg, &why);
    if (code) return finish(code, &why, launch_announced_rank() == 0);
    return a.o.command->place == COMMAND_ALONE ? run_alone(&a, &why)
                                               : run_ranks(&a, argc, argv, &why);
}
