/* io/difference.c - compares the JSON members, records and tensors of two runs. */
#include "io/difference.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "io/json.h"
#include "io/metrics.h"

enum { VALUE_TEXT = 200, LINE_TEXT = 1024 };
enum { STATE_DIGITS = 17, RECORD_DIGITS = 9 }; /* as they are written */

static void tell(differences *d, const char *line)
{
    text_buffer_add(&d->lines, "%s\n", line);
    d->found++;
}

void differences_free(differences *d)
{
    text_buffer_free(&d->lines);
}

/* ---- JSON ---- */

typedef struct value_text {
    char text[VALUE_TEXT];
} value_text;

/* A value as JSON text, cut if it is long; "none" for NULL. */
static value_text text_of(const json_t *value, int digits)
{
    value_text out = {"none"};
    if (!value) return out;
    char *text = json_to_text(json_deep_copy(value), JSON_ONE_LINE, digits);
    int length = snprintf(out.text, sizeof out.text, "%s", text);
    if (length >= VALUE_TEXT) snprintf(out.text + VALUE_TEXT - 4, 4, "...");
    memory_free(text);
    return out;
}

/* Numbers are compared as numbers: 1 is 1.0. */
static int same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    return a && b ? json_equal(a, b) : a == b;
}

static void compare_member(const char *what, const char *key, const json_t *a, const json_t *b,
                           differences *d)
{
    char line[LINE_TEXT];
    if (same(a, b)) return;
    snprintf(line, sizeof line, "%s: %.80s: %s and %s", what, key, text_of(a, STATE_DIGITS).text,
             text_of(b, STATE_DIGITS).text);
    tell(d, line);
}

/* How many epochs there are, if that differs, and the first epoch that differs. */
static void compare_history(const json_t *a, const json_t *b, differences *d)
{
    char line[LINE_TEXT];
    if (json_array_size(a) != json_array_size(b)) {
        snprintf(line, sizeof line, "history: %zu and %zu epochs", json_array_size(a),
                 json_array_size(b));
        tell(d, line);
    }
    for (size_t i = 0; i < json_array_size(a) && i < json_array_size(b); i++) {
        char epoch[32];
        const json_t *row = json_array_get(a, i), *other = json_array_get(b, i);
        snprintf(epoch, sizeof epoch, "epoch %zu", i + 1);
        if (same(row, other)) continue;
        compare_member("history", epoch, row, other, d);
        return;
    }
}

/* Checkpoints that name no numerics were written when there was only number 1. */
static void name_numerics(json_t *left, json_t *right)
{
    const char key[] = "numerics";
    if (!json_object_get(left, key) && !json_object_get(right, key)) return;
    if (!json_object_get(left, key)) json_object_set_new(left, key, json_integer(1));
    if (!json_object_get(right, key)) json_object_set_new(right, key, json_integer(1));
}

static void compare_objects(const char *what, const char *a, const char *b, differences *d)
{
    json_t *left = json_loads(a, 0, NULL), *right = json_loads(b, 0, NULL), *value;
    const char *key;
    name_numerics(left, right);
    json_object_foreach(left, key, value)
    {
        if (strcmp(key, "history") == 0)
            compare_history(value, json_object_get(right, key), d);
        else
            compare_member(what, key, value, json_object_get(right, key), d);
    }
    json_object_foreach(right, key, value)
    {
        if (!json_object_get(left, key)) compare_member(what, key, NULL, value, d);
    }
    if (!left || !right) compare_member(what, "all of it", left, right, d);
    json_decref(left);
    json_decref(right);
}

/* ---- tensors ---- */

typedef struct tensor {
    struct tensor *next;
    checkpoint_array array; /* its path, type and values are of the comparison's memory */
    int met;                /* the other file has it */
} tensor;

typedef struct comparison {
    arena memory;
    tensor *first, **end; /* of file a, in its order */
    int layers_alone;
    differences *d;
} comparison;

#define OPTIMIZER "/optimizer/"

static int counts(const comparison *c, const char *path)
{
    return !c->layers_alone || strncmp(path, OPTIMIZER, strlen(OPTIMIZER)) != 0;
}

static void find_optimizer(void *context, const checkpoint_array *array)
{
    int *found = context;
    *found |= strncmp(array->path, OPTIMIZER, strlen(OPTIMIZER)) == 0;
}

static void keep_tensor(void *context, const checkpoint_array *array)
{
    comparison *c = context;
    if (!counts(c, array->path)) return;
    tensor *t = arena_take(&c->memory, sizeof *t);
    void *copy = arena_take(&c->memory, array->length * array->bytes);
    memcpy(copy, array->values, array->length * array->bytes);
    *t = (tensor){NULL, *array, 0};
    t->array.path = arena_text(&c->memory, array->path);
    t->array.type = arena_text(&c->memory, array->type);
    t->array.values = copy;
    t->array.floats = array->floats ? copy : NULL;
    *c->end = t;
    c->end = &t->next;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* A value of a type that is not float32, as C would print it; opaque numbers as hexadecimal bits. */
static value_text element_text(const checkpoint_array *a, size_t index)
{
    value_text out;
    const unsigned char *at = (const unsigned char *)a->values + index * a->bytes;
    uint64_t bits = 0;
    double number;
    for (size_t i = a->bytes; i-- > 0;) bits = bits << 8 | at[i];
    if (strcmp(a->type, "float64") == 0) {
        memcpy(&number, &bits, sizeof number);
        snprintf(out.text, sizeof out.text, "%.17g (0x%016" PRIx64 ")", number, bits);
    } else if (strncmp(a->type, "int", 3) == 0) { /* the sign is spread over 64 bits */
        uint64_t sign = (uint64_t)1 << (8 * a->bytes - 1);
        snprintf(out.text, sizeof out.text, "%" PRId64, (int64_t)((bits ^ sign) - sign));
    } else {
        snprintf(out.text, sizeof out.text, "0x%0*" PRIx64, (int)(2 * a->bytes), bits);
    }
    return out;
}

static void tell_elements(const tensor *t, const float *other, size_t differ, size_t first,
                          double largest, differences *d)
{
    char line[LINE_TEXT];
    const checkpoint_array *is = &t->array;
    float a = is->floats[first], b = other[first];
    snprintf(line, sizeof line,
             "%.200s %s: %zu of %zu elements differ; the first is %s: %.9g (0x%08x) and %.9g "
             "(0x%08x); the largest difference is %.3g",
             is->path, shape_text(is->shape).text, differ, is->length,
             shape_place(is->shape, first).text, (double)a, bits_of(a), (double)b, bits_of(b),
             largest);
    tell(d, line);
}

static void compare_floats(const tensor *t, const float *other, differences *d)
{
    size_t differ = 0, first = 0;
    double largest = 0;
    for (size_t i = 0; i < t->array.length; i++) {
        if (bits_of(t->array.floats[i]) == bits_of(other[i])) continue;
        double apart = fabs((double)t->array.floats[i] - (double)other[i]);
        if (differ++ == 0) first = i;
        if (isnan(apart) || apart > largest) largest = apart; /* a NaN stays */
    }
    if (differ) tell_elements(t, other, differ, first, largest, d);
}

/* Numbers of the same type, which is not float32. */
static void compare_others(const checkpoint_array *a, const checkpoint_array *b, differences *d)
{
    char line[LINE_TEXT];
    const char *left = a->values, *right = b->values;
    size_t differ = 0, first = 0;
    for (size_t i = 0; i < a->length; i++)
        if (memcmp(left + i * a->bytes, right + i * a->bytes, a->bytes) != 0 && differ++ == 0)
            first = i;
    if (!differ) return;
    snprintf(line, sizeof line,
             "%.200s %s, %s: %zu of %zu elements differ; the first is %s: %.60s and %.60s", a->path,
             shape_text(a->shape).text, a->type, differ, a->length,
             shape_place(a->shape, first).text, element_text(a, first).text,
             element_text(b, first).text);
    tell(d, line);
}

static void compare_arrays(const tensor *t, const checkpoint_array *other, differences *d)
{
    d->tensors++;
    d->values += (int64_t)t->array.length;
    if (t->array.floats)
        compare_floats(t, other->floats, d);
    else
        compare_others(&t->array, other, d);
}

/* "(784, 10)"; with the type where it is not float32, or differs from the other's. */
static value_text kind_text(const checkpoint_array *a, int with_type)
{
    value_text out = {"none"};
    if (!a) return out;
    snprintf(out.text, sizeof out.text, "%s%s%s", shape_text(a->shape).text, with_type ? ", " : "",
             with_type ? a->type : "");
    return out;
}

static void meet_tensor(void *context, const checkpoint_array *array)
{
    comparison *c = context;
    char line[LINE_TEXT];
    tensor *t = c->first;
    if (!counts(c, array->path)) return;
    while (t && strcmp(t->array.path, array->path) != 0) t = t->next;
    if (t) t->met = 1;
    int same_type = !t || strcmp(t->array.type, array->type) == 0;
    if (t && same_type && shape_equal(t->array.shape, array->shape)) {
        compare_arrays(t, array, c->d);
        return;
    }
    snprintf(line, sizeof line, "%.200s: %.100s and %.100s", array->path,
             kind_text(t ? &t->array : NULL, !same_type).text, kind_text(array, !same_type).text);
    tell(c->d, line);
}

static void tell_unmet(const comparison *c)
{
    char line[LINE_TEXT];
    for (const tensor *t = c->first; t; t = t->next) {
        if (t->met) continue;
        snprintf(line, sizeof line, "%.200s: %s and none", t->array.path,
                 shape_text(t->array.shape).text);
        tell(c->d, line);
    }
}

status difference_of_checkpoints(const checkpoint_file *a, const checkpoint_file *b, differences *d,
                                 failure *why)
{
    comparison c = {.d = d};
    int before = d->tensors + d->found, left = 0, right = 0;
    c.end = &c.first;
    status code = checkpoint_visit(a, find_optimizer, &left, why);
    if (!code) code = checkpoint_visit(b, find_optimizer, &right, why);
    c.layers_alone = !left || !right;
    d->parameters_alone |= c.layers_alone;
    if (checkpoint_has_state(a) && checkpoint_has_state(b)) {
        compare_objects("settings", checkpoint_configuration(a), checkpoint_configuration(b), d);
        compare_objects("state", checkpoint_state(a), checkpoint_state(b), d);
    }
    if (!code) code = checkpoint_visit(a, keep_tensor, &c, why);
    if (!code) code = checkpoint_visit(b, meet_tensor, &c, why);
    if (!code) tell_unmet(&c);
    arena_free(&c.memory);
    if (!code && d->tensors + d->found == before)
        code = fail(why, STATUS_BAD_DATA, "nothing to compare: the two files hold no tensors");
    return code;
}

/* ---- records ---- */

/* A file of lines; one is in memory. */
typedef struct record_file {
    const char *path;
    FILE *file;
    int line;
} record_file;

/* The next record, or NULL at the end. */
static status next_record(record_file *f, json_t **record, failure *why)
{
    char line[METRICS_LINE_BYTES];
    size_t length;
    *record = NULL;
    if (!file_next_line(f->file, line, sizeof line, &length))
        return ferror(f->file) ? file_cannot_read(f->path, errno, why) : STATUS_OK;
    f->line++;
    if (strlen(line) == length) *record = json_loads(line, 0, NULL);
    if (json_is_object(*record)) return STATUS_OK;
    json_decref(*record);
    *record = NULL;
    return fail(why, STATUS_BAD_DATA, "%.900s: line %d is no record", f->path, f->line);
}

static int is_clock(const char *key)
{
    return !strcmp(key, "seconds") || !strcmp(key, "images_per_second") || !strcmp(key, "phase_s");
}

/* Adds "KEY A and B" to the line. */
static void add_field(char *line, const char *key, const json_t *a, const json_t *b)
{
    size_t used = strlen(line);
    snprintf(line + used, LINE_TEXT - used, "%s%.40s %s and %s", used ? ", " : "", key,
             text_of(a, RECORD_DIGITS).text, text_of(b, RECORD_DIGITS).text);
}

/* The differences of a pair of records, "" if there are none. */
static void compare_record(json_t *a, json_t *b, char *line)
{
    const char *key;
    json_t *value;
    line[0] = 0;
    json_object_foreach(a, key, value)
    {
        json_t *other = json_object_get(b, key);
        int optional = strcmp(key, "parameters_digest") == 0 && !other;
        if (!is_clock(key) && !optional && !same(value, other)) add_field(line, key, value, other);
    }
    json_object_foreach(b, key, value)
    {
        int optional = strcmp(key, "parameters_digest") == 0;
        if (!is_clock(key) && !optional && !json_object_get(a, key))
            add_field(line, key, NULL, value);
    }
}

static void tell_record(const json_t *record, const char *what, differences *d)
{
    char line[LINE_TEXT + 128];
    const char *kind = json_string_value(json_object_get(record, "kind"));
    long long epoch = json_integer_value(json_object_get(record, "epoch"));
    long long step = json_integer_value(json_object_get(record, "step"));
    if (kind && strcmp(kind, "epoch") == 0)
        snprintf(line, sizeof line, "end of epoch %lld (step %lld): %s", epoch, step, what);
    else
        snprintf(line, sizeof line, "step %lld (epoch %lld): %s", step, epoch, what);
    tell(d, line);
}

/* Compares a pair of records; one is NULL if its file has ended. */
static int pair_differs(json_t *a, json_t *b, int is_first, differences *d)
{
    char line[LINE_TEXT];
    d->records++;
    if (a && b)
        compare_record(a, b, line);
    else
        snprintf(line, sizeof line, "only in %s", a ? "the first" : "the second");
    if (line[0] && is_first) tell_record(a ? a : b, line, d);
    return line[0] != 0;
}

static status compare_records(record_file *a, record_file *b, differences *d, failure *why)
{
    int differ = 0;
    for (;;) {
        json_t *left, *right = NULL;
        status code = next_record(a, &left, why);
        if (!code) code = next_record(b, &right, why);
        int over = code || (!left && !right);
        if (!over) differ += pair_differs(left, right, differ == 0, d);
        json_decref(left);
        json_decref(right);
        if (code) return code;
        if (over) break;
    }
    if (differ > 1) text_buffer_add(&d->lines, "records: %d of %d differ\n", differ, d->records);
    return STATUS_OK;
}

status difference_of_records(const char *a, const char *b, differences *d, failure *why)
{
    record_file left = {.path = a}, right = {.path = b};
    status code = file_open(a, &left.file, why);
    if (!code) code = file_open(b, &right.file, why);
    if (!code) code = compare_records(&left, &right, d, why);
    if (left.file) fclose(left.file);
    if (right.file) fclose(right.file);
    return code;
}
