/* settings.h - the settings of a run, as one table.                                    room: train
 *
 * The command line, --help, config.json, checkpoints and messages come from this table. To add a setting: a member of
 * `settings`, a row in src/train/settings_table.c, and a default in settings_default if it is not 0.
 *
 * The role of a row says what its setting means for the bits of a run:
 *   BITS    the bits depend on it: stored in checkpoints, must match when a run is resumed
 *   GROWS   may change when a run is resumed (more epochs, another learning rate)
 *   PLACE   layout, place and output
 * Checkpoints hold the settings of role BITS, config.json holds all.
 * `epochs` is GROWS, except if the schedule is stretched over all epochs: see settings_role.
 *
 * A real that is not set is NaN until settings_resolve; a number that the optimizer does not have stays NaN and is left out of
 * JSON.
 *
 *   settings_table.c <- settings_optimizer.c <- settings.c <- settings_json.c <- settings_match.c
 *                       settings_words.c, settings_resolve.c use them
 *
 * Memory: none but the text of settings_to_json.   Threads: one.   Collective: no.
 * Errors: STATUS_USAGE, naming option, value, what is allowed and the nearest word.
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
    SETTINGS_MAX_EPOCHS = 10000
};

typedef enum reduce_mode { REDUCE_TREE, REDUCE_MPI } reduce_mode;
typedef enum eval_place { EVAL_ON_ALL, EVAL_ON_ROOT } eval_place;
typedef enum yes_no { NO, YES } yes_no;
/* PLAIN: without joint sums (model/executor.h) */
typedef enum sharing_choice { SHARE_AUTO, SHARE_PLAIN, SHARE_OFF } sharing_choice;
typedef enum way_choice { WAY_AUTO, WAY_DIRECT, WAY_HALVING } way_choice;
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
    char model[SETTINGS_TEXT]; /* a preset or a chain: model/model.h */
    char data[SETTINGS_TEXT];  /* "": data/dataset.h searches        */
    int64_t classes;           /* 0: 1 + the largest training label  */
    int64_t epochs;
    int64_t batch_size; /* samples of one step, of all ranks together */
    /* Samples of the largest step that there is, where the data has fewer than batch_size; 0: batch_size. A session sets it;
     * it is no row of the table. */
    int64_t batch_taken;
    double validation_split;
    char optimizer[SETTINGS_TEXT];
    double learning_rate; /* NaN: the optimizer's default; likewise in the next line */
    double momentum, beta1, beta2, epsilon, weight_decay;
    double clip_norm;             /* 0: off                */
    double label_smoothing;       /* 0: off                */
    char schedule[SETTINGS_TEXT]; /* optim/schedule.h      */
    char warmup[SETTINGS_TEXT];   /* a length, base/words.h */
    int lr_scaling;               /* rate_scaling          */
    int monitor;                  /* monitored             */
    int64_t patience;             /* epochs; 0: off        */
    double min_delta;
    double target_accuracy;      /* 0: off                               */
    char augment[SETTINGS_TEXT]; /* "none", or a text of data/augment.h  */
    int shuffle;                 /* yes_no                               */
    int64_t seed;
    int64_t threads;                            /* 0: as many as the rank may use            */
    char out[SETTINGS_TEXT];                    /* "": runs/MODEL-DATA-N                     */
    int resume;                                 /* yes_no                                    */
    char resume_from[SETTINGS_TEXT];            /* "": not given                             */
    int accept_numerics;                        /* yes_no                                    */
    char weights[SETTINGS_TEXT];                /* "": parameters from the seed              */
    int optimizer_state;                        /* yes_no: of `weights`, too                 */
    char checkpoint_every[SETTINGS_TEXT];       /* train/cadence.h                           */
    int64_t keep;                               /* checkpoints older than the last           */
    char time_limit[SETTINGS_TEXT];             /* a duration of base/text.h; "0": none      */
    char time_margin[SETTINGS_TEXT];            /* likewise                                  */
    int64_t limit, max_steps;                   /* training images, steps; 0: all            */
    int64_t digest_every;                       /* steps; 0: off                             */
    int64_t audit;                              /* likewise                                  */
    char hang_timeout[SETTINGS_TEXT];           /* a duration of base/text.h; "0": off       */
    int reduce, eval_on, share, gemm, progress; /* the enums above                           */
    int exchange;                               /* way_choice                                */
    int precision;                              /* precision of kernel/kernels.h             */
    int exact_conv;                             /* yes_no                                    */
    int profile;                                /* yes_no                                    */
    int64_t grain;                              /* samples of a leaf                         */
    char isa[SETTINGS_TEXT];                    /* "auto", or a name of kernel/kernels.h     */
} settings;

typedef enum setting_type {
    SETTING_TEXT,
    SETTING_INTEGER,
    SETTING_REAL,
    SETTING_CHOICE
} setting_type;
typedef enum setting_role { SETTING_BITS, SETTING_GROWS, SETTING_PLACE } setting_role;

/* The headings of --help, in its order. */
typedef enum setting_group {
    GROUP_MODEL,
    GROUP_OPTIMISATION,
    GROUP_RUN,
    GROUP_STOPPING,
    GROUP_PARALLELISM,
    GROUP_OUTPUT,
    GROUPS
} setting_group;

/* Another word for a value: {"val_loss", "validation_loss"}. */
typedef struct setting_alias {
    const char *alias, *word;
} setting_alias;

typedef struct setting {
    const char *name;     /* the long option, and the key in JSON              */
    const char *alias;    /* another name of the option, or NULL               */
    const char *opposite; /* an option without a value that sets "no", or NULL */
    int letter;           /* the short option, or 0                            */
    setting_group group;
    setting_type type;
    setting_role role;
    size_t offset;    /* of the value in settings                 */
    double low, high; /* allowed values of numbers, both included */

    /* The words that the value can be or begin with. */
    const char *const *choices;      /* of SETTING_CHOICE: the enum's words in order, then NULL */
    const char *(*known)(int index); /* of SETTING_TEXT: NULL past the last; NULL: no list      */
    const setting_alias *aliases;    /* of choices: ends with {NULL, NULL}; NULL: none          */

    /* A number of the optimizer. */
    size_t optimizer_offset; /* of the value in optimizer_cfg; 0: the row is no such number */
    unsigned uses;           /* the optimizer_use of optimizers that have it; 0: all have it */

    /* --help. */
    const char *value_name; /* with the unit: STEPS; "{}": the choices; NULL: a flag, sets "yes"  */
    const char *help;       /* without the default; "{}" stands for the words                     */
    const char *otherwise;  /* the default in words, if its value does not explain it; or NULL    */
    const char *(*first_of)(int i); /* the default is the first of these that is there; or NULL   */
    const char *brief;              /* one line for the first screen; NULL: it is not there */
} setting;

/* The table, in the order of config.json; *count receives its rows. */
const setting *settings_table(int *count);

/* "Data and model" */
const char *settings_group_name(setting_group group);

/* The row of a name or an alias, or NULL. */
const setting *settings_row(const char *name);

/* 1 if the row is a number that this optimizer has. */
int settings_applies(const setting *row, const optimizer_type *type);

/* A word that the row's value can be or begin with; of a number of the optimizer, an optimizer that has it. NULL past the
 * last. */
const char *settings_word(const setting *row, int index);

/* The row's default for --help, into out[SETTINGS_TEXT]: "5", or "0.004 for adamw; otherwise 0"; "" for a flag. */
void settings_default_words(const setting *row, char *out);

/* The role of the row under these settings: row->role, or SETTING_BITS for epochs over which the schedule is stretched. */
setting_role settings_role(const settings *s, const setting *row);

/* Every setting at its default; reals of the optimizer NaN. */
settings settings_default(void);

/* Sets one setting, named by its name or alias, from its text. *s is unchanged after an error. */
status settings_set(settings *s, const char *name, const char *value, failure *why);

/* Makes the numbers of the optimizer NaN; for settings of one optimizer in which another one is then chosen. */
void settings_forget_optimizer(settings *s);

/* The value of a row as settings_set takes it, into out[SETTINGS_TEXT]; "" if it is not set. Reals have as few digits as give
 * the same double back. */
void settings_value(const settings *s, const setting *row, char *out);

/* 1: the ranks of a host may sum large dense layers jointly (model_cfg.joint). */
static inline int settings_joint(const settings *s)
{
    return s->reduce == REDUCE_TREE && s->share != SHARE_PLAIN;
}

/* "fp32" */
const char *settings_precision_name(const settings *s);
static inline precision settings_precision(const settings *s)
{
    return (precision)s->precision;
}

/* Call it once all settings are set: fills in the values that depend on others (the optimizer's numbers), and checks values
 * and combinations. */
status settings_resolve(settings *s, failure *why);

/* The part of settings_resolve about the optimizer: its numbers that are not set get its defaults; a number that it does not
 * have is refused. */
status settings_resolve_optimizer(settings *s, failure *why);

/* ---- the settings as other rooms take them; after settings_resolve ---- */

/* With the learning rate that the schedule starts from. */
optimizer_cfg settings_optimizer(const settings *s);

/* For images of this shape, [H,W,C]. */
model_cfg settings_model(const settings *s, shape image, int classes, const kernels *k);

/* With its warm-up. */
schedule settings_schedule(const settings *s);

/* --lr-scaling's factor: (batch / 128) or its root, of the batch that is really taken. Goyal et al., arXiv 1706.02677,
 * section 2.1, for SGD; the root for the adam family: Krizhevsky, arXiv 1404.5997, section 5. */
double settings_rate_factor(const settings *s);

/* In seconds; 0: off. */
double settings_hang_timeout(const settings *s);
double settings_time_limit(const settings *s);
double settings_time_margin(const settings *s);

augment_cfg settings_augment(const settings *s);

/* ---- as JSON, and in a checkpoint ---- */

/* A JSON object of the settings whose role is at most `most` (SETTING_PLACE: all), in the table's order. Checkpoints hold this
 * text: the same settings give the same bytes. The caller frees it with memory_free. */
char *settings_to_json(const settings *s, setting_role most);

/* The member of config.json that describes the data (train/run_data.h); it is no setting. */
#define SETTINGS_DATASET "dataset"

/* Sets settings from a JSON object; names that are no settings are refused, except SETTINGS_DATASET. */
status settings_from_json(settings *s, const char *json, failure *why);

/* May a run with these settings go on from a checkpoint with those? STATUS_USAGE, naming the first setting of role BITS that
 * differs, with both values. */
status settings_match(const settings *now, const char *stored_json, failure *why);

#endif
