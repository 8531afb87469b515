/* model/spec.c - a model as words: everything that is known of a layer's words comes from the rows of layer/kind.h. */
#include "model/spec.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/words.h"
#include "model/presets.h"

enum { MOST_NAMES = 128, LINE = 512 };

/* Words for what users of other frameworks may look for here. */
static const char *const batch_normalisation[] = {"batchnorm", "batch_norm", "batch_normalization",
                                                  "batch_normalisation", "BatchNormalization"};
enum { BATCH_WORDS = sizeof batch_normalisation / sizeof *batch_normalisation };

/* ---- texts that grow up to a size ---- */

typedef struct line {
    char *text;
    size_t size, used; /* used may pass size, as snprintf's result does */
} line;

static void add(line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(line *l, const char *format, ...)
{
    va_list values;
    if (l->used >= l->size) return;
    va_start(values, format);
    l->used += (size_t)vsnprintf(l->text + l->used, l->size - l->used, format, values);
    va_end(values);
}

/* ---- fields of layer_cfg ---- */

static int *whole_at(layer_cfg *c, size_t field)
{
    return (int *)(void *)((char *)c + field);
}

static double *real_at(layer_cfg *c, size_t field)
{
    return (double *)(void *)((char *)c + field);
}

/* What an optional number is where it is not given. */
static double value_without(const layer_cfg *c, const layer_operand *o)
{
    return o->like ? layer_cfg_whole(c, o->like) : o->otherwise;
}

/* The first operand of a kind; `o++` is the next one until OPERAND_END. */
static const layer_operand *operands_of(const layer_type *type)
{
    static const layer_operand none = {.sort = OPERAND_END};
    return type->operands ? type->operands : &none;
}

/* The next activation layer from kind *index on, or NULL. */
static const layer_type *next_activation(int *index)
{
    const layer_type *type;
    while ((type = layer_kind((*index)++)) != NULL)
        if (type->act != ACTIVATION_NONE) return type;
    return NULL;
}

/* The function that leaves all as it is, beside those of the activation layers. */
static const char linear[] = "linear";

/* The next activation layer without operands from kind *index on, or NULL. */
static const layer_type *next_function(int *index)
{
    const layer_type *type = next_activation(index);
    while (type && type->operands) type = next_activation(index);
    return type;
}

/* ---- how a layer is written ---- */

static void add_form(line *l, const layer_type *type)
{
    add(l, "%s", type->word);
    for (const layer_operand *o = operands_of(type); o->sort != OPERAND_END; o++) {
        int is_number = o->sort == OPERAND_WHOLE || o->sort == OPERAND_REAL;
        const char *word = o->word ? o->word : "", *form = o->form ? o->form : "";
        const char *blank = *word && *form ? " " : "";
        int optional = o->optional || !is_number;
        add(l, " %s%s%s%s%s", optional ? "[" : "", word, blank, form, optional ? "]" : "");
    }
}

void spec_form(const layer_type *type, char *out, size_t size)
{
    line l = {out, size, 0};
    add_form(&l, type);
}

/* "linear, relu, ..." */
static void add_functions(line *l)
{
    const layer_type *type;
    add(l, "%s", linear);
    for (int i = 0; (type = next_function(&i)) != NULL;) add(l, ", %s", type->word);
}

/* The form, and what an ACTIVATION or a FUNCTION is where it has one. */
static void add_whole_form(line *l, const layer_type *type)
{
    const layer_operand *o = operands_of(type);
    add_form(l, type);
    while (o->sort != OPERAND_END && o->sort != OPERAND_ACTIVATION && o->sort != OPERAND_FUNCTION)
        o++;
    if (o->sort == OPERAND_END) return;
    const layer_type *act;
    const char *between = "";
    if (o->sort == OPERAND_FUNCTION) {
        add(l, ", %s: ", o->form);
        add_functions(l);
        return;
    }
    add(l, ", %s: ", o->form);
    for (int i = 0; (act = next_activation(&i)) != NULL; between = ", ") {
        add(l, "%s", between);
        add_form(l, act);
    }
}

/* ---- reading ---- */

static status refuse_function(const words *w, const layer_operand *o, failure *why)
{
    char text[LINE];
    line l = {text, sizeof text, 0};
    add(&l, "must be the %s: ", o->name);
    add_functions(&l);
    return words_refuse(w, why, "%s", text);
}

static status take_number(words *w, const layer_operand *o, layer_cfg *c, failure *why)
{
    char must[128];
    int64_t whole;
    if (o->sort == OPERAND_REAL) {
        snprintf(must, sizeof must, "must be the %s: a number from %g to %g", o->name, o->least,
                 o->most);
        return words_take_real(w, must, o->least, o->most, real_at(c, o->field), why);
    }
    snprintf(must, sizeof must, "must be the %s: a whole number from %.0f to %.0f", o->name,
             o->least, o->most);
    status s = words_take_int(w, must, (int64_t)o->least, (int64_t)o->most, &whole, why);
    if (!s) *whole_at(c, o->field) = (int)whole;
    return s;
}

/* 1: the next word begins this optional number. */
static int is_given(words *w, const layer_operand *o)
{
    const char *next = words_peek(w);
    return o->word ? words_accept(w, o->word) : *next && strchr("+-.0123456789", *next);
}

static status take_optional(words *w, const layer_operand *o, layer_cfg *c, failure *why)
{
    if (is_given(w, o)) return take_number(w, o, c, why);
    if (o->sort == OPERAND_REAL)
        *real_at(c, o->field) = value_without(c, o);
    else
        *whole_at(c, o->field) = (int)value_without(c, o);
    return STATUS_OK;
}

/* The function `linear`, or one of an activation layer without operands; its place in the enum activation. */
static status take_function(words *w, const layer_operand *o, layer_cfg *c, failure *why)
{
    const layer_type *type;
    *whole_at(c, o->field) = (int)o->otherwise;
    if (!words_accept(w, o->word)) return STATUS_OK;
    *whole_at(c, o->field) = ACTIVATION_NONE;
    if (words_accept(w, linear)) return STATUS_OK;
    for (int i = 0; (type = next_function(&i)) != NULL;) {
        if (!words_accept(w, type->word)) continue;
        *whole_at(c, o->field) = (int)type->act;
        return STATUS_OK;
    }
    return refuse_function(w, o, why);
}

/* The operands of a kind that are numbers, flags or functions. */
static status take_plain(words *w, const layer_operand *o, layer_cfg *c, failure *why)
{
    if (o->sort == OPERAND_FUNCTION) return take_function(w, o, c, why);
    if (o->sort == OPERAND_FLAG) {
        *whole_at(c, o->field) = words_accept(w, o->word);
        if (!layer_cfg_whole(c, o->field) && o->opposite) words_accept(w, o->opposite);
        return STATUS_OK;
    }
    return o->optional ? take_optional(w, o, c, why) : take_number(w, o, c, why);
}

/* An activation layer's word, if it comes next, and its operands. */
static status take_activation(words *w, layer_cfg *c, failure *why)
{
    const layer_type *type;
    for (int i = 0; (type = next_activation(&i)) != NULL;) {
        if (!words_accept(w, type->word)) continue;
        status s = STATUS_OK;
        c->act = type->act;
        for (const layer_operand *o = operands_of(type); !s && o->sort != OPERAND_END; o++)
            s = take_plain(w, o, c, why);
        return s;
    }
    return STATUS_OK;
}

/* ---- what is said of a wrong word ---- */

static int add_name(const char **names, int count, const char *name)
{
    if (!name) return count;
    CHECK(count < MOST_NAMES, "more than %d words", MOST_NAMES);
    names[count] = name;
    return count + 1;
}

/* Adds the words that may follow a kind's word. */
static int add_names_of(const layer_type *type, const char **names, int count)
{
    const layer_type *act;
    for (const layer_operand *o = operands_of(type); o->sort != OPERAND_END; o++) {
        count = add_name(names, count, o->word);
        count = add_name(names, count, o->opposite);
        for (int i = 0; o->sort == OPERAND_ACTIVATION && (act = next_activation(&i)) != NULL;)
            count = add_name(names, count, act->word);
        for (int i = 0; o->sort == OPERAND_FUNCTION && (act = next_function(&i)) != NULL;)
            count = add_name(names, count, act->word);
    }
    return count;
}

/* 1 if some layer has a use for the word. */
static int is_operand(const char *word)
{
    const char *names[MOST_NAMES];
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++)
        if (text_index(word, names, add_names_of(type, names, 0)) >= 0) return 1;
    return 0;
}

static status refuse_operand(const words *w, const layer_type *type, failure *why)
{
    const char *names[MOST_NAMES], *word = words_peek(w), *near = NULL;
    char text[LINE];
    line l = {text, sizeof text, 0};
    int out_of_place = is_operand(word);
    if (!out_of_place) near = text_nearest(word, names, add_names_of(type, names, 0));
    add(&l, "%s; ", out_of_place ? "out of place" : "unknown");
    if (near) add(&l, "did you mean '%s'? ", near);
    add(&l, "%s form is ", near ? "The" : "the");
    add_whole_form(&l, type);
    return words_refuse(w, why, "%s", text);
}

static status refuse_layer(const words *w, failure *why)
{
    const char *names[MOST_NAMES];
    const layer_type *type;
    int count = 0;
    if (text_index(words_peek(w), batch_normalisation, BATCH_WORDS) >= 0)
        return words_refuse(w, why,
                            "batch normalisation is left out, because its statistics depend on the "
                            "batch: a sample's result would depend on the other samples. "
                            "layer_norm does without a batch");
    if (strcmp(words_peek(w), "Activation") == 0)
        return words_refuse(w, why, "an activation is a layer by its own name: relu");
    for (int i = 0; (type = layer_kind(i)) != NULL; i++) {
        if (strcmp(words_peek(w), type->keras_class) == 0 && type->act == ACTIVATION_NONE)
            return words_refuse(w, why, "unknown layer; did you mean '%s'? It is %s of Keras",
                                type->word, type->keras_class);
        count = add_name(names, count, type->word);
    }
    return words_refuse(w, why, "unknown layer%s", text_suggest(words_peek(w), names, count).text);
}

int spec_is_layer(const char *word)
{
    return layer_kind_find(word) || text_index(word, batch_normalisation, BATCH_WORDS) >= 0;
}

status spec_unknown_model(const char *word, failure *why)
{
    const char *names[MOST_NAMES];
    int count = 0;
    for (; presets_name(count); count++) names[count] = presets_name(count);
    return fail(why, STATUS_USAGE,
                "unknown model '%s'%s, or a chain of layers such as \"flatten; dense 10\"", word,
                text_suggest(word, names, count).text);
}

static status parse_layer(words *w, layer_cfg *c, failure *why)
{
    status s = STATUS_OK;
    *c = (layer_cfg){.type = layer_kind_find(words_peek(w))};
    if (!c->type) return refuse_layer(w, why);
    words_accept(w, c->type->word);
    for (const layer_operand *o = operands_of(c->type); !s && o->sort != OPERAND_END; o++)
        s = o->sort == OPERAND_ACTIVATION ? take_activation(w, c, why) : take_plain(w, o, c, why);
    return s || w->next == w->count ? s : refuse_operand(w, c->type, why);
}

status spec_parse(const char *text, layer_cfg *cfgs, int max, int *count, failure *why)
{
    const char *phrase;
    size_t length;
    *count = 0;
    while (words_next_phrase(&text, &phrase, &length)) {
        words w;
        status s = words_cut(&w, "model", phrase, length, why);
        if (s) return s;
        if (*count == max) return fail(why, STATUS_USAGE, "--model: more than %d layers", max);
        s = parse_layer(&w, &cfgs[(*count)++], why);
        if (s) return s;
    }
    if (*count == 0) return fail(why, STATUS_USAGE, "--model: the model has no layers");
    return STATUS_OK;
}

/* ---- writing ---- */

/* The shortest text that is read as the same number. */
static void add_real(line *l, double value)
{
    char text[32];
    double back = (double)NAN;
    for (int digits = 1; digits <= 17 && !(back == value); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        text_to_double(text, &back);
    }
    add(l, "%s", text);
}

static void add_plain(line *l, const layer_operand *o, const layer_cfg *c)
{
    if (o->sort == OPERAND_FLAG) {
        if (layer_cfg_whole(c, o->field)) add(l, " %s", o->word);
        return;
    }
    if (o->sort == OPERAND_FUNCTION) {
        const layer_type *type = layer_kind_activation((activation)layer_cfg_whole(c, o->field));
        if (layer_cfg_whole(c, o->field) != (int)o->otherwise)
            add(l, " %s %s", o->word, type ? type->word : linear);
        return;
    }
    int is_real = o->sort == OPERAND_REAL;
    double value = is_real ? layer_cfg_real(c, o->field) : layer_cfg_whole(c, o->field);
    if (o->optional && value == value_without(c, o)) return;
    add(l, "%s%s ", o->word ? " " : "", o->word ? o->word : "");
    if (is_real)
        add_real(l, value);
    else
        add(l, "%.0f", value);
}

static void add_layer(line *l, const layer_type *type, const layer_cfg *c)
{
    add(l, "%s", type->word);
    for (const layer_operand *o = operands_of(type); o->sort != OPERAND_END; o++)
        if (o->sort != OPERAND_ACTIVATION) add_plain(l, o, c);
}

/* The activation is the last operand of every kind that has one. */
static void add_activation(line *l, const layer_cfg *c)
{
    if (c->act == ACTIVATION_NONE) return;
    add(l, " ");
    add_layer(l, layer_kind_activation(c->act), c);
}

void spec_format(const layer_cfg *cfgs, int count, char *out, size_t size)
{
    line l = {out, size, 0};
    out[0] = 0;
    for (int i = 0; i < count; i++) {
        if (i > 0) add(&l, "; ");
        add_layer(&l, cfgs[i].type, &cfgs[i]);
        add_activation(&l, &cfgs[i]);
    }
}
