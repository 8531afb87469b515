/* app/print.c - the first screen, the last lines, and numbers in words. */
#include "app/print.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/tree.h"

void print_failure(const message *why)
{
    fflush(stdout);
    fprintf(stderr, "mnist_dist: %s\n", why->text);
}

void print_note(const char *text)
{
    printf("note   %s\n", text);
}

print_number print_fixed(double value, int digits)
{
    print_number out = {"-"};
    if (isfinite(value)) snprintf(out.text, sizeof out.text, "%.*f", digits, value);
    return out;
}

print_number print_json(double value)
{
    print_number out = {"null"};
    if (isfinite(value)) snprintf(out.text, sizeof out.text, "%.9g", value);
    return out;
}

void print_json_text(const char *text, char *out, size_t size)
{
    json_t *value = json_string(text);
    size_t length = value ? json_dumpb(value, out, size - 1, JSON_ENCODE_ANY) : 0;
    json_decref(value);
    snprintf(out + (length < size ? length : 0), size - (length < size ? length : 0), "%s",
             length > 0 && length < size ? "" : "\"\"");
}

print_number print_bytes(double bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    print_number out;
    int unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++) bytes /= 1024;
    snprintf(out.text, sizeof out.text, "%.*f %s", unit ? 1 : 0, bytes, units[unit]);
    return out;
}

static const char *plural(int count)
{
    return count == 1 ? "" : "s";
}

void print_layout(const app *a, char *out, size_t size)
{
    char threads[32];
    int ranks = a->layout->ranks, hosts = a->layout->hosts;
    if (a->threads_least == a->threads_most)
        snprintf(threads, sizeof threads, "%d thread%s", a->threads_most, plural(a->threads_most));
    else
        snprintf(threads, sizeof threads, "%d to %d threads", a->threads_least, a->threads_most);
    snprintf(out, size, "%d host%s, %d rank%s x %s on %d core%s%s", hosts, plural(hosts), ranks,
             plural(ranks), threads, a->cores_total, plural(a->cores_total),
             a->crowded ? " (oversubscribed: waiting ranks sleep)" : "");
}

/* ---- the first screen ---- */

static void print_data(const screen *s)
{
    printf("data   %s%s%s: %s train, %s validation, %s test%s\n", s->data_name,
           s->data_note[0] ? ", " : "", s->data_note, text_thousands(s->train).text,
           text_thousands(s->validation).text, text_thousands(s->test).text,
           s->data_note[0] ? ". MNIST: tools/get_data.sh" : "");
}

/* " (16 per rank)": what the leaves give each rank, the last one's remainder left out. */
static void per_rank(const app *a, const screen *s, char *out, size_t size)
{
    int ranks = a->layout->ranks, grain = (int)s->cfg->grain;
    int leaves = tree_leaves((int)s->cfg->batch_size, grain);
    int least = leaves / ranks * grain, most = (leaves + ranks - 1) / ranks * grain;
    out[0] = 0;
    if (ranks == 1) return;
    if (least == most)
        snprintf(out, size, " (%d per rank)", least);
    else
        snprintf(out, size, " (%d to %d per rank)", least, most);
}

static void print_model(const app *a, const screen *s)
{
    char share[64];
    per_rank(a, s, share, sizeof share);
    printf(
        "model  %s, %s parameters; %s, lr %.9g; batch %s global%s, %s step%s an epoch, seed %lld\n",
        s->m->name, text_thousands(s->m->parameters).text, s->cfg->optimizer,
        settings_optimizer(s->cfg).learning_rate, text_thousands(s->cfg->batch_size).text, share,
        text_thousands(s->steps).text, plural(s->steps), (long long)s->cfg->seed);
}

/* ", NAME VALUE" where the value is not 0. */
static void add_amount(char *line, size_t size, const char *name, double value)
{
    size_t used = strlen(line);
    if (value > 0) snprintf(line + used, size - used, ", %s %.9g", name, value);
}

/* What changes the learning rate or the gradient on the way, where anything does. */
static void print_rate(const settings *cfg)
{
    char line[2 * SETTINGS_TEXT + 256];
    schedule plan = settings_schedule(cfg);
    int size = snprintf(line, sizeof line, "%s", cfg->schedule);
    size_t used = (size_t)size;
    if (plan.warmup.count > 0)
        snprintf(line + used, sizeof line - used, ", warm-up %s%s", cfg->warmup,
                 cfg->warmup[strspn(cfg->warmup, "0123456789")] ? "" : " epochs");
    if (cfg->lr_scaling != SCALING_NONE) {
        used = strlen(line);
        snprintf(line + used, sizeof line - used, ", lr %.9g x %.9g, %s in the batch",
                 cfg->learning_rate, settings_rate_factor(cfg),
                 cfg->lr_scaling == SCALING_LINEAR ? "linear" : "by the root");
    }
    add_amount(line, sizeof line, "weight decay", cfg->weight_decay);
    add_amount(line, sizeof line, "clip norm", cfg->clip_norm);
    add_amount(line, sizeof line, "label smoothing", cfg->label_smoothing);
    if (strcmp(line, "constant") != 0) printf("rate   %s\n", line);
}

static void print_augment(const settings *cfg)
{
    augment_cfg augment = settings_augment(cfg);
    if (augment_is_on(&augment)) printf("images augmented in training: %s\n", cfg->augment);
}

static void print_idle(const app *a, const screen *s)
{
    int leaves = tree_leaves((int)s->cfg->batch_size, (int)s->cfg->grain);
    char text[256];
    if (leaves >= a->workers) return;
    snprintf(text, sizeof text,
             "at most %d of the %d threads have work: a batch of %lld is %d leaves of %lld "
             "samples; a larger "
             "--batch-size keeps more busy",
             leaves, a->workers, (long long)s->cfg->batch_size, leaves, (long long)s->cfg->grain);
    print_note(text);
}

void print_screen(const app *a, const screen *s)
{
    char layout[160];
    print_layout(a, layout, sizeof layout);
    printf("mnist_dist " MNIST_DIST_VERSION "  %s, %s\n", layout, s->m->k->name);
    print_data(s);
    print_model(a, s);
    print_rate(s->cfg);
    print_augment(s->cfg);
    if (s->first_step > 0)
        printf("run    %s, resumed at step %s\n", s->run, text_thousands(s->first_step + 1).text);
    else
        printf("run    %s\n", s->run);
    if (a->limit.text[0]) printf("limit  %s\n", a->limit.text);
    if (a->advice.warning[0]) print_note(a->advice.warning);
    if (a->layout->sharing_note[0]) print_note(a->layout->sharing_note);
    print_idle(a, s);
    fflush(stdout);
}

screen print_screen_of(const session *s, const char *run_folder, int64_t first_step)
{
    return (screen){.cfg = &s->cfg,
                    .data_name = s->data.name,
                    .data_note = s->data.note,
                    .train = s->training.count,
                    .validation = s->validation.count,
                    .test = s->data.test.count,
                    .m = &s->m,
                    .steps = sampler_steps(&s->order),
                    .run = run_folder,
                    .first_step = first_step};
}

void print_result(const app *a, const session *s, const train_result *r, const char *run_folder)
{
    printf("test   loss %s - accuracy %s on %s images of %s%s%s", print_fixed(r->test_loss, 4).text,
           print_fixed(r->test_accuracy, 4).text, text_thousands(s->data.test.count).text,
           s->data.name, s->data.note[0] ? ", " : "", s->data.note);
    if (r->best_epoch > 0)
        printf("; best epoch %d: accuracy %s", r->best_epoch,
               print_fixed(r->best_test_accuracy, 4).text);
    printf("\n");
    if (a->o.verbosity < 0) return;
    printf(
        "run    %s: result.json, report.txt, confusion.csv, last.weights.h5 (%s img/s, %.1f s)\n",
        run_folder,
        text_thousands((int64_t)(isfinite(r->images_per_second) ? r->images_per_second : 0)).text,
        r->seconds);
    printf("next   mnist_dist evaluate %s\n", run_folder);
}
