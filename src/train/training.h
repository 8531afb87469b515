/* train/training.h - a run while it goes, shared by the files of the trainer.       room: train (private)
 *
 *   training_save.c    notes for the user, checkpoints, leaving early
 *   training_begin.c   the run folder, and the parameters to begin with
 *   training_end.c     the test set, the results, the profile
 *   trainer.c          epochs of steps
 *
 * Collective over all ranks, except as said; the same status on every rank.   Errors: as train_run.
 */
#ifndef MNIST_DIST_SRC_TRAIN_TRAINING_H
#define MNIST_DIST_SRC_TRAIN_TRAINING_H

#include "train/cadence.h"
#include "train/guard.h"
#include "train/run_folder.h"
#include "train/state.h"
#include "train/step.h"
#include "train/trainer.h"

typedef struct training {
    session *s;
    stepper *p;
    profile *profile; /* NULL: none                */
    guard *guard;     /* --digest-every; else NULL */
    const train_observer *watch;
    char folder[FILE_PATH]; /* rank 0 */
    folder_lock lock;       /* rank 0 */
    metrics *record;        /* rank 0 */
    history_text history;   /* rank 0 */
    progress_state progress;
    int steps_per_epoch;
    cadence every;      /* of checkpoints                                              */
    int due;            /* 1: a checkpoint after this step or epoch, by rank 0's clock */
    int64_t saved_step; /* of what last.weights.h5 holds; -1: there is none            */
    int saved_epoch;    /* likewise                                                    */
    double saved_s;     /* when it was written                                         */
    int stop;           /* why to leave early (base/stop.h), the same on all ranks     */
    int stopped;        /* 1: by --patience or --target-accuracy                       */
    failure reason;     /* of that, or ""                                              */
    /* of this part of the run, by this rank's clock */
    double began_s;
    double training_s;           /* in steps     */
    int64_t trained;             /* samples      */
    double phase_s[STEP_PHASES]; /* of the epoch */
    char digest[33]; /* rank 0: of the parameters after the newest step; "": not asked for */
} training;

/* ---- training_save.c ---- */

int training_is_root(const training *t);
/* Gives the observer a line, on rank 0, if it is not empty. Not collective. */
void training_note(const training *t, const char *line);
/* Writes a checkpoint. */
status training_save(training *t, checkpoint_role role, failure *why);
/* Returns STATUS_STOPPED, with a checkpoint of this step. */
status training_leave(training *t, failure *why);

/* ---- training_begin.c ---- */

/* Makes the run folder, restores what --resume, --resume-from or --weights names, opens the record. */
status training_begin(training *t, failure *why);

/* The loss that a plateau of the schedule watches: of validation, or of training without it. Not collective. */
double training_watched_loss(const metrics_epoch *e);

/* ---- training_end.c ---- */

/* Tests the parameters, and the best ones, and writes the results. */
status training_end(training *t, train_result *r, failure *why);
/* Ends the profile of a run that ended with `code`: returns `code`, or the status of profile_end after STATUS_OK. */
status training_end_profile(training *t, status code, failure *why);

#endif
