/* app/progress.c - shows the progress of a training. */
#include "app/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/bar.h"
#include "app/print.h"
#include "app/streams.h"
#include "base/text.h"
#include "base/timer.h"

#define BAR_EVERY_S  0.1
#define LINE_EVERY_S 4.0

progress_style progress_choose(const options *o, int output_is_terminal, int errors_are_terminal,
                               const char *term)
{
    if (o->cfg.progress != PROGRESS_AUTO) return (progress_style)o->cfg.progress;
    if (o->verbosity < 0) return PROGRESS_NONE;
    if (!term || !term[0] || strcmp(term, "dumb") == 0) return PROGRESS_PLAIN;
    return output_is_terminal && errors_are_terminal ? PROGRESS_BAR : PROGRESS_PLAIN;
}

progress progress_new(const app *a)
{
    return (progress){.a = a,
                      .style = progress_choose(&a->o, isatty(1), isatty(2), getenv("TERM")),
                      .utf8 = print_has_utf8(),
                      .begin_s = timer_now_s()};
}

static int64_t whole(double value)
{
    return isfinite(value) ? (int64_t)value : 0;
}

/* Covers what the bar has left in its line, and goes back to the line's begin. */
static void clear_bar(progress *p)
{
    if (p->shown) printf("\r%*s\r", p->shown, "");
    p->shown = 0;
}

/* `most` columns are there, also after the terminal was made narrower. */
static void show_bar(progress *p, const bar_figures *f)
{
    int most = bar_terminal_columns();
    bar_line line = bar_draw(f, most, p->utf8);
    int rest = (p->shown < most ? p->shown : most - 1) - line.columns;
    printf("\r%s%*s", line.text, rest > 0 ? rest : 0, "");
    p->shown = line.columns;
}

static void print_step(const bar_figures *f, double passed_s)
{
    printf("Epoch %d/%d  %d/%d %.0fs, %.0fs to go, %s img/s - loss %s - accuracy %s\n", f->epoch,
           f->epochs, f->step, f->steps, passed_s, f->left_s,
           text_thousands(whole(f->images_per_second)).text, print_fixed(f->loss, 4).text,
           print_fixed(f->accuracy, 4).text);
}

static void started(void *context, const session *s, const char *run_folder, int64_t first_step)
{
    progress *p = context;
    p->epochs = (int)s->cfg.epochs;
    p->steps = sampler_steps(&s->order);
    p->begin_s = p->told_s = timer_now_s();
    if (p->style == PROGRESS_JSON || p->a->o.verbosity < 0) return;
    screen first = print_screen_of(s, run_folder, first_step);
    print_screen(p->a, &first);
}

static void stepped(void *context, const session *s, int epoch, int step, double loss,
                    double accuracy, double images_per_second)
{
    (void)s;
    progress *p = context;
    double now_s = timer_now_s();
    p->step_of_epoch = step;
    if (p->style != PROGRESS_BAR && p->style != PROGRESS_PLAIN) return;
    if (now_s - p->told_s < (p->style == PROGRESS_BAR ? BAR_EVERY_S : LINE_EVERY_S) ||
        step == p->steps)
        return;
    p->told_s = now_s;
    bar_figures f = {.epoch = epoch,
                     .epochs = p->epochs,
                     .step = step,
                     .steps = p->steps,
                     .images_per_second = images_per_second,
                     .loss = loss,
                     .accuracy = accuracy,
                     .left_s = (now_s - p->begin_s) / step * (p->steps - step)};
    if (p->style == PROGRESS_BAR)
        show_bar(p, &f);
    else
        print_step(&f, now_s - p->begin_s);
    streams_flush();
}

static void print_epoch_json(const metrics_epoch *e)
{
    json_t *value = json_pack(
        "{s:s,s:i,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "kind", "epoch", "epoch", e->epoch, "step",
        (json_int_t)e->step, "loss", json_real_or_null(e->loss), "accuracy",
        json_real_or_null(e->accuracy), "val_loss", json_real_or_null(e->val_loss), "val_accuracy",
        json_real_or_null(e->val_accuracy), "seconds", json_real_or_null(e->seconds),
        "images_per_second", json_real_or_null(e->images_per_second));
    print_json(value, "\n");
}

static void print_epoch(progress *p, const metrics_epoch *e)
{
    char line[BAR_LINE / 2];
    int used = snprintf(line, sizeof line,
                        "Epoch %d/%d  %d/%d %.1fs %s img/s - loss %s - accuracy %s", e->epoch,
                        p->epochs, p->step_of_epoch, p->steps, e->seconds,
                        text_thousands(whole(e->images_per_second)).text,
                        print_fixed(e->loss, 4).text, print_fixed(e->accuracy, 4).text);
    if (isfinite(e->val_loss))
        snprintf(line + used, sizeof line - (size_t)used, " - val_loss %s - val_accuracy %s",
                 print_fixed(e->val_loss, 4).text, print_fixed(e->val_accuracy, 4).text);
    clear_bar(p);
    printf("%s\n", p->style == PROGRESS_BAR ? bar_break(line, bar_terminal_columns()).text : line);
    for (int i = 0; p->a->o.verbosity > 0 && i < e->phases; i++)
        printf("%s%s %.2f to %.2f s", i ? ", " : "       ", e->phase[i].name, e->phase[i].min_s,
               e->phase[i].max_s);
    if (p->a->o.verbosity > 0) putchar('\n');
}

static void epoch_done(void *context, const session *s, const metrics_epoch *e)
{
    (void)s;
    progress *p = context;
    if (p->style == PROGRESS_JSON)
        print_epoch_json(e);
    else if (p->style != PROGRESS_NONE)
        print_epoch(p, e);
    p->begin_s = p->told_s = timer_now_s();
    streams_flush();
}

/* The line of a bar is cleared first. Between lines of JSON there are no notes. */
static void noted(void *context, const char *line)
{
    progress *p = context;
    if (p->style == PROGRESS_JSON) return;
    clear_bar(p);
    print_note(line);
}

train_observer progress_observer(progress *p)
{
    return (train_observer){p, started, stepped, epoch_done, noted};
}
