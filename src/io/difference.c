/* io/difference.c - comparing what runs left: JSON members, records, tensors. */
#include "io/difference.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
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

/* A value as it was written; cut where it is long. */
static value_text text_of(const json_t *value, int digits)
{
    value_text out = {"none"};
    if (!value) return out;
    size_t length = json_dumpb(value, out.text, sizeof out.text - 1,
                               JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS |
                                   JSON_REAL_PRECISION(digits));
    if (length < sizeof out.text)
        out.text[length] = 0;
    else
        snprintf(out.text + sizeof out.text - 4, 4, "...");
    return out;
}

static int same(const json_t *a, const json_t *b)
{
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

/* The first epoch that differs; that one history is the longer is said by the position. */
static void compare_history(const json_t *a, const json_t *b, differences *d)
{
    for (size_t i = 0; i < json_array_size(a) && i < json_array_size(b); i++) {
        char epoch[32];
        const json_t *row = json_array_get(a, i), *other = json_array_get(b, i);
        snprintf(epoch, sizeof epoch, "epoch %zu", i + 1);
        if (same(row, other)) continue;
        compare_member("history", epoch, row, other, d);
        return;
    }
}

static void compare_objects(const char *what, const char *a, const char *b, differences *d)
{
    json_t *left = json_loads(a, 0, NULL), *right = json_loads(b, 0, NULL), *value;
    const char *key;
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
    const char *path;
    shape shape;
    const float *values;
    size_t length;
    int met; /* the other file has it */
} tensor;

typedef struct comparison {
    arena memory;
    tensor *first, **end; /* of file a, in its order */
    int layers_alone;
    differences *d;
} comparison;

static int counts(const comparison *c, const char *path)
{
    return !c->layers_alone || strncmp(path, "/optimizer/", 11) != 0;
}

static void keep_tensor(void *context, const char *path, shape s, const float *values,
                        size_t length)
{
    comparison *c = context;
    if (!counts(c, path)) return;
    float *copy = arena_take(&c->memory, length * sizeof *copy);
    tensor *t = arena_take(&c->memory, sizeof *t);
    memcpy(copy, values, length * sizeof *copy);
    *t = (tensor){NULL, arena_text(&c->memory, path), s, copy, length, 0};
    *c->end = t;
    c->end = &t->next;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* "[0, 1, 2]": where the element at `index` lies. */
static void place_text(shape s, size_t index, char *out, size_t size)
{
    size_t used = 0, stride = shape_length(s);
    for (int i = 0; i < s.rank; i++) {
        stride /= (size_t)s.dim[i];
        used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? ", " : "[",
                                 index / stride % (size_t)s.dim[i]);
    }
    snprintf(out + used, size - used, "%s", s.rank ? "]" : "[]");
}

static void tell_elements(const tensor *t, const float *other, size_t differ, size_t first,
                          double largest, differences *d)
{
    char line[LINE_TEXT], place[64];
    float a = t->values[first], b = other[first];
    place_text(t->shape, first, place, sizeof place);
    snprintf(line, sizeof line,
             "%.200s %s: %zu of %zu elements differ; the first is %s: %.9g (0x%08x) and %.9g "
             "(0x%08x); the largest difference is %.3g",
             t->path, shape_text(t->shape).text, differ, t->length, place, (double)a, bits_of(a),
             (double)b, bits_of(b), largest);
    tell(d, line);
}

static void compare_elements(const tensor *t, const float *other, differences *d)
{
    size_t differ = 0, first = 0;
    double largest = 0;
    for (size_t i = 0; i < t->length; i++) {
        if (bits_of(t->values[i]) == bits_of(other[i])) continue;
        double apart = fabs((double)t->values[i] - (double)other[i]);
        if (differ++ == 0) first = i;
        if (isnan(apart) || apart > largest) largest = apart; /* a NaN stays */
    }
    d->tensors++;
    d->values += (int64_t)t->length;
    if (differ) tell_elements(t, other, differ, first, largest, d);
}

static void meet_tensor(void *context, const char *path, shape s, const float *values,
                        size_t length)
{
    comparison *c = context;
    char line[LINE_TEXT];
    tensor *t = c->first;
    if (!counts(c, path)) return;
    while (t && strcmp(t->path, path) != 0) t = t->next;
    if (t) t->met = 1;
    if (t && shape_equal(t->shape, s)) {
        compare_elements(t, values, c->d);
        return;
    }
    snprintf(line, sizeof line, "%.200s: %s and %s", path, t ? shape_text(t->shape).text : "none",
             shape_text(s).text);
    tell(c->d, line);
    (void)length;
}

static void tell_unmet(const comparison *c)
{
    char line[LINE_TEXT];
    for (const tensor *t = c->first; t; t = t->next) {
        if (t->met) continue;
        snprintf(line, sizeof line, "%.200s: %s and none", t->path, shape_text(t->shape).text);
        tell(c->d, line);
    }
}

status difference_of_checkpoints(const checkpoint_file *a, const checkpoint_file *b, differences *d,
                                 message *why)
{
    comparison c = {.d = d};
    c.end = &c.first;
    c.layers_alone = !checkpoint_has_state(a) || !checkpoint_has_state(b);
    if (!c.layers_alone) {
        compare_objects("settings", checkpoint_configuration(a), checkpoint_configuration(b), d);
        compare_objects("state", checkpoint_state(a), checkpoint_state(b), d);
    }
    status code = checkpoint_visit(a, keep_tensor, &c, why);
    if (!code) code = checkpoint_visit(b, meet_tensor, &c, why);
    if (!code) tell_unmet(&c);
    arena_free(&c.memory);
    return code;
}

/* ---- records ---- */

/* A file of lines, of which one is in memory. */
typedef struct record_file {
    const char *path;
    FILE *file;
    int line;
} record_file;

/* The next record, or NULL at the end. */
static status next_record(record_file *f, json_t **record, message *why)
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

/* What differs in a pair of records, "" where nothing does. */
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

/* A pair of records, one of them NULL where its file is at its end. */
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

static status compare_records(record_file *a, record_file *b, differences *d, message *why)
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

status difference_of_records(const char *a, const char *b, differences *d, message *why)
{
    record_file left = {.path = a}, right = {.path = b};
    status code = file_open(a, &left.file, why);
    if (!code) code = file_open(b, &right.file, why);
    if (!code) code = compare_records(&left, &right, d, why);
    if (left.file) fclose(left.file);
    if (right.file) fclose(right.file);
    return code;
}
