/* io/metrics.c - records as JSON lines; for a resumed run cut back to the step of its checkpoint. */
#include "io/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text_buffer.h"
#include "base/timer.h"
#include "io/file.h"
#include "io/json.h"
#include "metrics_table.h"

enum { RESULT_DIGITS = 9, CLOCK_DIGITS = 6, FIRST_RECORDS = 1024 };

/* Others watch the file while it grows. */
#define WRITE_EVERY_S 1.0
enum { MOST_PENDING = 1 << 16 }; /* bytes of lines */

/* Records of one kind in memory, oldest first. */
typedef struct record_list {
    void *records;
    size_t count, size, record_bytes;
} record_list;

struct metrics {
    char path[FILE_PATH], table_path[FILE_PATH];
    int descriptor;    /* of metrics.jsonl, which grows; -1: not open */
    text_buffer lines; /* not written yet                             */
    double written_s;  /* when lines were last written                */
    record_list steps, epochs;
    size_t tabled; /* records in the last metrics.h5 of this run */
};

static void list_add(record_list *list, const void *record)
{
    if (list->count == list->size) {
        size_t size = list->size ? 2 * list->size : FIRST_RECORDS;
        char *records = memory_take(size * list->record_bytes);
        if (list->count) memcpy(records, list->records, list->count * list->record_bytes);
        memory_free(list->records);
        list->records = records;
        list->size = size;
    }
    memcpy((char *)list->records + list->count++ * list->record_bytes, record, list->record_bytes);
}

/* The values as a reader of the line gets them, so that a resumed run has the same records in memory as one without a stop. */
static double as_written(double value, int digits)
{
    char text[40];
    if (!isfinite(value)) return (double)NAN;
    snprintf(text, sizeof text, "%.*g", digits, value);
    return strtod(text, NULL);
}

static metrics_step step_as_written(const metrics_step *s)
{
    return (metrics_step){.epoch = s->epoch,
                          .step = s->step,
                          .loss = as_written(s->loss, RESULT_DIGITS),
                          .accuracy = as_written(s->accuracy, RESULT_DIGITS),
                          .learning_rate = as_written(s->learning_rate, RESULT_DIGITS),
                          .images_per_second = as_written(s->images_per_second, CLOCK_DIGITS)};
}

static metrics_phase phase_as_written(const metrics_phase *p)
{
    metrics_phase written = {.min_s = as_written(p->min_s, CLOCK_DIGITS),
                             .mean_s = as_written(p->mean_s, CLOCK_DIGITS),
                             .max_s = as_written(p->max_s, CLOCK_DIGITS),
                             .rank = p->rank};
    snprintf(written.name, sizeof written.name, "%s", p->name);
    return written;
}

static metrics_epoch epoch_as_written(const metrics_epoch *e)
{
    metrics_epoch written = {.epoch = e->epoch,
                             .step = e->step,
                             .loss = as_written(e->loss, RESULT_DIGITS),
                             .accuracy = as_written(e->accuracy, RESULT_DIGITS),
                             .val_loss = as_written(e->val_loss, RESULT_DIGITS),
                             .val_accuracy = as_written(e->val_accuracy, RESULT_DIGITS),
                             .seconds = as_written(e->seconds, CLOCK_DIGITS),
                             .images_per_second = as_written(e->images_per_second, CLOCK_DIGITS),
                             .phases = e->phases};
    for (int p = 0; p < e->phases; p++) written.phase[p] = phase_as_written(&e->phase[p]);
    return written;
}

static status write_lines(metrics *m, failure *why)
{
    m->written_s = timer_now_s();
    if (m->lines.length == 0) return STATUS_OK;
    status code = file_grow(m->path, m->lines.text, m->lines.length, &m->descriptor, why);
    m->lines.length = 0;
    return code;
}

/* Takes the record and frees it. Its members are rounded, so that RESULT_DIGITS digits give all of them. */
static status write_record(metrics *m, json_t *record, failure *why)
{
    char *line = json_to_text(record, JSON_ONE_LINE, RESULT_DIGITS);
    text_buffer_add(&m->lines, "%s\n", line);
    memory_free(line);
    int due = timer_now_s() - m->written_s >= WRITE_EVERY_S || m->lines.length >= MOST_PENDING;
    return due ? write_lines(m, why) : STATUS_OK;
}

status metrics_add_step(metrics *m, const metrics_step *s, failure *why)
{
    metrics_step written = step_as_written(s);
    list_add(&m->steps, &written);
    return write_record(m,
                        json_pack("{s:s,s:i,s:I,s:o,s:o,s:o,s:o,s:s*}", "kind", "step", "epoch",
                                  s->epoch, "step", (json_int_t)s->step, "loss",
                                  json_real_or_null(written.loss), "accuracy",
                                  json_real_or_null(written.accuracy), "learning_rate",
                                  json_real_or_null(written.learning_rate), "images_per_second",
                                  json_real_or_null(written.images_per_second), "parameters_digest",
                                  s->parameters_digest),
                        why);
}

static json_t *phase_object(const metrics_phase *p)
{
    return json_pack("{s:o,s:o,s:o,s:i}", "min", json_real_or_null(p->min_s), "mean",
                     json_real_or_null(p->mean_s), "max", json_real_or_null(p->max_s), "rank",
                     p->rank);
}

status metrics_add_epoch(metrics *m, const metrics_epoch *e, failure *why)
{
    CHECK(e->phases >= 0 && e->phases <= METRICS_MAX_PHASES, "%d phases", e->phases);
    metrics_epoch written = epoch_as_written(e);
    json_t *phases = json_object();
    list_add(&m->epochs, &written);
    for (int p = 0; p < e->phases; p++)
        json_object_set_new(phases, written.phase[p].name, phase_object(&written.phase[p]));
    return write_record(m,
                        json_pack("{s:s,s:i,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "kind", "epoch",
                                  "epoch", e->epoch, "step", (json_int_t)e->step, "loss",
                                  json_real_or_null(written.loss), "accuracy",
                                  json_real_or_null(written.accuracy), "val_loss",
                                  json_real_or_null(written.val_loss), "val_accuracy",
                                  json_real_or_null(written.val_accuracy), "seconds",
                                  json_real_or_null(written.seconds), "images_per_second",
                                  json_real_or_null(written.images_per_second), "phase_s", phases),
                        why);
}

static metrics_step parse_step(const json_t *object)
{
    return (metrics_step){.epoch = (int)json_whole_of(object, "epoch", -1),
                          .step = json_whole_of(object, "step", -1),
                          .loss = json_real_of(object, "loss"),
                          .accuracy = json_real_of(object, "accuracy"),
                          .learning_rate = json_real_of(object, "learning_rate"),
                          .images_per_second = json_real_of(object, "images_per_second")};
}

static void parse_phases(json_t *phases, metrics_epoch *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(phases, name, value)
    {
        if (e->phases == METRICS_MAX_PHASES) return;
        metrics_phase *p = &e->phase[e->phases++];
        snprintf(p->name, sizeof p->name, "%s", name);
        p->min_s = json_real_of(value, "min");
        p->mean_s = json_real_of(value, "mean");
        p->max_s = json_real_of(value, "max");
        p->rank = (int)json_whole_of(value, "rank", -1);
    }
}

static metrics_epoch parse_epoch(const json_t *object)
{
    metrics_epoch e = {.epoch = (int)json_whole_of(object, "epoch", -1),
                       .step = json_whole_of(object, "step", -1),
                       .loss = json_real_of(object, "loss"),
                       .accuracy = json_real_of(object, "accuracy"),
                       .val_loss = json_real_of(object, "val_loss"),
                       .val_accuracy = json_real_of(object, "val_accuracy"),
                       .seconds = json_real_of(object, "seconds"),
                       .images_per_second = json_real_of(object, "images_per_second")};
    parse_phases(json_object_get(object, "phase_s"), &e);
    return e;
}

/* ---- the record of a run that goes on ---- */

typedef enum line_kind { LINE_DAMAGED, LINE_LEFT_OUT, LINE_KEPT } line_kind;

/* Which records of one kind were read: seen[1..last]. */
typedef struct tally {
    int64_t last, found;
    uint8_t *seen;
} tally;

/* The position at which a run goes on, and what was read of its record up to there. */
typedef struct cut {
    tally steps, epochs;
    int later, twice; /* lines: 1: some lie behind the position; how many repeat an earlier one */
    text_buffer kept;
} cut;

static tally tally_new(int64_t last)
{
    return (tally){.last = last, .seen = memory_take((size_t)last + 1)};
}

/* Returns 1 the first time. */
static int tally_take(tally *t, int64_t number)
{
    if (t->seen[number]) return 0;
    t->found++;
    return t->seen[number] = 1;
}

/* Adds a line before the cut to the lists, unless an earlier line has the same place. */
static line_kind take_record(metrics *m, const json_t *object, cut *at)
{
    const char *kind = json_string_value(json_object_get(object, "kind"));
    int64_t step = json_whole_of(object, "step", -1), epoch = json_whole_of(object, "epoch", -1);
    if (step < 1 || !kind) return LINE_DAMAGED;
    int is_step = strcmp(kind, "step") == 0, is_epoch = strcmp(kind, "epoch") == 0, first = 1;
    if (is_epoch && epoch < 1) return LINE_DAMAGED;
    if (step > at->steps.last || (is_epoch && epoch > at->epochs.last)) {
        at->later = 1;
        return LINE_LEFT_OUT;
    }
    if (is_step) first = tally_take(&at->steps, step);
    if (is_epoch) first = tally_take(&at->epochs, epoch);
    at->twice += !first;
    if (!first) return LINE_LEFT_OUT;
    if (is_step) {
        metrics_step s = parse_step(object);
        list_add(&m->steps, &s);
    } else if (is_epoch) {
        metrics_epoch e = parse_epoch(object);
        list_add(&m->epochs, &e);
    }
    return LINE_KEPT;
}

static line_kind take_line(metrics *m, const char *line, size_t length, cut *at)
{
    json_t *object = json_loadb(line, length, 0, NULL);
    line_kind what = take_record(m, object, at);
    if (what == LINE_KEPT) text_buffer_add(&at->kept, "%s\n", line);
    json_decref(object);
    return what;
}

static int is_at_end(FILE *file)
{
    int next = getc(file);
    if (next != EOF) ungetc(next, file);
    return next == EOF;
}

/* Reads the lines of the file. Behind the first line that is later than the cut, damage does not matter. */
static status take_lines(metrics *m, FILE *file, cut *at, failure *why)
{
    char line[METRICS_LINE_BYTES];
    size_t length;
    /* a last line without a newline is left out: the program ended while it wrote it */
    for (size_t number = 1; file_next_line(file, line, sizeof line, &length); number++) {
        int is_text = strlen(line) == length;
        line_kind what = is_text ? take_line(m, line, length, at) : LINE_DAMAGED;
        if (what == LINE_DAMAGED && !at->later && !is_at_end(file))
            return fail(why, STATUS_BAD_DATA, "%s: line %zu is no record: mend or remove this line",
                        m->path, number);
    }
    if (!ferror(file)) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA, "%s: cannot read: %s", m->path, strerror(errno));
}

/* Appends "5 of 20 steps (the first: 6)" after `before`, if records are missing. */
static void add_missing(text_buffer *text, const tally *t, const char *before, const char *what)
{
    int64_t first = 1;
    if (t->found == t->last) return;
    while (t->seen[first]) first++;
    text_buffer_add(text, "%s%lld of %lld %s (the first: %lld)", before,
                    (long long)(t->last - t->found), (long long)t->last, what, (long long)first);
}

/* What the record lacks. */
static void describe_gaps(const metrics *m, const cut *at, failure *remark)
{
    text_buffer text = {0};
    text_buffer_add(&text, "%s", "");
    add_missing(&text, &at->steps, "lacks ", "steps");
    add_missing(&text, &at->epochs, text.length ? " and " : "lacks ", "epochs");
    if (text.length) text_buffer_add(&text, "; tables and curves will lack them too");
    if (at->twice)
        text_buffer_add(&text, "%s%d line%s of a step or an epoch that has one before, left out",
                        text.length ? "; has " : "has ", at->twice, at->twice == 1 ? "" : "s");
    if (text.length) fail(remark, STATUS_OK, "%s: %s", m->path, text.text);
    text_buffer_free(&text);
}

/* Writes the file anew, with the lines before the cut. */
static status cut_back(metrics *m, int64_t last_step, int last_epoch, failure *remark, failure *why)
{
    FILE *file = NULL;
    cut at = {.steps = tally_new(last_step), .epochs = tally_new(last_epoch)};
    status code = file_exists(m->path) ? file_open(m->path, &file, why) : STATUS_OK;
    if (file) code = take_lines(m, file, &at, why);
    if (file) fclose(file);
    if (!code) code = file_grow_begin(m->path, at.kept.text, at.kept.length, &m->descriptor, why);
    if (!code) describe_gaps(m, &at, remark);
    memory_free(at.steps.seen);
    memory_free(at.epochs.seen);
    text_buffer_free(&at.kept);
    return code;
}

status metrics_open(const char *run_folder, int64_t last_step, int last_epoch, metrics **opened,
                    failure *remark, failure *why)
{
    metrics *m = memory_take(sizeof *m);
    m->steps.record_bytes = sizeof(metrics_step);
    m->epochs.record_bytes = sizeof(metrics_epoch);
    m->descriptor = -1;
    status code = file_join(run_folder, "metrics.jsonl", m->path, why);
    if (!code) code = file_join(run_folder, "metrics.h5", m->table_path, why);
    if (!code && last_step < 0)
        code = file_grow_begin(m->path, "", 0, &m->descriptor, why);
    else if (!code)
        code = cut_back(m, last_step, last_epoch, remark, why);
    *opened = code ? NULL : m;
    if (code) metrics_close(m);
    return code;
}

status metrics_flush(metrics *m, failure *why)
{
    status code = write_lines(m, why);
    return code ? code : file_grow_sync(m->path, m->descriptor, why);
}

static size_t records(const metrics *m)
{
    return m->steps.count + m->epochs.count;
}

static status write_table(metrics *m, failure *why)
{
    unsigned char *bytes;
    size_t length;
    status code = metrics_table_build(m->steps.records, m->steps.count, m->epochs.records,
                                      m->epochs.count, &bytes, &length, why);
    if (code) return code;
    code = file_write_whole(m->table_path, bytes, length, why);
    memory_free(bytes);
    if (!code) m->tabled = records(m);
    return code;
}

status metrics_tabulate(metrics *m, failure *why)
{
    int grown = m->tabled == 0 || records(m) - m->tabled > m->tabled / 8;
    return grown ? write_table(m, why) : STATUS_OK;
}

status metrics_finish(metrics *m, failure *why)
{
    status code = metrics_flush(m, why);
    int is_whole = m->tabled > 0 && m->tabled == records(m);
    return !code && !is_whole ? write_table(m, why) : code;
}

void metrics_close(metrics *m)
{
    if (!m) return;
    if (m->descriptor >= 0) {
        write_lines(m, NULL);
        close(m->descriptor);
    }
    text_buffer_free(&m->lines);
    memory_free(m->steps.records);
    memory_free(m->epochs.records);
    memory_free(m);
}
