/* app/predict.c - the command predict: classes and probabilities of images. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/images.h"
#include "app/launch.h"
#include "app/print.h"
#include "app/weights.h"
#include "base/team.h"
#include "base/text_buffer.h"
#include "data/picture.h"
#include "train/results.h"
#include "train/predictor.h"

enum { NAME_WIDTH = 32 };

/* ---- the answer: one line for each image ---- */

typedef struct answer {
    const char *name;
    int class, classes;
    const float *probability; /* [classes]; NULL: there is no digit, several, or no number */
    int digits;               /* how many it holds                                       */
    const char *class_name;
    int named; /* 1: the names of the classes are not their numbers */
} answer;

static int largest_of(const float *p, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (p[c] > p[best]) best = c;
    return best;
}

static void print_text_row(const answer *a)
{
    if (!a->probability) {
        char seen[32] = "no digit";
        if (a->digits) snprintf(seen, sizeof seen, "%d digits", a->digits);
        if (a->digits == 1) snprintf(seen, sizeof seen, "no number");
        print_out("%-*s %5s %12s\n", NAME_WIDTH, a->name, "-", seen);
        return;
    }
    print_out("%-*s %5d %12.6f%s%s\n", NAME_WIDTH, a->name, a->class,
              (double)a->probability[a->class], a->named ? "  " : "",
              a->named ? a->class_name : "");
}

/* As RFC 4180: quotes around a name that contains commas, quotes or line ends; its own quotes are doubled. A file gets the
 * bytes of the name. */
static void print_csv_text(const char *name)
{
    text_buffer field = {0};
    const char *quote = strpbrk(name, ",\"\r\n") ? "\"" : "";
    text_buffer_add(&field, "%s", quote);
    for (; *name; name++) text_buffer_add(&field, *name == '"' ? "\"\"" : "%c", *name);
    text_buffer_add(&field, "%s", quote);
    print_field(field.text);
    text_buffer_free(&field);
}

static void print_csv_row(const answer *a)
{
    print_csv_text(a->name);
    if (!a->probability) {
        for (int c = 0; c < 3 + a->classes; c++) print_out(",");
        print_out("\n");
        return;
    }
    print_out(",%d,%.9g", a->class, (double)a->probability[a->class]);
    for (int c = 0; c < a->classes; c++) print_out(",%.9g", (double)a->probability[c]);
    print_out(",");
    print_csv_text(a->class_name);
    print_out("\n");
}

static void print_json_row(const answer *a)
{
    if (!a->probability) {
        print_json(json_pack("{s:o,s:n,s:n,s:n,s:n,s:i}", "image", print_json_text(a->name),
                             "class", "name", "probability", "probabilities", "digits", a->digits),
                   "");
        return;
    }
    json_t *probabilities = json_array();
    for (int c = 0; c < a->classes; c++)
        json_array_append_new(probabilities, json_real_or_null((double)a->probability[c]));
    print_json(json_pack("{s:o,s:i,s:s,s:o,s:o}", "image", print_json_text(a->name), "class",
                         a->class, "name", a->class_name, "probability",
                         json_real_or_null((double)a->probability[a->class]), "probabilities",
                         probabilities),
               "");
}

/* CSV has the names in its last column, so that the columns before keep their places. */
static void print_head(output_format format, const class_names *names)
{
    if (format == FORMAT_TEXT)
        print_out("%-*s %5s %12s%s\n", NAME_WIDTH, "image", "class", "probability",
                  class_names_are_numbers(names) ? "" : "  name");
    if (format == FORMAT_JSON) print_out("[");
    if (format != FORMAT_CSV) return;
    print_out("image,class,probability");
    for (int c = 0; c < names->count; c++) print_out(",p%d", c);
    print_out(",name\n");
}

/* The probabilities of an image are all numbers, or all NaN (softmax_loss). */
static int is_overflow(const float *p)
{
    return isnan(p[0]);
}

static void print_answers(output_format format, const images *i, const class_names *names,
                          const float *p)
{
    static void (*const row[])(const answer *) = {print_text_row, print_csv_row, print_json_row};
    int done = 0, classes = names->count, named = !class_names_are_numbers(names);
    print_head(format, names);
    for (int f = 0; f < i->files; f++)
        for (int n = 0; n < i->file[f].count; n++, done++, p += classes) {
            image_name name = images_name(i, f, n);
            int digits = i->file[f].digits, class = largest_of(p, classes);
            int has_class = digits == 1 && !is_overflow(p);
            answer a = {name.text,          class, classes, has_class ? p : NULL, digits,
                        names->name[class], named};
            if (format == FORMAT_JSON) print_out("%s", done ? ",\n " : "");
            row[format](&a);
        }
    if (format == FORMAT_JSON) print_out("]\n");
}

static status check_overflow(const float *p, int count, int classes, failure *why)
{
    int found = 0;
    for (int i = 0; i < count; i++) found += is_overflow(p + (size_t)i * (size_t)classes);
    if (!found) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA,
                "the probabilities of %d of %d images are no numbers: sums of the model overflow, "
                "the weights are too large",
                found, count);
}

/* ---- the command ---- */

/* The weights, and why PNG files are not framed, if there are any and --as-is does not ask for it. */
static void print_first_lines(const weights *w, const images *i, const run_data *known,
                              const options *o)
{
    char line[256];
    /* CSV and JSON have no place for it: only a person who sees standard error is told */
    if (o->format != FORMAT_TEXT && isatty(STDERR_FILENO))
        print_to(stderr, "weights %s%s\n", w->path, results_place_in(w->file).text);
    if (o->format != FORMAT_TEXT) return;
    if (w->note.text[0]) print_note(w->note.text);
    if (i->note[0]) print_note(i->note);
    print_out("weights %s%s\n", w->path, results_place_in(w->file).text);
    if (o->operands < 2 || o->as_is || i->framing) return;
    snprintf(line, sizeof line,
             "PNG files are scaled as they are: %s is not handwriting of %d x %d",
             known->name[0] ? known->name : "the training data", PICTURE_SIDE, PICTURE_SIDE);
    print_note(line);
}

/* Digits are framed for models of MNIST's images. Of Fashion-MNIST it is known that its pictures are no digits. */
static int is_framing(const options *o, const images *i, const run_data *known)
{
    return !o->as_is && i->height == PICTURE_SIDE && i->width == PICTURE_SIDE && i->channels == 1 &&
           strcmp(known->name, "Fashion-MNIST") != 0;
}

static status predict_images(const app *a, const weights *w, const settings *cfg, stored_model *s,
                             images *i, failure *why)
{
    const options *o = &a->o;
    run_data known = run_data_of(o->operand[0], w->file);
    i->framing = is_framing(o, i, &known);
    status code = o->operands > 1 ? images_read(i, o->operand + 1, o->operands - 1, why)
                                  : images_read_test(i, &known, cfg, why);
    if (code) return code;
    int threads = launch_threads_alone(a);
    code = team_try(threads, why);
    if (code) return code;
    print_first_lines(w, i, &known, o);
    size_t values = (size_t)i->count * (size_t)s->m.classes;
    float *probabilities = arena_take(&i->memory, values * sizeof *probabilities);
    predictor_run(s, threads, i->pixels, i->count, probabilities);
    class_names names = known.names.count == s->m.classes ? known.names
                                                          : class_names_numbers(s->m.classes);
    print_answers(o->format, i, &names, probabilities);
    code = check_overflow(probabilities, i->count, s->m.classes, why);
    return code ? code : images_check(i, why);
}

static status predict_file(const app *a, const weights *w, stored_model *s, failure *why)
{
    settings cfg;
    status code = weights_settings(&a->o, w, &cfg, why);
    if (code) return code;
    stored_images sides = stored_model_images(w->file, &cfg);
    code = stored_model_open(s, &cfg, sides, w->file, why);
    if (code) return code;
    images i = {
        .height = sides.shape.dim[0], .width = sides.shape.dim[1], .channels = sides.shape.dim[2]};
    if (a->o.format == FORMAT_TEXT) images_note_found(&sides);
    code = predict_images(a, w, &cfg, s, &i, why);
    arena_free(&i.memory);
    return code;
}

status predict_command(app *a, failure *why)
{
    weights w = {0};
    stored_model *s = memory_take(sizeof *s);
    status code = weights_open(a->o.operand[0], options_which(&a->o), &w, why);
    if (!code) code = predict_file(a, &w, s, why);
    weights_close(&w);
    stored_model_free(s);
    memory_free(s);
    return code;
}
