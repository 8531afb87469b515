/* app/summary.c - the command summary: the model as Keras prints it, its operations and its memory. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/estimate.h"
#include "app/print.h"
#include "base/text.h"
#include "train/session.h"
#include "train/stored_model.h"

enum {
    NAME_WIDTH = 32, /* columns, at least */
    SHAPE_WIDTH = 22,
    COUNT_WIDTH = 13,
    USUAL_TRAIN = 60000,
    USUAL_TEST = 10000
};

/* A sign of the table's lines, or in a locale without UTF-8 what is nearest to it. */
static const char *sign(const char *utf8, const char *ascii)
{
    return print_has_utf8() ? utf8 : ascii;
}

static void print_rule(int name_width, const char *left, const char *cross, const char *right)
{
    const int widths[] = {name_width, SHAPE_WIDTH, COUNT_WIDTH};
    print_out("%s", sign(left, "+"));
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < widths[c] + 2; i++) print_out("%s", sign("─", "-"));
        print_out("%s", sign(c < 2 ? cross : right, "+"));
    }
    print_out("\n");
}

static void print_row(int name_width, const char *name, const char *shape_words, const char *count)
{
    const char *line = sign("│", "|");
    print_out("%s %-*s %s %-*s %s %*s %s\n", line, name_width, name, line, SHAPE_WIDTH, shape_words,
              line, COUNT_WIDTH, count, line);
}

typedef struct row_name {
    char text[96];
} row_name;

static row_name name_of(const layer *l)
{
    row_name name;
    snprintf(name.text, sizeof name.text, "%s (%s)", l->name, l->cfg.type->keras_class);
    return name;
}

/* "(None, 13, 13, 32)": Keras' first dimension is the batch. */
static void batch_shape(shape s, char *out, size_t size)
{
    int used = snprintf(out, size, "(None");
    for (int i = 0; i < s.rank; i++)
        used += snprintf(out + used, size - (size_t)used, ", %d", s.dim[i]);
    snprintf(out + used, size - (size_t)used, ")");
}

static int64_t parameters_of(const layer *l)
{
    int64_t count = 0;
    for (int t = 0; t < l->tensors; t++) count += (int64_t)l->tensor[t].at.length;
    return count;
}

static void print_table(const model *m)
{
    int width = NAME_WIDTH;
    for (int i = 0; i < m->layers; i++) {
        int length = (int)strlen(name_of(&m->layer[i]).text);
        if (length > width) width = length;
    }
    print_out("Model: \"%s\"\n", m->name);
    print_rule(width, "┌", "┬", "┐");
    print_row(width, "Layer (type)", "Output Shape", "Param #");
    print_rule(width, "├", "┼", "┤");
    for (int i = 0; i < m->layers; i++) {
        const layer *l = &m->layer[i];
        char words[96];
        batch_shape(l->out, words, sizeof words);
        print_row(width, name_of(l).text, words, text_thousands(parameters_of(l)).text);
    }
    print_rule(width, "└", "┴", "┘");
}

static void print_totals(const settings *cfg, const model *m, const estimate *e)
{
    text_number parameters = text_thousands(m->parameters);
    print_number size = print_bytes((double)m->parameters * sizeof(float));
    print_out(" Total params: %s (%s)\n Trainable params: %s (%s)\n", parameters.text, size.text,
              parameters.text, size.text);
    print_out(" FLOP per sample: %s forward, %s a training step\n",
              text_thousands((int64_t)(2 * m->macs)).text,
              text_thousands((int64_t)m->training_flop).text);
    double own = (double)(e->partial_bytes + e->state_bytes + e->pass_bytes);
    print_out(
        " Memory of a training on one rank, batch %lld, %s: about %s (data %s, parameters and "
        "packed forms %s, "
        "activations %s, gradients and optimizer %s)\n",
        (long long)cfg->batch_size, cfg->optimizer,
        print_bytes((double)(e->data_bytes + e->host_bytes) + own).text,
        print_bytes((double)e->data_bytes).text, print_bytes((double)e->host_bytes).text,
        print_bytes((double)e->pass_bytes).text,
        print_bytes((double)(e->partial_bytes + e->state_bytes)).text);
}

static status plan_summary(const settings *cfg, dataset_plan *plan, failure *why)
{
    *plan = (dataset_plan){.height = STORED_USUAL_SIDE,
                           .width = STORED_USUAL_SIDE,
                           .channels = 1,
                           .classes = cfg->classes ? (int)cfg->classes : STORED_USUAL_CLASSES,
                           .train = USUAL_TRAIN,
                           .test = USUAL_TEST};
    plan->bytes = (size_t)(USUAL_TRAIN + USUAL_TEST) * (STORED_USUAL_SIDE * STORED_USUAL_SIDE + 1);
    return cfg->data[0] ? session_find_data(cfg, plan, why) : STATUS_OK;
}

status summary_command(app *a, failure *why)
{
    const settings *cfg = &a->o.cfg;
    arena memory = {0};
    dataset_plan plan;
    model *m = arena_take(&memory, sizeof *m);
    status code = plan_summary(cfg, &plan, why);
    if (!code) code = estimate_model(cfg, &plan, m, &memory, why);
    if (!code) {
        int threads = cfg->threads ? (int)cfg->threads : place_cores(&a->here);
        estimate e = estimate_memory(cfg, m, estimate_samples(cfg, &plan), plan.bytes, 1, threads);
        print_table(m);
        print_totals(cfg, m, &e);
    }
    arena_free(&memory);
    return code;
}
