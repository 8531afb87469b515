/* train/settings_table.c - the table of settings: what each of them is called, may be, means and says in --help. */
#include <float.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "data/dataset.h"
#include "model/presets.h"
#include "train/settings.h"

/* ---- words of choices, in the order of their enums ---- */

static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const reduces[] = {"tree", "mpi", NULL};
static const char *const eval_places[] = {"all", "root", NULL};
static const char *const sharings[] = {"auto", "plain", "off", NULL};
static const char *const ways[] = {"auto", "direct", "halving", NULL};
static const char *const gemms[] = {"auto", "own", "blis", NULL};
static const char *const precisions[] = {"fp32", "bf16", NULL};
static const char *const scalings[] = {"none", "linear", "sqrt", NULL};
static const char *const monitors[] = {"validation_loss", "validation_accuracy", "loss", "accuracy",
                                       NULL};
static const char *const progresses[] = {"auto", "bar", "plain", "json", "none", NULL};

/* Keras' names */
static const setting_alias monitor_aliases[] = {{"val_loss", "validation_loss"},
                                                {"val_accuracy", "validation_accuracy"},
                                                {"val_acc", "validation_accuracy"},
                                                {"acc", "accuracy"},
                                                {NULL, NULL}};

/* ---- names from the tables of other rooms; NULL past the last ---- */

static const char *known_isa(int index)
{
    const kernels *k = index > 0 ? kernels_of_level(PRECISION_BF16, index - 1) : NULL;
    return index == 0 ? "auto" : k ? k->name : NULL;
}

/* ---- the table ---- */

#define TEXT(role_, member)                                                                        \
    .type = SETTING_TEXT, .role = SETTING_##role_, .offset = offsetof(settings, member)
#define INTEGER(role_, member, low_, high_)                                                        \
    .type = SETTING_INTEGER, .role = SETTING_##role_, .offset = offsetof(settings, member),        \
    .low = low_, .high = high_
#define REAL(role_, member, low_, high_)                                                           \
    .type = SETTING_REAL, .role = SETTING_##role_, .offset = offsetof(settings, member),           \
    .low = low_, .high = high_
#define CHOICE(role_, member, words)                                                               \
    .type = SETTING_CHOICE, .role = SETTING_##role_, .offset = offsetof(settings, member),         \
    .choices = words
/* a number that some optimizers have, and its place in optimizer_cfg */
#define OF_OPTIMIZER(member, uses_)                                                                \
    .optimizer_offset = offsetof(optimizer_cfg, member), .uses = uses_

#define MANY  2147483647.0
#define BELOW 0.99999999999 /* the largest fraction: below 1 */

static const setting table[] = {
    {.name = "model",
     .letter = 'm',
     .group = GROUP_MODEL,
     TEXT(BITS, model),
     .known = presets_name,
     .value_name = "NAME",
     .help = "{}; or a chain of layers, such as \"conv2d 32 3 relu; maxpool 2; flatten; "
             "dense 10\"",
     .brief = "{}, or layers"},
    {.name = "data",
     .letter = 'd',
     .group = GROUP_MODEL,
     TEXT(PLACE, data),
     .known = dataset_form,
     .value_name = "DIR",
     .help = "Source of the images: {}. Files can be compressed (.gz); synthetic digits are drawn "
             "by the "
             "program",
     .first_of = dataset_place,
     .brief = "Folder with MNIST's IDX files, or 'synthetic'"},
    {.name = "classes",
     .group = GROUP_MODEL,
     INTEGER(BITS, classes, 0, 256),
     .value_name = "N",
     .help = "Number of classes",
     .otherwise = "1 + the largest training label"},
    {.name = "epochs",
     .letter = 'e',
     .group = GROUP_OPTIMISATION,
     INTEGER(GROWS, epochs, 1, SETTINGS_MAX_EPOCHS),
     .value_name = "N",
     .help = "Passes over the training images",
     .brief = "Passes over the training images"},
    {.name = "batch-size",
     .letter = 'b',
     .group = GROUP_OPTIMISATION,
     INTEGER(BITS, batch_size, 1, 16777216),
     .value_name = "N",
     .help = "Images of one step, of all ranks together",
     .brief = "Images of one step, of all ranks"},
    {.name = "validation-split",
     .group = GROUP_MODEL,
     REAL(BITS, validation_split, 0, BELOW),
     .value_name = "FRACTION",
     .help = "The last part of the training images is used for validation, not for training"},
    {.name = "optimizer",
     .group = GROUP_OPTIMISATION,
     TEXT(BITS, optimizer),
     .known = optimizer_name,
     .value_name = "NAME",
     .help = "{}",
     .brief = "{}"},
    {.name = "learning-rate",
     .alias = "lr",
     .group = GROUP_OPTIMISATION,
     REAL(GROWS, learning_rate, (double)FLT_MIN, DBL_MAX),
     OF_OPTIMIZER(learning_rate, 0),
     .value_name = "F",
     .help = "Learning rate, before --schedule and --lr-scaling",
     .brief = "Learning rate; the default depends on --optimizer"},
    {.name = "lr-scaling",
     .group = GROUP_OPTIMISATION,
     CHOICE(BITS, lr_scaling, scalings),
     .value_name = "{}",
     .help = "How the learning rate grows with the batch: linear multiplies it with batch/128 (for "
             "sgd), sqrt with the root of that (for adam)"},
    {.name = "schedule",
     .group = GROUP_OPTIMISATION,
     TEXT(BITS, schedule),
     .known = schedule_name,
     .value_name = "SPEC",
     .help = "Learning rate over time, with parameters as listed below: {}"},
    {.name = "warmup",
     .group = GROUP_OPTIMISATION,
     TEXT(BITS, warmup),
     .value_name = "LENGTH",
     .help = "The learning rate grows linearly from 0 during this time: 2, 2epochs, 500steps"},
    {.name = "momentum",
     .group = GROUP_OPTIMISATION,
     REAL(BITS, momentum, 0, BELOW),
     OF_OPTIMIZER(momentum, USES_MOMENTUM),
     .value_name = "FACTOR",
     .help = "Part of the last update that is added to the next one, for {}"},
    {.name = "beta1",
     .group = GROUP_OPTIMISATION,
     REAL(BITS, beta1, 0, BELOW),
     OF_OPTIMIZER(beta1, USES_BETA1),
     .value_name = "FACTOR",
     .help = "Decay of the mean of gradients, for {}"},
    {.name = "beta2",
     .group = GROUP_OPTIMISATION,
     REAL(BITS, beta2, 0, BELOW),
     OF_OPTIMIZER(beta2, USES_BETA2),
     .value_name = "FACTOR",
     .help =
         "Decay of the mean of squared gradients (in adamax of the largest gradient; in rmsprop "
         "what Keras calls rho), for {}"},
    {.name = "epsilon",
     .group = GROUP_OPTIMISATION,
     REAL(BITS, epsilon, (double)FLT_MIN, DBL_MAX),
     OF_OPTIMIZER(epsilon, USES_EPSILON),
     .value_name = "F",
     .help = "Added to the denominator, for {}"},
    {.name = "weight-decay",
     .group = GROUP_OPTIMISATION,
     REAL(BITS, weight_decay, 0, BELOW),
     OF_OPTIMIZER(weight_decay, 0),
     .value_name = "F",
     .help = "Each step subtracts learning rate * F * parameter from every parameter; lars adds F "
             "* parameter to the gradient instead"},
    {.name = "clip-norm",
     .group = GROUP_OPTIMISATION,
     REAL(BITS, clip_norm, 0, DBL_MAX),
     .value_name = "NORM",
     .help = "A gradient whose norm over all parameters is larger is scaled down to it; 0: never"},
    {.name = "label-smoothing",
     .group = GROUP_OPTIMISATION,
     REAL(BITS, label_smoothing, 0, BELOW),
     .value_name = "FRACTION",
     .help = "This part of each label is spread over all classes, in the losses of training and "
             "of evaluation"},
    {.name = "augment",
     .group = GROUP_MODEL,
     TEXT(BITS, augment),
     .known = augment_form,
     .value_name = "SPEC",
     .help = "Random changes of the training images, with ';' between them, as in \"shift 2; "
             "rotate 10\": {}"},
    {.name = "shuffle",
     .opposite = "no-shuffle",
     .group = GROUP_MODEL,
     CHOICE(BITS, shuffle, no_yes),
     .value_name = "{}",
     .help = "yes: a new order of the images in every epoch; no, or --no-shuffle: the file's "
             "order"},
    {.name = "seed",
     .group = GROUP_MODEL,
     INTEGER(BITS, seed, 0, 9007199254740991.0),
     .value_name = "N",
     .help = "Decides the initial weights, the order of images, dropout and augmentation",
     .brief = "Start of the random numbers"},
    {.name = "threads",
     .letter = 't',
     .group = GROUP_PARALLELISM,
     INTEGER(PLACE, threads, 0, SETTINGS_MAX_THREADS),
     .value_name = "N",
     .help = "Threads of one rank",
     .otherwise = "OMP_NUM_THREADS, else the cores that the rank may use",
     .brief = "Threads of one rank; if not given, all its cores"},
    {.name = "out",
     .letter = 'o',
     .group = GROUP_RUN,
     TEXT(PLACE, out),
     .value_name = "DIR",
     .help = "Run directory; a run that is there already is never overwritten",
     .otherwise = "runs/MODEL-DATA-N",
     .brief = "Run directory"},
    {.name = "resume",
     .group = GROUP_RUN,
     CHOICE(PLACE, resume, no_yes),
     .help = "Continue the run in --out where it stopped; start it if the folder holds none",
     .brief = "Continue the run in --out where it stopped"},
    {.name = "resume-from",
     .group = GROUP_RUN,
     TEXT(PLACE, resume_from),
     .value_name = "PATH",
     .help = "Continue another run or checkpoint, in a new --out"},
    {.name = "accept-numerics",
     .group = GROUP_RUN,
     CHOICE(PLACE, accept_numerics, no_yes),
     .help = "With --resume or --resume-from: continue a run of another numerics number (see "
             "--version), whose bits differ from this program's; the run then has the bits of "
             "neither"},
    {.name = "weights",
     .group = GROUP_RUN,
     TEXT(GROWS, weights),
     .value_name = "PATH",
     .help = "Start a new run from these parameters: a Keras .weights.h5 or .h5 file, a "
             "checkpoint, or a run directory, of which the last are taken",
     .otherwise = "random, from --seed"},
    {.name = "optimizer-state",
     .group = GROUP_RUN,
     CHOICE(GROWS, optimizer_state, no_yes),
     .help = "With --weights: take the optimizer's state of the file, too: its slots and number of "
             "steps, but not its learning rate"},
    {.name = "checkpoint-every",
     .group = GROUP_RUN,
     TEXT(PLACE, checkpoint_every),
     .value_name = "LENGTH",
     .help = "Write a checkpoint after this time: 2 or 2epochs, 500steps, 10min; 0: only at the "
             "end",
     .otherwise = "1 epoch"},
    {.name = "keep",
     .group = GROUP_RUN,
     INTEGER(PLACE, keep, 0, MANY),
     .value_name = "N",
     .help = "Keep N older checkpoints as step-NNNNNNNN.weights.h5, besides last and prev"},
    {.name = "time-limit",
     .group = GROUP_STOPPING,
     TEXT(PLACE, time_limit),
     .value_name = "TIME",
     .help = "Stop with a checkpoint before this time has passed: 90s, 10min, 2h, HH:MM:SS, "
             "D-HH:MM:SS",
     .otherwise = "the end of the SLURM job, if there is one"},
    {.name = "time-margin",
     .group = GROUP_STOPPING,
     TEXT(PLACE, time_margin),
     .value_name = "TIME",
     .help = "Stop this much before --time-limit, so that there is time for the checkpoint"},
    {.name = "monitor",
     .group = GROUP_STOPPING,
     CHOICE(BITS, monitor, monitors),
     .aliases = monitor_aliases,
     .value_name = "NAME",
     .help = "What makes an epoch the best one: {}; val_loss and val_accuracy are the same as the "
             "first two"},
    {.name = "patience",
     .group = GROUP_STOPPING,
     INTEGER(GROWS, patience, 0, MANY),
     .value_name = "EPOCHS",
     .help = "Stop when --monitor has not improved for this many epochs; 0: never"},
    {.name = "min-delta",
     .group = GROUP_STOPPING,
     REAL(GROWS, min_delta, 0, DBL_MAX),
     .value_name = "F",
     .help = "An epoch is better only if --monitor improves by more than F"},
    {.name = "target-accuracy",
     .group = GROUP_STOPPING,
     REAL(GROWS, target_accuracy, 0, 1),
     .value_name = "FRACTION",
     .help = "Stop when the validation accuracy reaches this; 0: never"},
    {.name = "limit",
     .group = GROUP_MODEL,
     INTEGER(BITS, limit, 0, MANY),
     .value_name = "N",
     .help = "Use only the first N training images, before the validation split; 0: all"},
    {.name = "max-steps",
     .group = GROUP_STOPPING,
     INTEGER(GROWS, max_steps, 0, MANY),
     .value_name = "STEPS",
     .help = "Stop after this many steps; 0: never"},
    {.name = "digest-every",
     .group = GROUP_RUN,
     INTEGER(PLACE, digest_every, 0, MANY),
     .value_name = "STEPS",
     .help = "After this many steps compare the ranks' copies of the parameters, and record their "
             "digest; 0: never"},
    {.name = "audit",
     .group = GROUP_RUN,
     INTEGER(PLACE, audit, 0, MANY),
     .value_name = "STEPS",
     .help = "After this many steps compute a part of the gradient again on another rank or "
             "thread, and stop if a bit differs: a processor may be faulty; 0: never"},
    {.name = "hang-timeout",
     .group = GROUP_STOPPING,
     TEXT(PLACE, hang_timeout),
     .value_name = "TIME",
     .help = "When a rank makes no progress for this time, name it and end all ranks: 30s, 10min. "
             "Longer than writing a checkpoint takes; 0: never"},
    {.name = "reduce",
     .group = GROUP_PARALLELISM,
     CHOICE(BITS, reduce, reduces),
     .value_name = "{}",
     .help = "How gradients are summed over ranks. tree: the same bits on every layout; mpi: "
             "MPI_Allreduce, for comparison"},
    {.name = "eval-on",
     .group = GROUP_PARALLELISM,
     CHOICE(PLACE, eval_on, eval_places),
     .value_name = "{}",
     .help = "Ranks that share the work of evaluation; the results are the same"},
    {.name = "share",
     .group = GROUP_PARALLELISM,
     CHOICE(PLACE, share, sharings),
     .value_name = "{}",
     .help = "Ranks of one host share memory; plain: and sum large dense layers as hosts do; off: "
             "they send messages; the results are the same"},
    {.name = "exchange",
     .group = GROUP_PARALLELISM,
     CHOICE(PLACE, exchange, ways),
     .value_name = "{}",
     .help =
         "Hosts send sums each to each, or by halves in about log4(hosts) rounds; same results"},
    {.name = "gemm",
     .group = GROUP_PARALLELISM,
     CHOICE(BITS, gemm, gemms),
     .value_name = "{}",
     .help = "Matrix products by the program's own kernels or by BLIS; auto: own"},
    {.name = "precision",
     .group = GROUP_PARALLELISM,
     CHOICE(BITS, precision, precisions),
     .value_name = "{}",
     .help = "Operands of matrix products: fp32, or rounded to bfloat16 where they enter a product "
             "(bf16): faster on processors with AMX, other bits"},
    {.name = "exact-conv",
     .group = GROUP_PARALLELISM,
     CHOICE(BITS, exact_conv, no_yes),
     .help = "Compute convolutions as plain sums, without Winograd's algorithm: smaller rounding "
             "errors, slower"},
    {.name = "progress",
     .group = GROUP_OUTPUT,
     CHOICE(PLACE, progress, progresses),
     .value_name = "STYLE",
     .help = "{}; auto is a bar on a terminal, otherwise plain lines"},
    {.name = "profile",
     .group = GROUP_OUTPUT,
     CHOICE(PLACE, profile, no_yes),
     .help = "Record the time of every phase on every thread, in trace.json (for Perfetto) and "
             "profile.txt of the run directory; bench prints the latter"},
    {.name = "grain",
     .group = GROUP_PARALLELISM,
     INTEGER(BITS, grain, 1, 65536),
     .value_name = "N",
     .help = "Images of a leaf, the unit of work that threads share; another grain gives other "
             "bits"},
    {.name = "isa",
     .group = GROUP_PARALLELISM,
     TEXT(PLACE, isa),
     .known = known_isa,
     .value_name = "NAME",
     .help = "Instruction set: {}"},
};
enum { ROWS = sizeof table / sizeof table[0] };

const setting *settings_table(int *count)
{
    *count = ROWS;
    return table;
}

const char *settings_precision_name(const settings *s)
{
    return precisions[s->precision];
}

const char *settings_group_name(setting_group group)
{
    static const char *const names[GROUPS] = {
        [GROUP_MODEL] = "Data and model",    [GROUP_OPTIMISATION] = "Optimisation",
        [GROUP_RUN] = "Run and checkpoints", [GROUP_STOPPING] = "Stopping",
        [GROUP_PARALLELISM] = "Parallelism", [GROUP_OUTPUT] = "Output",
    };
    return names[group];
}

const setting *settings_row(const char *name)
{
    for (const setting *row = table; row < table + ROWS; row++)
        if (text_same_name(row->name, name) || (row->alias && text_same_name(row->alias, name)))
            return row;
    return NULL;
}

int settings_applies(const setting *row, const optimizer_type *type)
{
    return row->optimizer_offset && (type->uses & row->uses) == row->uses;
}

/* The name of number `index` of the optimizers that have the row's number. */
static const char *word_of_optimizers(const setting *row, int index)
{
    const optimizer_type *type;
    for (int i = 0; (type = optimizer_row(i)) != NULL; i++)
        if (settings_applies(row, type) && index-- == 0) return type->name;
    return NULL;
}

const char *settings_word(const setting *row, int index)
{
    if (row->choices) return row->choices[index];
    if (row->known) return row->known(index);
    return row->optimizer_offset ? word_of_optimizers(row, index) : NULL;
}
