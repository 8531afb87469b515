/* app.h - what a command knows of the place where it runs.                              layer: app */
#ifndef MNIST_DIST_APP_APP_H
#define MNIST_DIST_APP_APP_H

#include "app/limit.h"
#include "app/options.h"
#include "base/place.h"
#include "comm/comm.h"

typedef struct app {
    options o;
    place here;                      /* this process                                        */
    double started_s;                /* timer_now_s() when MPI had started                  */
    comm *c;                         /* NULL for a command that runs alone                  */
    const comm_layout *layout;       /* likewise                                            */
    place_advice advice;             /* of this rank: threads, its host's cores             */
    int threads_least, threads_most; /* over all ranks                                */
    int cores_total;                 /* of all hosts                                        */
    int workers;                     /* threads of all ranks together                       */
    int crowded;                     /* 1: on some host more threads than cores             */
    limit limit;                     /* of a training, on rank 0                            */
} app;

/* 1 on the rank that prints. */
static inline int app_speaks(const app *a)
{
    return !a->layout || a->layout->rank == 0;
}

/* The commands; see options_commands. All ranks get the same status. */
status train_command(app *a, message *why);
status evaluate_command(app *a, message *why);
status predict_command(app *a, message *why);
status export_command(app *a, message *why);
status summary_command(app *a, message *why);
status inspect_command(app *a, message *why);
status verify_command(app *a, message *why);
status bench_command(app *a, message *why);
status env_command(app *a, message *why);

#endif
