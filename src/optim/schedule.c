/* optim/schedule.c - schedules as rows, from their words, and their values. */
#include "optim/schedule.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/words.h"
#include "kernel/scalar.h"

static const double PI = 0x1.921fb54442d18p+1;
static const double PLATEAU_MIN_DELTA = 1e-4; /* as Keras */

/* ---- parameters ---- */

static const char *const fraction = "must be a number above 0 and below 1",
                         *const divisor = "must be a divisor of the learning rate: 1 or more";
static const double LEAST = 1e-12, BELOW = 1 - 1e-12; /* above 0 and below 1 */

/* least: of the count, 0 or 1 */
static status take_length(words *w, int64_t least, schedule_length *length, failure *why)
{
    words_length l = {0, WORDS_EPOCHS};
    status code = words_take_length(w, least, &l, why);
    *length = l.unit == WORDS_EPOCHS ? (schedule_length){.epochs = l.count}
                                     : (schedule_length){.steps = l.count};
    return code;
}

static status take_every(words *w, schedule *s, failure *why)
{
    return take_length(w, 1, &s->every, why);
}

static status take_factor(words *w, schedule *s, failure *why)
{
    return words_take_real(w, fraction, LEAST, BELOW, &s->factor, why);
}

static status take_end(words *w, schedule *s, failure *why)
{
    return words_take_real(w, "must be a number from 0 to 1", 0, 1, &s->end, why);
}

static status take_peak(words *w, schedule *s, failure *why)
{
    return words_take_real(w, fraction, LEAST, BELOW, &s->peak, why);
}

static status take_start_divisor(words *w, schedule *s, failure *why)
{
    return words_take_real(w, divisor, 1, 1e12, &s->start, why);
}

static status take_end_divisor(words *w, schedule *s, failure *why)
{
    return words_take_real(w, divisor, 1, 1e12, &s->end, why);
}

static status take_patience(words *w, schedule *s, failure *why)
{
    return words_take_int(w, "must be a whole number of epochs, 1 or more", 1, INT32_MAX,
                          &s->patience, why);
}

/* ---- factors ---- */

static int64_t steps_of(schedule_length l, schedule_place at)
{
    return l.epochs * at.steps_per_epoch + l.steps;
}

static double power(double factor, int64_t times)
{
    return scalar_power(factor, times > INT32_MAX ? INT32_MAX : (int)times);
}

/* From `from` at p = 0 to `to` at p = 1, half a cosine. */
static double anneal(double from, double to, double p)
{
    return to + (from - to) * (0.5 * (1.0 + scalar_cos(PI * p)));
}

static double constant(const schedule *s, schedule_place at, double part)
{
    (void)s, (void)at, (void)part;
    return 1;
}

static double step(const schedule *s, schedule_place at, double part)
{
    (void)part;
    return power(s->factor, at.step / steps_of(s->every, at));
}

static double cosine(const schedule *s, schedule_place at, double part)
{
    (void)at;
    return anneal(1.0, s->end, part);
}

static double linear(const schedule *s, schedule_place at, double part)
{
    (void)at;
    return 1.0 - (1.0 - s->end) * part;
}

/* Both ends are steps, so a run of T steps spends T - 1 intervals. */
static double one_cycle(const schedule *s, schedule_place at, double part)
{
    double now = (double)at.step, total = (double)(at.epochs * at.steps_per_epoch);
    double low = 1.0 / s->start, up = s->peak * total - 1.0, down = total - 1.0 - up;
    (void)part;
    if (now <= up && up > 0) return anneal(low, 1.0, now / up);
    if (now >= total - 1.0) return low / s->end;
    return anneal(1.0, low / s->end, (now - up) / down);
}

static double reduced(const schedule *s, schedule_place at, double part)
{
    (void)part;
    return power(s->factor, at.reductions);
}

/* ---- the rows, in the order of --help ---- */

static const schedule_type rows[] = {
    {.name = "constant",
     .form = "constant",
     .defaults = "",
     .help = "stays the same",
     .factor = constant},
    {.name = "step",
     .form = "step LENGTH FACTOR",
     .defaults = "1epochs 0.5",
     .help = "is multiplied by FACTOR after every LENGTH",
     .take = {take_every, take_factor},
     .factor = step},
    {.name = "cosine",
     .form = "cosine END",
     .defaults = "0",
     .help = "falls along half a cosine to END times itself",
     .take = {take_end},
     .spans_all = 1,
     .factor = cosine},
    {.name = "linear",
     .form = "linear END",
     .defaults = "0",
     .help = "falls on a straight line to END times itself",
     .take = {take_end},
     .spans_all = 1,
     .factor = linear},
    {.name = "one-cycle",
     .form = "one-cycle PEAK START END",
     .defaults = "0.3 25 1e4",
     .help =
         "rises from 1/START of itself to its full value at the fraction PEAK of all steps, then "
         "falls to 1/(START END) of it, both along half a cosine",
     .take = {take_peak, take_start_divisor, take_end_divisor},
     .spans_all = 1,
     .warms_up = 1,
     .factor = one_cycle},
    {.name = "plateau",
     .form = "plateau PATIENCE FACTOR",
     .defaults = "10 0.1",
     .help =
         "is multiplied by FACTOR when the validation loss has not improved for PATIENCE epochs",
     .take = {take_patience, take_factor},
     .follows_loss = 1,
     .factor = reduced},
};
enum { ROWS = sizeof rows / sizeof *rows };

const schedule_type *schedule_row(int index)
{
    return index < ROWS ? &rows[index] : NULL;
}

const char *schedule_name(int index)
{
    return index < ROWS ? rows[index].name : NULL;
}

/* ---- words ---- */

static status take_type(words *w, const schedule_type **type, failure *why)
{
    const char *names[ROWS];
    for (int i = 0; i < ROWS; i++) names[i] = rows[i].name;
    int found = text_index(words_peek(w), names, ROWS);
    if (found < 0)
        return words_refuse(w, why, "unknown%s", text_suggest(words_peek(w), names, ROWS).text);
    *type = &rows[found];
    w->next++;
    return STATUS_OK;
}

/* As many parameters as there are words. */
static status take_parameters(words *w, schedule *s, failure *why)
{
    status code = STATUS_OK;
    for (int i = 0; i < SCHEDULE_MAX_PARAMETERS && s->type->take[i] && !code && *words_peek(w); i++)
        code = s->type->take[i](w, s, why);
    return code;
}

static status take_defaults(schedule *s, failure *why)
{
    words w;
    const char *text = s->type->defaults;
    status code = words_cut(&w, s->type->name, text, strlen(text), why);
    return code ? code : take_parameters(&w, s, why);
}

static status take_warmup(const char *text, schedule *s, failure *why)
{
    words w;
    status code = words_cut(&w, "warmup", text, strlen(text), why);
    if (!code) code = take_length(&w, 0, &s->warmup, why);
    if (!code) code = words_end(&w, "LENGTH: 2, 2epochs or 500steps", why);
    if (!code && s->warmup.epochs + s->warmup.steps > 0 && s->type->warms_up)
        code = fail(why, STATUS_USAGE, "--warmup=%.80s: %s warms up by itself: leave it out", text,
                    s->type->name);
    return code;
}

status schedule_parse(const char *spec, const char *warmup, schedule *s, failure *why)
{
    words w;
    *s = (schedule){.type = rows};
    status code = words_cut(&w, "schedule", spec, strlen(spec), why);
    if (!code) code = take_type(&w, &s->type, why);
    if (!code) code = take_defaults(s, why);
    if (!code) code = take_parameters(&w, s, why);
    if (!code) code = words_end(&w, s->type->form, why);
    return code ? code : take_warmup(warmup, s, why);
}

int schedule_spans_all(const schedule *s)
{
    return s->type->spans_all;
}

/* ---- values ---- */

plateau plateau_begin(void)
{
    return (plateau){.best = (double)INFINITY};
}

void plateau_see(plateau *p, const schedule *s, double loss)
{
    if (!s->type->follows_loss) return;
    if (loss < p->best - PLATEAU_MIN_DELTA) {
        p->best = loss;
        p->wait = 0;
    } else if (++p->wait >= s->patience) {
        p->reductions++;
        p->wait = 0;
    }
}

double schedule_factor(const schedule *s, schedule_place at)
{
    int64_t warmup = steps_of(s->warmup, at), total = at.epochs * at.steps_per_epoch;
    double ramp = at.step < warmup ? (double)(at.step + 1) / (double)warmup : 1.0, part = 0;
    if (at.step > warmup && total > warmup)
        part = (double)(at.step - warmup) / (double)(total - warmup);
    return ramp * s->type->factor(s, at, part > 1 ? 1 : part);
}
