/* app.h - the state that every command gets: its options, its ranks, its threads.          room: app
 *
 * main fills in o, here and, where MPI is not needed, speaks; launch_begin fills in the rest. Threads: one.
 */
#ifndef MNIST_DIST_APP_APP_H
#define MNIST_DIST_APP_APP_H

#include "app/limit.h"
#include "app/options.h"
#include "base/place.h"
#include "comm/comm.h"

typedef struct app {
    options o;
    place here;                      /* what this process may use of its host       */
    double started_s;                /* timer_now_s() right after MPI's start       */
    comm *c;                         /* NULL for a command of COMMAND_ALONE         */
    const comm_layout *layout;       /* likewise                                    */
    place_advice advice;             /* the threads of this rank, its host's cores  */
    int threads_least, threads_most; /* of one rank, over all ranks                 */
    int cores_total;                 /* of all hosts                                */
    int workers;                     /* threads of all ranks together               */
    int crowded;                     /* 1: a host has more threads than cores       */
    limit limit;                     /* of a training; set on rank 0 alone          */
    int speaks;                      /* 1 on the rank that prints: MPI's rank 0     */
    char crossed[256];               /* env: what is wrong between launcher and MPI; "": nothing  */
} app;

/* 1 if the command is the training; 0 before the command line was read. */
static inline int app_trains(const app *a)
{
    return a->o.command && a->o.command->place == COMMAND_TRAINING;
}

static inline int app_speaks(const app *a)
{
    return a->speaks;
}

/* The commands; options_commands lists them. Collective, except commands of COMMAND_ALONE, which rank 0 alone calls.
 * All ranks return the same status. */
status train_command(app *a, failure *why);
status evaluate_command(app *a, failure *why);
status predict_command(app *a, failure *why);
status export_command(app *a, failure *why);
status summary_command(app *a, failure *why);
status inspect_command(app *a, failure *why);
status verify_command(app *a, failure *why);
status bench_command(app *a, failure *why);
status selftest_command(app *a, failure *why);
status env_command(app *a, failure *why);
/* bench --write-trace */
status bench_trace_command(const app *a, failure *why);

#endif
