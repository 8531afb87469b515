/* train/settings.c - the table of options, and one way to set each of them. */
#include "train/settings.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const reduces[] = {"tree", "mpi", NULL};
static const char *const eval_places[] = {"all", "root", NULL};
static const char *const sharings[] = {"auto", "off", NULL};
static const char *const gemms[] = {"auto", "own", "blis", NULL};
static const char *const scalings[] = {"none", "linear", "sqrt", NULL};
static const char *const monitors[] = {"validation_loss", "validation_accuracy", "loss", "accuracy",
                                       NULL};
static const char *const progresses[] = {"auto", "bar", "plain", "json", "none", NULL};

#define AT(member) offsetof(settings, member)
#define TEXT(name, letter, role, member, value_name, help)                                         \
    {                                                                                              \
        name, letter, SETTING_TEXT, SETTING_##role, AT(member), 0, 0, NULL, value_name, help       \
    }
#define INTEGER(name, letter, role, member, low, high, help)                                       \
    {                                                                                              \
        name, letter, SETTING_INTEGER, SETTING_##role, AT(member), low, high, NULL, "N", help      \
    }
#define REAL(name, role, member, low, high, help)                                                  \
    {                                                                                              \
        name, 0, SETTING_REAL, SETTING_##role, AT(member), low, high, NULL, "F", help              \
    }
#define CHOICE(name, role, member, words, value_name, help)                                        \
    {                                                                                              \
        name, 0, SETTING_CHOICE, SETTING_##role, AT(member), 0, 0, words, value_name, help         \
    }

#define MANY  2147483647.0
#define BELOW 0.99999999999 /* the largest fraction: below 1 */

static const setting table[] = {
    TEXT("model", 'm', BITS, model, "NAME",
         "cnn, strong, mlp, lenet5, rnn, lstm, or a spec such as \"conv2d 32 3 relu; maxpool 2; "
         "flatten; "
         "dense 10\" (cnn)"),
    TEXT("data", 'd', PLACE, data, "DIR",
         "Folder with the four IDX files, plain or .gz; or 'synthetic', the built-in digits. "
         "Searched "
         "without it: $MNIST_DIR, data/mnist, data/MNIST/raw, the system's MNIST or Fashion-MNIST, "
         "synthetic"),
    INTEGER("classes", 0, BITS, classes, 0, 256, "Classes (0: 1 + the largest training label)"),
    INTEGER("epochs", 'e', GROWS, epochs, 1, SETTINGS_MAX_EPOCHS,
            "Passes over the training samples (5)"),
    INTEGER("batch-size", 'b', BITS, batch_size, 1, 16777216,
            "Samples of a step, of all ranks together (128)"),
    REAL("validation-split", BITS, validation_split, 0, BELOW,
         "The last fraction of the training file validates (0.1)"),
    TEXT("optimizer", 0, BITS, optimizer, "NAME",
         "sgd, momentum, nesterov, adam, adamw, lars, lamb (adam)"),
    REAL(
        "learning-rate", GROWS, learning_rate, (double)FLT_MIN, DBL_MAX,
        "Learning rate (0.001 for adam, adamw and lamb, 0.01 for sgd, momentum and nesterov, 1 for "
        "lars)"),
    CHOICE("lr-scaling", BITS, lr_scaling, scalings, "RULE",
           "The learning rate grows with the batch: times batch/128 (linear, for sgd) or its root "
           "(sqrt, for adam); none, linear, sqrt (none)"),
    TEXT("schedule", 0, BITS, schedule, "SPEC",
         "Learning rate over time: constant; \"step LENGTH FACTOR\" (step 1epochs 0.5); \"cosine "
         "END\" and \"linear END\", to a part of it (0); \"one-cycle PEAK START END\", where the "
         "peak is and the divisors (0.3 25 1e4); \"plateau PATIENCE FACTOR\", when validation_loss "
         "stays (10 0.1). A LENGTH is 2, 2epochs or 500steps (constant)"),
    TEXT("warmup", 0, BITS, warmup, "LENGTH",
         "The learning rate grows linearly from 0 for so long: 2, 2epochs or 500steps (0)"),
    REAL("momentum", BITS, momentum, 0, BELOW, "Of momentum, nesterov and lars (0.9)"),
    REAL("beta1", BITS, beta1, 0, BELOW,
         "Of adam, adamw and lamb: decay of the mean of gradients (0.9)"),
    REAL("beta2", BITS, beta2, 0, BELOW,
         "Of adam, adamw and lamb: decay of the mean of their squares (0.999)"),
    REAL("epsilon", BITS, epsilon, (double)FLT_MIN, DBL_MAX,
         "Of adam, adamw and lamb: added to the denominator (1e-07)"),
    REAL("weight-decay", BITS, weight_decay, 0, BELOW,
         "Each step takes learning rate times this from every parameter; in lars a part of the "
         "gradient (0.004 for adamw, else 0)"),
    REAL("clip-norm", BITS, clip_norm, 0, DBL_MAX,
         "Gradients whose norm over all parameters is larger are scaled down to it; 0: never (0)"),
    REAL("label-smoothing", BITS, label_smoothing, 0, BELOW,
         "This part of each label is spread over all classes, in the losses of training and "
         "evaluation (0)"),
    TEXT(
        "augment", 0, BITS, augment, "SPEC",
        "Training images are moved at random, as in \"shift 2; rotate 10; scale 0.1; erase 6\": up "
        "to so many pixels, degrees, parts of the size, and a blank square of that side (none)"),
    CHOICE("shuffle", BITS, shuffle, no_yes, "yes|no",
           "New order of samples every epoch; --no-shuffle: file order (yes)"),
    INTEGER("seed", 0, BITS, seed, 0, 9007199254740991.0,
            "Of initial weights and the order of samples (1)"),
    INTEGER("threads", 't', PLACE, threads, 0, SETTINGS_MAX_THREADS,
            "Threads of a rank (0: OMP_NUM_THREADS, else the cores that the rank may use)"),
    TEXT("out", 'o', PLACE, out, "DIR",
         "Run directory; an existing run is never overwritten (runs/MODEL-DATA-N)"),
    CHOICE("resume", PLACE, resume, no_yes, NULL,
           "Continue the run in -o where it stopped; starts it where the folder is new or empty"),
    TEXT("resume-from", 0, PLACE, resume_from, "PATH",
         "Continue from another run or checkpoint, into a new -o"),
    TEXT(
        "weights", 0, GROWS, weights, "PATH",
        "Start from these parameters, a new run: a Keras .weights.h5 or .h5 file, a checkpoint, or "
        "a run directory's best (from the seed)"),
    TEXT("checkpoint-every", 0, PLACE, checkpoint_every, "LENGTH",
         "Between checkpoints: 2 or 2epochs, 500steps, 10min; 0: only at the end (1)"),
    INTEGER("keep", 0, PLACE, keep, 0, MANY,
            "Older checkpoints kept as step-NNNNNNNN.weights.h5, besides last and prev (0)"),
    TEXT("time-limit", 0, PLACE, time_limit, "TIME",
         "Leave with a checkpoint when so much time has passed: 90s, 10min, 2h, HH:MM:SS, "
         "D-HH:MM:SS; 0: a SLURM job's own end, if any (0)"),
    TEXT("time-margin", 0, PLACE, time_margin, "TIME", "Leave so long before that (60s)"),
    CHOICE("monitor", BITS, monitor, monitors, "NAME",
           "What makes an epoch the best: validation_loss, validation_accuracy, loss, accuracy "
           "(validation_loss)"),
    INTEGER("patience", 0, GROWS, patience, 0, MANY,
            "Stop when --monitor was not better for N epochs; 0: never (0)"),
    REAL("min-delta", GROWS, min_delta, 0, DBL_MAX, "Better is better by more than this (0)"),
    REAL("target-accuracy", GROWS, target_accuracy, 0, 1,
         "Stop when the validation accuracy reaches it; 0: never (0)"),
    INTEGER("limit", 0, BITS, limit, 0, MANY,
            "Only the first N training images, before the split (0: all)"),
    INTEGER("max-steps", 0, GROWS, max_steps, 0, MANY, "Stop after N steps (0: never)"),
    INTEGER("digest-every", 0, PLACE, digest_every, 0, MANY,
            "Every N steps, compare the copies of the parameters on all ranks, and record their "
            "digest; 0: never (0)"),
    TEXT("hang-timeout", 0, PLACE, hang_timeout, "TIME",
         "End all ranks when one of them makes no progress for so long, and say which: 30s, 10min; "
         "longer than writing a checkpoint takes; 0: never (0)"),
    CHOICE("reduce", BITS, reduce, reduces, "tree|mpi",
           "How gradients are summed over ranks. tree: the same bits on every layout; mpi: plain "
           "MPI_Allreduce, to compare with (tree)"),
    CHOICE("eval-on", PLACE, eval_on, eval_places, "all|root",
           "Ranks that share the work of evaluation; the figures are the same (all)"),
    CHOICE("share", PLACE, share, sharings, "auto|off",
           "Shared memory among the ranks of a host; off: messages, the same bits (auto)"),
    CHOICE("gemm", BITS, gemm, gemms, "auto|own|blis",
           "Dense products: the program's own kernels or BLIS (auto: own)"),
    CHOICE("exact-conv", BITS, exact_conv, no_yes, NULL,
           "Convolutions by plain sums, without Winograd's algorithm: rounds less, slower"),
    CHOICE("progress", PLACE, progress, progresses, "STYLE",
           "auto, bar, plain, json, none (auto: a bar for a person, else plain lines)"),
    CHOICE("profile", PLACE, profile, no_yes, NULL,
           "Record the time of every phase on every thread: RUN/trace.json for Perfetto, "
           "RUN/profile.txt; bench prints the latter alone"),
    INTEGER("grain", 0, BITS, grain, 1, 65536,
            "Samples of a leaf, the unit that workers share; part of the bits (8)"),
    TEXT("isa", 0, PLACE, isa, "NAME", "auto, avx512, avx2, baseline: instruction set (auto)"),
};
enum { ROWS = sizeof table / sizeof table[0] };

const setting *settings_table(int *count)
{
    *count = ROWS;
    return table;
}

settings settings_default(void)
{
    settings s = {.model = "cnn",
                  .epochs = 5,
                  .batch_size = 128,
                  .validation_split = 0.1,
                  .optimizer = "adam",
                  .schedule = "constant",
                  .warmup = "0",
                  .augment = "none",
                  .shuffle = YES,
                  .seed = 1,
                  .hang_timeout = "0",
                  .checkpoint_every = "1",
                  .time_limit = "0",
                  .time_margin = "60s",
                  .grain = 8,
                  .isa = "auto"};
    settings_forget_optimizer(&s);
    return s;
}

void settings_forget_optimizer(settings *s)
{
    s->learning_rate = s->momentum = s->beta1 = s->beta2 = s->epsilon = (double)NAN;
    s->weight_decay = (double)NAN;
}

const setting *settings_row(const char *name)
{
    if (strcmp(name, "lr") == 0) name = "learning-rate";
    for (int i = 0; i < ROWS; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

static status unknown_name(const char *name, message *why)
{
    const char *names[ROWS];
    for (int i = 0; i < ROWS; i++) names[i] = table[i].name;
    const char *near = text_nearest(name, names, ROWS);
    return fail(why, STATUS_USAGE, "unknown option '--%s'%s%s%s", name,
                near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
}

/* ---- one value from its text, and back ---- */

static status set_text(void *at, const setting *row, const char *value, message *why)
{
    if (strlen(value) >= SETTINGS_TEXT)
        return fail(why, STATUS_USAGE, "--%s: longer than %d characters", row->name,
                    SETTINGS_TEXT - 1);
    memcpy(at, value, strlen(value) + 1);
    return STATUS_OK;
}

static status not_in_range(const setting *row, const char *value, message *why)
{
    const char *kind = row->type == SETTING_REAL ? "a number" : "a whole number";
    if (row->high >= DBL_MAX)
        return fail(why, STATUS_USAGE, "--%s=%s: must be %s %s", row->name, value, kind,
                    row->low > 0 ? "above 0" : "from 0 up");
    if (row->type == SETTING_REAL && row->high == 1)
        return fail(why, STATUS_USAGE, "--%s=%s: must be %s from %g to 1", row->name, value, kind,
                    row->low);
    if (row->type == SETTING_REAL)
        return fail(why, STATUS_USAGE, "--%s=%s: must be %s from %g to below 1", row->name, value,
                    kind, row->low);
    return fail(why, STATUS_USAGE, "--%s=%s: must be %s from %.0f to %s", row->name, value, kind,
                row->low, text_thousands((int64_t)row->high).text);
}

static status set_integer(void *at, const setting *row, const char *value, message *why)
{
    int64_t number;
    if (!text_to_int(value, &number) || (double)number < row->low || (double)number > row->high)
        return not_in_range(row, value, why);
    *(int64_t *)at = number;
    return STATUS_OK;
}

static status set_real(void *at, const setting *row, const char *value, message *why)
{
    double number;
    if (!text_to_double(value, &number) || number < row->low || number > row->high)
        return not_in_range(row, value, why);
    *(double *)at = number;
    return STATUS_OK;
}

static status set_choice(void *at, const setting *row, const char *value, message *why)
{
    char known[128] = "";
    int count = 0;
    for (; row->choices[count]; count++) {
        if (strcmp(row->choices[count], value) == 0) {
            *(int *)at = count;
            return STATUS_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", count ? ", " : "", row->choices[count]);
    }
    const char *near = text_nearest(value, row->choices, count);
    return fail(why, STATUS_USAGE, "--%s=%s: unknown%s%s%s known are %s", row->name, value,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ";", known);
}

static status set_row(settings *s, const setting *row, const char *value, message *why)
{
    void *at = (char *)s + row->offset;
    switch (row->type) {
    case SETTING_TEXT:
        return set_text(at, row, value, why);
    case SETTING_INTEGER:
        return set_integer(at, row, value, why);
    case SETTING_REAL:
        return set_real(at, row, value, why);
    case SETTING_CHOICE:
        return set_choice(at, row, value, why);
    }
    return STATUS_INTERNAL;
}

status settings_set(settings *s, const char *name, const char *value, message *why)
{
    const setting *row = settings_row(name);
    return row ? set_row(s, row, value, why) : unknown_name(name, why);
}

/* The shortest decimal that reads back as the same double. */
static void real_text(double value, char *out)
{
    double back = 0;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out, SETTINGS_TEXT, "%.*g", digits, value);
        if (text_to_double(out, &back) && back == value) return;
    }
}

void settings_value(const settings *s, const setting *row, char *out)
{
    const void *at = (const char *)s + row->offset;
    out[0] = 0;
    switch (row->type) {
    case SETTING_TEXT:
        snprintf(out, SETTINGS_TEXT, "%s", (const char *)at);
        break;
    case SETTING_INTEGER:
        snprintf(out, SETTINGS_TEXT, "%lld", (long long)*(const int64_t *)at);
        break;
    case SETTING_REAL:
        if (!isnan(*(const double *)at)) real_text(*(const double *)at, out);
        break;
    case SETTING_CHOICE:
        snprintf(out, SETTINGS_TEXT, "%s", row->choices[*(const int *)at]);
        break;
    }
}

/* ---- what settings mean for the bits of a run ---- */

setting_role settings_role(const settings *s, const setting *row)
{
    schedule plan;
    int spans_all = row->offset == AT(epochs) &&
                    schedule_parse(s->schedule, s->warmup, &plan, NULL) == STATUS_OK &&
                    schedule_spans_all(&plan);
    return spans_all ? SETTING_BITS : row->role;
}

/* How to ask for a value: a flag has none. */
static message advice(const setting *row, const char *value)
{
    message m;
    if (row->value_name)
        snprintf(m.text, sizeof m.text, "give --%s='%.200s'", row->name, value);
    else
        snprintf(m.text, sizeof m.text, strcmp(value, "yes") == 0 ? "give --%s" : "leave --%s out",
                 row->name);
    return m;
}

static status match_row(const settings *now, const settings *stored, const setting *row,
                        message *why)
{
    char here[SETTINGS_TEXT], there[SETTINGS_TEXT];
    settings_value(now, row, here);
    settings_value(stored, row, there);
    if (strcmp(here, there) == 0) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--%s is %.200s, but the checkpoint was made with %.200s%s: %.250s, or start a new "
                "run",
                row->name, here[0] ? here : "not set", there[0] ? there : "not set",
                row->role == SETTING_BITS ? "" : ", over which its schedule is stretched",
                advice(row, there).text);
}

/* First the rows that always define bits: among them is the schedule, by which others do. */
status settings_match(const settings *now, const char *stored_json, message *why)
{
    settings stored = settings_default();
    status code = settings_from_json(&stored, stored_json, why);
    for (const setting *row = table; !code && row < table + ROWS; row++)
        if (row->role == SETTING_BITS) code = match_row(now, &stored, row, why);
    for (const setting *row = table; !code && row < table + ROWS; row++)
        if (row->role != SETTING_BITS && settings_role(now, row) == SETTING_BITS)
            code = match_row(now, &stored, row, why);
    return code;
}
