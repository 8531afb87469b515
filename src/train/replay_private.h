/* train/replay_private.h - what replay.c plans and replay_rank.c writes down.         room: train (private) */
#ifndef MNIST_DIST_SRC_TRAIN_REPLAY_PRIVATE_H
#define MNIST_DIST_SRC_TRAIN_REPLAY_PRIVATE_H

#include "base/text_buffer.h"
#include "comm/messages_board.h"
#include "model/model.h"
#include "train/replay.h"

/* A layout, and its exchange. */
typedef struct replay_plan {
    const replay_cfg *cfg;
    model *m;
    exchange_cfg exchange;
    int leaves, groups;
    int *group_start;    /* [groups + 1]                       */
    span *slice;         /* [buckets * ranks]                  */
    double pass_samples; /* a rank with more has several passes */
    /* Of a sample: all; until early buckets begin; until late parameters are read */
    double flop, early_flop, first_flop;
    int sample_stages;          /* BY_SAMPLE, with work: between those of each leaf a rank polls */
    int defers;                 /* 1: late parameters arrive in the next step              */
    double packed, late_packed; /* floats of packed forms; of those of late parameters */
} replay_plan;

/* The actions of a rank. Adds what it sends in one step to count. */
text_buffer replay_rank(const replay_plan *p, int rank, replay_count *count);

#endif
