/* app/print.c - the first screen, the last lines, and numbers in words. */
#include "app/print.h"
#include "app/streams.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/text_buffer.h"
#include "base/tree.h"
#include "io/file.h"

enum { FLOAT_DIGITS = 9 }; /* with 9 digits, every float can be read back */

/* ---- texts from outside ---- */

static void print_list(FILE *out, const char *format, va_list values)
{
    text_buffer given = {0}, shown = {0};
    text_buffer_add_list(&given, format, values);
    text_buffer_add_visible(&shown, given.text, TEXT_LINES);
    if (shown.length) fputs(shown.text, out);
    text_buffer_free(&given);
    text_buffer_free(&shown);
}

void print_to(FILE *out, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_list(out, format, values);
    va_end(values);
}

void print_out(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_list(stdout, format, values);
    va_end(values);
}

void print_field(const char *text)
{
    if (isatty(STDOUT_FILENO))
        print_out("%s", text);
    else
        fputs(text, stdout);
}

/* A line of its own: a newline in the text does not begin another one. */
static void print_line(FILE *out, const char *head, const char *text)
{
    text_buffer shown = {0};
    text_buffer_add_visible(&shown, text, TEXT_ONE_LINE);
    fprintf(out, "%s%s\n", head, shown.text ? shown.text : "");
    text_buffer_free(&shown);
}

void print_failure(const failure *why)
{
    streams_flush();
    print_line(stderr, "mnist_dist: ", why->text);
}

void print_note(const char *text)
{
    print_line(stdout, "note   ", text);
}

static char program[FILE_PATH] = "mnist_dist";

void print_set_program(const char *name)
{
    text_buffer word = {0};
    text_buffer_add_word(&word, name);
    if (word.length < sizeof program) memcpy(program, word.text, word.length + 1);
    text_buffer_free(&word);
}

const char *print_program(void)
{
    return program;
}

int print_has_utf8(void)
{
    locale_t users = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!users) return 0;
    int found = strcmp(nl_langinfo_l(CODESET, users), "UTF-8") == 0;
    freelocale(users);
    return found;
}

/* ---- numbers and JSON ---- */

print_number print_fixed(double value, int digits)
{
    print_number out = {"-"};
    if (isfinite(value)) snprintf(out.text, sizeof out.text, "%.*f", digits, value);
    return out;
}

void print_json(json_t *value, const char *end)
{
    char *text = json_to_text(value, JSON_ONE_LINE, FLOAT_DIGITS);
    for (const char *at = text; *at; at++) { /* jansson escapes C0, and neither DEL nor C1 */
        int is_c1 = (unsigned char)at[0] == 0xc2 && ((unsigned char)at[1] & 0xe0) == 0x80;
        if (*at != 0x7f && !is_c1)
            putchar(*at);
        else
            fprintf(stdout, "\\u%04x", (unsigned char)*(is_c1 ? ++at : at));
    }
    fputs(end, stdout);
    memory_free(text);
}

json_t *print_json_text(const char *text)
{
    return json_path(text);
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
    print_out("data   %s%s%s: %s train, %s validation, %s test%s\n", s->data_name,
              s->data_note[0] ? ", " : "", s->data_note, text_thousands(s->train).text,
              text_thousands(s->validation).text, text_thousands(s->test).text,
              s->data_note[0] ? ". MNIST: tools/get_data.sh" : "");
}

/* " (16 per rank)": samples of a step for each rank, if all leaves were full. "" for one rank. */
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
    print_out(
        "model  %s, %s parameters; %s, lr %.9g; batch %s global%s, %s step%s an epoch, seed %lld\n",
        s->m->name, text_thousands(s->m->parameters).text, s->cfg->optimizer,
        settings_optimizer(s->cfg).learning_rate, text_thousands(s->cfg->batch_size).text, share,
        text_thousands(s->steps).text, plural(s->steps), (long long)s->cfg->seed);
}

/* Appends ", NAME VALUE", unless the value is 0. */
static void add_amount(char *line, size_t size, const char *name, double value)
{
    size_t used = strlen(line);
    if (value > 0) snprintf(line + used, size - used, ", %s %.9g", name, value);
}

/* The line about what changes the learning rate or the gradient during the run; none if nothing does. */
static void print_rate(const settings *cfg)
{
    char line[2 * SETTINGS_TEXT + 256];
    schedule plan = settings_schedule(cfg);
    int size = snprintf(line, sizeof line, "%s", cfg->schedule);
    size_t used = (size_t)size;
    if (plan.warmup.epochs + plan.warmup.steps > 0)
        snprintf(line + used, sizeof line - used, ", warm-up %s%s", cfg->warmup,
                 cfg->warmup[strspn(cfg->warmup, "0123456789")] ? "" : " epochs");
    if (cfg->lr_scaling != SCALING_NONE) {
        used = strlen(line);
        snprintf(line + used, sizeof line - used, ", lr %.9g x %.9g (--lr-scaling=%s)",
                 cfg->learning_rate, settings_rate_factor(cfg),
                 settings_word(settings_row("lr-scaling"), cfg->lr_scaling));
    }
    add_amount(line, sizeof line, "weight decay", cfg->weight_decay);
    add_amount(line, sizeof line, "clip norm", cfg->clip_norm);
    add_amount(line, sizeof line, "label smoothing", cfg->label_smoothing);
    if (strcmp(line, "constant") != 0) print_out("rate   %s\n", line);
}

static void print_augment(const settings *cfg)
{
    augment_cfg augment = settings_augment(cfg);
    if (augment_is_on(&augment)) print_out("images augmented in training: %s\n", cfg->augment);
}

static void print_idle(const app *a, const screen *s)
{
    int leaves = tree_leaves((int)s->cfg->batch_size, (int)s->cfg->grain);
    char text[256];
    if (leaves >= a->workers) return;
    snprintf(text, sizeof text,
             "at most %d of the %d threads have work: a batch of %lld is %d leaves of %lld "
             "samples; a larger --batch-size gives work to more",
             leaves, a->workers, (long long)s->cfg->batch_size, leaves, (long long)s->cfg->grain);
    print_note(text);
}

static void print_large_batch(const screen *s)
{
    char text[160];
    if (s->cfg->batch_size <= s->train) return;
    snprintf(text, sizeof text,
             "--batch-size %s is more than the %s training images: each step takes all of them",
             text_thousands(s->cfg->batch_size).text, text_thousands(s->train).text);
    print_note(text);
}

/* With -v: why bf16 does not run on AMX where the processor has it, and what runs instead. */
static void print_amx(const app *a, const screen *s)
{
    char text[160];
    if (a->o.verbosity <= 0 || settings_precision(s->cfg) != PRECISION_BF16 ||
        !kernels_amx_refused())
        return;
    snprintf(text, sizeof text, "%s; the kernels of %s run", kernels_amx_refused(), s->isa);
    print_note(text);
}

void print_screen(const app *a, const screen *s)
{
    char layout[160];
    print_layout(a, layout, sizeof layout);
    print_out("mnist_dist " MNIST_DIST_VERSION "  %s, %s\n", layout, s->isa);
    print_data(s);
    print_model(a, s);
    print_rate(s->cfg);
    print_augment(s->cfg);
    if (s->first_step > 0)
        print_out("run    %s, resumed at step %s\n", s->run,
                  text_thousands(s->first_step + 1).text);
    else
        print_out("run    %s\n", s->run);
    if (a->limit.text[0]) print_out("limit  %s\n", a->limit.text);
    if (a->advice.warning[0]) print_note(a->advice.warning);
    if (a->layout->sharing_note[0]) print_note(a->layout->sharing_note);
    print_amx(a, s);
    print_idle(a, s);
    print_large_batch(s);
    if (s->data_remark[0]) print_note(s->data_remark);
    streams_flush();
}

screen print_screen_of(const session *s, const char *run_folder, int64_t first_step)
{
    return (screen){.cfg = &s->cfg,
                    .data_name = s->data.name,
                    .data_note = s->data.note,
                    .data_remark = s->data.remark,
                    .isa = s->isa,
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
    print_out("test   loss %s - accuracy %s on %s images of %s%s%s",
              print_fixed(r->test_loss, 4).text, print_fixed(r->test_accuracy, 4).text,
              text_thousands(s->data.test.count).text, s->data.name, s->data.note[0] ? ", " : "",
              s->data.note);
    print_out("; last weights (%s)\n", results_place_of(r->epochs, r->step).text);
    if (a->o.verbosity < 0) return;
    if (!r->best_is_last)
        print_out("best   epoch %d: test accuracy %s; --which best takes its weights\n",
                  r->best_epoch, print_fixed(r->best_test_accuracy, 4).text);
    print_out("run    %s: result.json, report.txt, confusion.csv, last.weights.h5\n", run_folder);
    int64_t rate = isfinite(r->images_per_second) ? (int64_t)r->images_per_second : 0;
    print_out("time   %.1f s, training %s images a second\n", r->seconds,
              text_thousands(rate).text);
    text_buffer word = {0};
    if (run_folder[0] == '-') text_buffer_add(&word, "./"); /* else it is an option */
    text_buffer_add_word(&word, run_folder);
    print_out("next   %s evaluate %s\n", print_program(), word.text);
    text_buffer_free(&word);
}
