/* train/settings_resolve.c - checks of all settings together, and the settings as other rooms take them. */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "train/cadence.h"
#include "train/settings.h"

static status resolve_stopping(const settings *s, failure *why)
{
    if (s->target_accuracy > 0 && s->validation_split == 0)
        return fail(why, STATUS_USAGE,
                    "--target-accuracy=%g needs a validation set: --validation-split is 0",
                    s->target_accuracy);
    return STATUS_OK;
}

static status resolve_hang_timeout(const settings *s, failure *why)
{
    double seconds;
    if (text_to_duration(s->hang_timeout, &seconds) && (seconds == 0 || seconds >= 1))
        return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--hang-timeout=%.80s: must be a duration from 1s up: 30s, 10min, 2h; or 0",
                s->hang_timeout);
}

static status resolve_duration(const char *name, const char *text, failure *why)
{
    double seconds;
    if (text_to_duration(text, &seconds)) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--%s=%.80s: must be a duration: 90s, 10min, 2h, HH:MM:SS or D-HH:MM:SS", name,
                text);
}

static status resolve_time(const settings *s, failure *why)
{
    cadence every;
    status code = cadence_parse(s->checkpoint_every, &every, why);
    if (!code) code = resolve_duration("time-limit", s->time_limit, why);
    if (!code) code = resolve_duration("time-margin", s->time_margin, why);
    if (code) return code;
    double limit = settings_time_limit(s);
    if (limit == 0 || limit > settings_time_margin(s)) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--time-limit=%.80s leaves no time before --time-margin=%.80s: give a longer limit "
                "or a shorter margin",
                s->time_limit, s->time_margin);
}

/* A folder of this name is more likely a file of a model that the user expects. */
static int looks_like_model(const char *path)
{
    static const char *const ends[] = {".h5",  ".hdf5", ".keras", ".onnx",   ".pt",
                                       ".pth", ".pb",   ".ckpt",  ".tflite", ".safetensors",
                                       ".npz", ".pkl",  ".zip",   NULL};
    const char *end = strrchr(path, '.');
    for (int i = 0; end && ends[i]; i++)
        if (strcasecmp(end, ends[i]) == 0) return 1;
    return 0;
}

static status resolve_run(const settings *s, failure *why)
{
    if (s->resume == YES && s->resume_from[0])
        return fail(why, STATUS_USAGE,
                    "--resume and --resume-from exclude each other: --resume continues the run in "
                    "--out, --resume-from starts a new --out");
    if (s->weights[0] && s->resume_from[0])
        return fail(why, STATUS_USAGE,
                    "--weights and --resume-from exclude each other: --weights starts a new run, "
                    "--resume-from continues one");
    if (s->optimizer_state == YES && !s->weights[0])
        return fail(why, STATUS_USAGE,
                    "--optimizer-state needs the file whose state is taken: --weights PATH");
    if (s->accept_numerics == YES && s->resume == NO && !s->resume_from[0])
        return fail(why, STATUS_USAGE,
                    "--accept-numerics is about a run that goes on: give --resume or "
                    "--resume-from");
    if (s->resume == YES && !s->out[0])
        return fail(why, STATUS_USAGE, "--resume needs the run directory: -o DIR");
    if (strpbrk(s->out, "\n\r"))
        return fail(why, STATUS_USAGE, "--out=%.200s: holds a line break: choose another name",
                    s->out);
    if (looks_like_model(s->out))
        return fail(why, STATUS_USAGE,
                    "--out=%.200s: must be a folder, the run directory: train with -o runs/NAME; "
                    "then mnist_dist export (.keras, .weights.h5) or tools/export_onnx.py (.onnx) "
                    "writes the model to a file",
                    s->out);
    return STATUS_OK;
}

static status resolve_precision(const settings *s, failure *why)
{
    if (settings_precision(s) == PRECISION_FP32 || s->gemm != GEMM_CHOICE_BLIS) return STATUS_OK;
    return fail(why, STATUS_USAGE, "--gemm=blis multiplies in fp32: it excludes --precision=bf16");
}

/* A batch below the grain is one leaf, as with a grain of the batch, which takes less memory. The default stays: checkpoints
 * hold it. */
static void resolve_grain(settings *s)
{
    int64_t usual = settings_default().grain, most = s->batch_size > usual ? s->batch_size : usual;
    if (s->grain > most) s->grain = most;
}

status settings_resolve(settings *s, failure *why)
{
    augment_cfg augment;
    schedule plan;
    status code = resolve_run(s, why);
    if (!code) code = augment_parse(s->augment, &augment, why);
    if (!code) code = schedule_parse(s->schedule, s->warmup, &plan, why);
    if (!code) code = resolve_stopping(s, why);
    if (!code) code = resolve_hang_timeout(s, why);
    if (!code) code = resolve_time(s, why);
    if (!code) code = resolve_precision(s, why);
    if (s->grain > s->batch_size) resolve_grain(s);
    return code ? code : settings_resolve_optimizer(s, why);
}

/* ---- as other rooms take them ---- */

model_cfg settings_model(const settings *s, shape image, int classes, const kernels *k)
{
    return (model_cfg){.spec = s->model,
                       .input = image,
                       .classes = classes,
                       .k = k,
                       .engine = s->gemm == GEMM_CHOICE_BLIS ? GEMM_BLIS : GEMM_OWN,
                       .sums = s->exact_conv == YES ? STAGE_EXACT : STAGE_FAST};
}

schedule settings_schedule(const settings *s)
{
    schedule plan;
    CHECK(schedule_parse(s->schedule, s->warmup, &plan, NULL) == STATUS_OK, "schedule '%s'",
          s->schedule);
    return plan;
}

static double seconds_of(const char *duration)
{
    double seconds;
    CHECK(text_to_duration(duration, &seconds), "duration '%s'", duration);
    return seconds;
}

double settings_hang_timeout(const settings *s)
{
    return seconds_of(s->hang_timeout);
}

double settings_time_limit(const settings *s)
{
    return seconds_of(s->time_limit);
}

double settings_time_margin(const settings *s)
{
    return seconds_of(s->time_margin);
}

augment_cfg settings_augment(const settings *s)
{
    augment_cfg cfg;
    CHECK(augment_parse(s->augment, &cfg, NULL) == STATUS_OK, "augmentation '%s'", s->augment);
    return cfg;
}
