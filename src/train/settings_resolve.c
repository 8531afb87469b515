/* train/settings_resolve.c - settings that depend on others, and what they mean to the rest of the program. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "train/cadence.h"
#include "train/settings.h"

enum { SCALING_BATCH = 128 }; /* of which the default learning rates are meant */

/* ---- resolving ---- */

static const char *const adaptive = "leave it out, or use --optimizer=adam, adamw or lamb";
static const char *const moving = "use --optimizer=momentum, nesterov or lars";

/* otherwise: the value where none was given; `known`: what to do where the option has no meaning, NULL: it has. */
static status resolve_real(const settings *s, const char *name, double *value, double otherwise,
                           const char *known, message *why)
{
    if (!known && isnan(*value)) *value = otherwise;
    if (!known || isnan(*value)) return STATUS_OK;
    return fail(why, STATUS_USAGE, "--%s has no meaning for --optimizer=%s: %s", name, s->optimizer,
                known);
}

static status resolve_optimizer(settings *s, message *why)
{
    optimizer_kind kind;
    status code = optimizer_named(s->optimizer, &kind, why);
    if (code) return code;
    optimizer_cfg d = optimizer_cfg_default(kind);
    const char *betas = optimizer_is_adaptive(kind) ? NULL : adaptive;
    const char *momentum = optimizer_has_momentum(kind) ? NULL : moving;
    code = resolve_real(s, "learning-rate", &s->learning_rate, d.learning_rate, NULL, why);
    if (!code) code = resolve_real(s, "momentum", &s->momentum, d.momentum, momentum, why);
    if (!code) code = resolve_real(s, "beta1", &s->beta1, d.beta1, betas, why);
    if (!code) code = resolve_real(s, "beta2", &s->beta2, d.beta2, betas, why);
    if (!code) code = resolve_real(s, "epsilon", &s->epsilon, d.epsilon, betas, why);
    if (!code) code = resolve_real(s, "weight-decay", &s->weight_decay, d.weight_decay, NULL, why);
    if (code) return code;
    optimizer_cfg chosen = settings_optimizer(s);
    return optimizer_check(&chosen, why);
}

static status resolve_stopping(const settings *s, message *why)
{
    if (s->target_accuracy > 0 && s->validation_split == 0)
        return fail(why, STATUS_USAGE,
                    "--target-accuracy=%g needs a validation set: --validation-split is 0",
                    s->target_accuracy);
    return STATUS_OK;
}

static status resolve_hang_timeout(const settings *s, message *why)
{
    double seconds;
    if (text_to_duration(s->hang_timeout, &seconds) && (seconds == 0 || seconds >= 1))
        return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--hang-timeout=%.80s: must be a duration from 1s up: 30s, 10min, 2h; or 0",
                s->hang_timeout);
}

static status resolve_duration(const char *name, const char *text, message *why)
{
    double seconds;
    if (text_to_duration(text, &seconds)) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--%s=%.80s: must be a duration: 90s, 10min, 2h, HH:MM:SS or D-HH:MM:SS", name,
                text);
}

static status resolve_time(const settings *s, message *why)
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

status settings_resolve(settings *s, message *why)
{
    if (s->resume == YES && s->resume_from[0])
        return fail(why, STATUS_USAGE,
                    "--resume and --resume-from exclude each other: --resume goes "
                    "on in -o, --resume-from begins a new -o");
    if (s->weights[0] && s->resume_from[0])
        return fail(why, STATUS_USAGE,
                    "--weights and --resume-from exclude each other: --weights starts a new run, "
                    "--resume-from continues one");
    if (s->resume == YES && !s->out[0])
        return fail(why, STATUS_USAGE, "--resume needs the run directory: -o DIR");
    augment_cfg augment;
    schedule plan;
    status code = augment_parse(s->augment, &augment, why);
    if (!code) code = schedule_parse(s->schedule, s->warmup, &plan, why);
    if (!code) code = resolve_stopping(s, why);
    if (!code) code = resolve_hang_timeout(s, why);
    if (!code) code = resolve_time(s, why);
    return code ? code : resolve_optimizer(s, why);
}

status settings_check_ranks(int ranks, message *why)
{
    if (ranks <= SETTINGS_MAX_RANKS) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "%d ranks: at most %d; fewer ranks with more threads each (-t, OMP_NUM_THREADS) "
                "use as many cores",
                ranks, SETTINGS_MAX_RANKS);
}

/* ---- what they mean ---- */

double settings_rate_factor(const settings *s)
{
    double times = (double)s->batch_size / SCALING_BATCH;
    if (s->lr_scaling == SCALING_NONE) return 1.0;
    return s->lr_scaling == SCALING_LINEAR ? times : sqrt(times);
}

model_cfg settings_model(const settings *s, int height, int width, int classes, const kernels *k)
{
    return (model_cfg){.spec = s->model,
                       .input = shape_image(height, width, 1),
                       .classes = classes,
                       .k = k,
                       .engine = s->gemm == GEMM_CHOICE_BLIS ? GEMM_BLIS : GEMM_OWN,
                       .sums = s->exact_conv == YES ? STAGE_EXACT : STAGE_FAST};
}

optimizer_cfg settings_optimizer(const settings *s)
{
    optimizer_kind kind = OPTIMIZER_ADAM;
    CHECK(optimizer_named(s->optimizer, &kind, NULL) == STATUS_OK, "optimizer '%s'", s->optimizer);
    optimizer_cfg cfg = optimizer_cfg_default(kind);
    if (!isnan(s->learning_rate)) cfg.learning_rate = s->learning_rate;
    if (!isnan(s->momentum)) cfg.momentum = s->momentum;
    if (!isnan(s->beta1)) cfg.beta1 = s->beta1;
    if (!isnan(s->beta2)) cfg.beta2 = s->beta2;
    if (!isnan(s->epsilon)) cfg.epsilon = s->epsilon;
    if (!isnan(s->weight_decay)) cfg.weight_decay = s->weight_decay;
    cfg.learning_rate *= settings_rate_factor(s);
    return cfg;
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
