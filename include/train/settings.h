/* settings.h - everything a run can be told, as one table.                             layer: train
 *
 * Each row says what an option means for the bits of a run:
 *   BITS    defines them: stored in checkpoints, must match on resume
 *   GROWS   may change on resume (more epochs, another learning rate)
 *   PLACE   layout, place and looks: never stored in checkpoints (config.json has them all)
 * `epochs` GROWS, but defines bits where the schedule is stretched over all epochs: settings_role.
 * The command line, config.json, checkpoints and error messages all come from this table. Reals that are not set are
 * NaN until settings_resolve; those without a meaning for the chosen optimizer stay NaN and are left out of JSON.
 *
 * Threads: one.   Collective: no.   Errors: STATUS_USAGE, naming option, value, what is allowed and the nearest word.
 * Test: tests/unit/train_settings.c
 */
#ifndef MNIST_DIST_TRAIN_SETTINGS_H
#define MNIST_DIST_TRAIN_SETTINGS_H

#include <stdint.h>

#include "base/error.h"
#include "data/augment.h"
#include "model/model.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

enum {
    SETTINGS_TEXT = 1024,
    SETTINGS_MAX_THREADS = 256, /* of a rank */
    SETTINGS_MAX_RANKS = 4096,
    SETTINGS_MAX_EPOCHS = 10000
};

typedef enum reduce_mode { REDUCE_TREE, REDUCE_MPI } reduce_mode;
typedef enum eval_place { EVAL_ON_ALL, EVAL_ON_ROOT } eval_place;
typedef enum yes_no { NO, YES } yes_no;
typedef enum sharing_choice { SHARE_AUTO, SHARE_OFF } sharing_choice;
typedef enum gemm_choice { GEMM_CHOICE_AUTO, GEMM_CHOICE_OWN, GEMM_CHOICE_BLIS } gemm_choice;
typedef enum progress_style {
    PROGRESS_AUTO,
    PROGRESS_BAR,
    PROGRESS_PLAIN,
    PROGRESS_JSON,
    PROGRESS_NONE
} progress_style;

typedef enum rate_scaling { SCALING_NONE, SCALING_LINEAR, SCALING_SQRT } rate_scaling;
typedef enum monitored {
    MONITOR_VALIDATION_LOSS,
    MONITOR_VALIDATION_ACCURACY,
    MONITOR_LOSS,
    MONITOR_ACCURACY
} monitored;

typedef struct settings {
    char model[SETTINGS_TEXT];
    char data[SETTINGS_TEXT]; /* "": search */
    int64_t classes;          /* 0: from the data */
    int64_t epochs;
    int64_t batch_size; /* global */
    double validation_split;
    char optimizer[SETTINGS_TEXT];
    double learning_rate; /* NaN: the optimizer's default; likewise below */
    double momentum, beta1, beta2, epsilon, weight_decay;
    double clip_norm;             /* 0: off */
    double label_smoothing;       /* 0: off */
    char schedule[SETTINGS_TEXT]; /* optim/schedule.h */
    char warmup[SETTINGS_TEXT];   /* a length */
    int lr_scaling;               /* rate_scaling */
    int monitor;                  /* monitored */
    int64_t patience;             /* epochs; 0: off */
    double min_delta;
    double target_accuracy;      /* 0: off */
    char augment[SETTINGS_TEXT]; /* "none" or a spec as in data/augment.h */
    int shuffle;                 /* yes_no */
    int64_t seed;
    int64_t threads;         /* 0: auto */
    char out[SETTINGS_TEXT]; /* "": runs/MODEL-DATA-N */
    int resume;              /* yes_no */
    char resume_from[SETTINGS_TEXT];
    char weights[SETTINGS_TEXT];                /* "": parameters from the seed */
    char checkpoint_every[SETTINGS_TEXT];       /* train/cadence.h */
    int64_t keep;                               /* checkpoints older than the last */
    char time_limit[SETTINGS_TEXT];             /* a duration as in base/text.h; "0": none */
    char time_margin[SETTINGS_TEXT];            /* likewise */
    int64_t limit, max_steps;                   /* 0: all */
    int64_t digest_every;                       /* steps; 0: off */
    char hang_timeout[SETTINGS_TEXT];           /* a duration as in base/text.h; "0": off */
    int reduce, eval_on, share, gemm, progress; /* the enums above */
    int exact_conv;                             /* yes_no */
    int profile;                                /* yes_no */
    int64_t grain;
    char isa[SETTINGS_TEXT]; /* "auto" */
} settings;

typedef enum setting_type {
    SETTING_TEXT,
    SETTING_INTEGER,
    SETTING_REAL,
    SETTING_CHOICE
} setting_type;
typedef enum setting_role { SETTING_BITS, SETTING_GROWS, SETTING_PLACE } setting_role;

typedef struct setting {
    const char *name; /* the long option, and the key in JSON */
    int letter;       /* the short option, or 0               */
    setting_type type;
    setting_role role;
    size_t offset;              /* into settings                        */
    double low, high;           /* allowed values of numbers, both included */
    const char *const *choices; /* of SETTING_CHOICE, NULL at the end: the enum's words in order */
    const char *value_name;     /* in --help: N, F, DIR; NULL: a flag, which sets "yes" */
    const char *help;           /* in --help, with the default in words */
} setting;

/* The table, in the order of --help; *count receives its rows. */
const setting *settings_table(int *count);

/* What the row means with these settings. */
setting_role settings_role(const settings *s, const setting *row);

settings settings_default(void);

/* The row of a name, or NULL. */
const setting *settings_row(const char *name);

/* Sets one option from its text. Unknown names: STATUS_USAGE with the nearest. */
status settings_set(settings *s, const char *name, const char *value, message *why);

/* Unsets what belongs to an optimizer (learning rate, momentum, betas, epsilon), before another one is chosen. */
void settings_forget_optimizer(settings *s);

/* The value of a row as settings_set takes it: out[SETTINGS_TEXT]; "" where it is not set. */
void settings_value(const settings *s, const setting *row, char *out);

/* After all options are set: fills in what depends on others (learning rate, momentum), checks combinations. */
status settings_resolve(settings *s, message *why);

/* Are there no more ranks than a step's small message has room for? */
status settings_check_ranks(int ranks, message *why);

/* The optimizer as set, with the learning rate that a schedule starts from; after settings_resolve. */
optimizer_cfg settings_optimizer(const settings *s);

/* The model as set, for images of this size. */
model_cfg settings_model(const settings *s, int height, int width, int classes, const kernels *k);

/* The schedule with its warm-up; after settings_resolve. */
schedule settings_schedule(const settings *s);

/* --lr-scaling's factor: (batch / 128) or its root. Goyal et al., arXiv 1706.02677, section 2.1, for SGD; the root for the
 * adam family: Krizhevsky, arXiv 1404.5997, section 5. */
double settings_rate_factor(const settings *s);

/* --hang-timeout in seconds; after settings_resolve. */
double settings_hang_timeout(const settings *s);
/* --time-limit and --time-margin in seconds; after settings_resolve. */
double settings_time_limit(const settings *s);
double settings_time_margin(const settings *s);

/* The augmentation as set; after settings_resolve. */
augment_cfg settings_augment(const settings *s);

/* JSON text of the rows whose role is at most `most` (SETTING_PLACE: all), in table order, freed with memory_free. */
char *settings_to_json(const settings *s, setting_role most);

/* Sets options from a JSON object as settings_to_json writes it (unknown keys are refused). */
status settings_from_json(settings *s, const char *json, message *why);

/* STATUS_USAGE naming the first BITS row in which the two differ, with both values. */
status settings_match(const settings *now, const char *stored_json, message *why);

#endif
