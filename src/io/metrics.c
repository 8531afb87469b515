/* io/metrics.c - records as JSON lines while a run goes; cut back to a checkpoint's step when it goes on. */
#include "io/metrics.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "io/file.h"
#include "metrics_table.h"

enum { RESULT_DIGITS = 9, CLOCK_DIGITS = 6, FIRST_RECORDS = 1024 };

/* Records of one kind in memory, oldest first. */
typedef struct record_list {
    void *records;
    size_t count, size, record_bytes;
} record_list;

struct metrics {
    char path[FILE_PATH], table_path[FILE_PATH];
    FILE *lines;
    record_list steps, epochs;
    size_t tabled; /* records in metrics.h5 as this run last wrote it */
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

/* What a reader of the line gets back: a resumed run has the same records in memory as one that was never stopped. */
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

typedef struct number_text {
    char text[40];
} number_text;

/* JSON knows no NaN: null. */
static number_text json_number(double value, int digits)
{
    number_text n = {"null"};
    if (isfinite(value)) snprintf(n.text, sizeof n.text, "%.*g", digits, value);
    return n;
}

static number_text result_text(double value)
{
    return json_number(value, RESULT_DIGITS);
}

static number_text clock_text(double value)
{
    return json_number(value, CLOCK_DIGITS);
}

static status write_line(metrics *m, const char *line, message *why)
{
    if (fputs(line, m->lines) >= 0) return STATUS_OK;
    return file_cannot_write(m->path, errno, why);
}

status metrics_add_step(metrics *m, const metrics_step *s, message *why)
{
    char line[METRICS_LINE_BYTES], digest[64] = "";
    metrics_step written = step_as_written(s);
    if (s->parameters_digest)
        snprintf(digest, sizeof digest, ",\"parameters_digest\":\"%.33s\"", s->parameters_digest);
    list_add(&m->steps, &written);
    snprintf(line, sizeof line,
             "{\"kind\":\"step\",\"epoch\":%d,\"step\":%lld,\"loss\":%s,\"accuracy\":%s,"
             "\"learning_rate\":%s,\"images_per_second\":%s%s}\n",
             s->epoch, (long long)s->step, result_text(s->loss).text, result_text(s->accuracy).text,
             result_text(s->learning_rate).text, clock_text(s->images_per_second).text, digest);
    return write_line(m, line, why);
}

static void add_phase_text(char *line, size_t *used, const metrics_phase *p, const char *comma)
{
    *used += (size_t)snprintf(line + *used, METRICS_LINE_BYTES - *used,
                              "%s\"%s\":{\"min\":%s,\"mean\":%s,\"max\":%s,\"rank\":%d}", comma,
                              p->name, clock_text(p->min_s).text, clock_text(p->mean_s).text,
                              clock_text(p->max_s).text, p->rank);
}

status metrics_add_epoch(metrics *m, const metrics_epoch *e, message *why)
{
    char line[METRICS_LINE_BYTES];
    CHECK(e->phases >= 0 && e->phases <= METRICS_MAX_PHASES, "%d phases", e->phases);
    metrics_epoch written = epoch_as_written(e);
    list_add(&m->epochs, &written);
    size_t used = (size_t)snprintf(
        line, sizeof line,
        "{\"kind\":\"epoch\",\"epoch\":%d,\"step\":%lld,\"loss\":%s,\"accuracy\":%s,\"val_loss\":%"
        "s,"
        "\"val_accuracy\":%s,\"seconds\":%s,\"images_per_second\":%s,\"phase_s\":{",
        e->epoch, (long long)e->step, result_text(e->loss).text, result_text(e->accuracy).text,
        result_text(e->val_loss).text, result_text(e->val_accuracy).text,
        clock_text(e->seconds).text, clock_text(e->images_per_second).text);
    for (int p = 0; p < e->phases; p++)
        add_phase_text(line, &used, &written.phase[p], p ? "," : "");
    snprintf(line + used, sizeof line - used, "}}\n");
    return write_line(m, line, why);
}

static double get_real(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static int64_t get_whole(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static metrics_step parse_step(const json_t *object)
{
    return (metrics_step){.epoch = (int)get_whole(object, "epoch"),
                          .step = get_whole(object, "step"),
                          .loss = get_real(object, "loss"),
                          .accuracy = get_real(object, "accuracy"),
                          .learning_rate = get_real(object, "learning_rate"),
                          .images_per_second = get_real(object, "images_per_second")};
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
        p->min_s = get_real(value, "min");
        p->mean_s = get_real(value, "mean");
        p->max_s = get_real(value, "max");
        p->rank = (int)get_whole(value, "rank");
    }
}

static metrics_epoch parse_epoch(const json_t *object)
{
    metrics_epoch e = {.epoch = (int)get_whole(object, "epoch"),
                       .step = get_whole(object, "step"),
                       .loss = get_real(object, "loss"),
                       .accuracy = get_real(object, "accuracy"),
                       .val_loss = get_real(object, "val_loss"),
                       .val_accuracy = get_real(object, "val_accuracy"),
                       .seconds = get_real(object, "seconds"),
                       .images_per_second = get_real(object, "images_per_second")};
    parse_phases(json_object_get(object, "phase_s"), &e);
    return e;
}

typedef enum line_kind { LINE_DAMAGED, LINE_LATER, LINE_KEPT } line_kind;

/* Where a run goes on. */
typedef struct cut {
    int64_t last_step, last_epoch;
} cut;

/* Takes a line in front of the cut into the lists. */
static line_kind take_line(metrics *m, const char *line, size_t length, cut at)
{
    json_t *object = json_loadb(line, length, 0, NULL);
    const char *kind = json_string_value(json_object_get(object, "kind"));
    int64_t step = get_whole(object, "step");
    int is_epoch = kind && strcmp(kind, "epoch") == 0;
    int later = step > at.last_step || (is_epoch && get_whole(object, "epoch") > at.last_epoch);
    line_kind what = step < 1 || !kind ? LINE_DAMAGED : later ? LINE_LATER : LINE_KEPT;
    if (what == LINE_KEPT && strcmp(kind, "step") == 0) {
        metrics_step s = parse_step(object);
        list_add(&m->steps, &s);
    } else if (what == LINE_KEPT && is_epoch) {
        metrics_epoch e = parse_epoch(object);
        list_add(&m->epochs, &e);
    }
    json_decref(object);
    return what;
}

static int is_at_end(FILE *file)
{
    int next = getc(file);
    if (next != EOF) ungetc(next, file);
    return next == EOF;
}

/* Reads the lines of an earlier part of the run: *kept bytes of it stay. */
static status take_lines(metrics *m, FILE *file, cut at, off_t *kept, message *why)
{
    char line[METRICS_LINE_BYTES];
    size_t length;
    /* a torn last line is left out: the program or the host was ended while it wrote it */
    for (size_t number = 1; file_next_line(file, line, sizeof line, &length); number++) {
        int is_text = strlen(line) == length;
        line_kind what = is_text ? take_line(m, line, length, at) : LINE_DAMAGED;
        if (what == LINE_DAMAGED && !is_at_end(file))
            return fail(why, STATUS_BAD_DATA, "%s: line %zu is no record: mend or remove this line",
                        m->path, number);
        if (what != LINE_KEPT) break; /* nor is any behind it */
        *kept += (off_t)length + 1;
    }
    if (!ferror(file)) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA, "%s: cannot read: %s", m->path, strerror(errno));
}

static status cut_back(metrics *m, cut at, message *why)
{
    off_t kept = 0;
    FILE *file = fopen(m->path, "r+e");
    if (!file) return file_cannot_write(m->path, errno, why);
    status code = take_lines(m, file, at, &kept, why);
    if (!code && (ftruncate(fileno(file), kept) || fsync(fileno(file))))
        code = file_cannot_write(m->path, errno, why);
    fclose(file);
    return code;
}

status metrics_open(const char *run_folder, int64_t last_step, int last_epoch, metrics **opened,
                    message *why)
{
    metrics *m = memory_take(sizeof *m);
    m->steps.record_bytes = sizeof(metrics_step);
    m->epochs.record_bytes = sizeof(metrics_epoch);
    status code = file_join(run_folder, "metrics.jsonl", m->path, why);
    if (!code) code = file_join(run_folder, "metrics.h5", m->table_path, why);
    int goes_on = !code && last_step >= 0 && file_exists(m->path);
    if (goes_on) code = cut_back(m, (cut){last_step, last_epoch}, why);
    if (!code) {
        m->lines = fopen(m->path, goes_on ? "ae" : "we");
        if (!m->lines) code = file_cannot_write(m->path, errno, why);
    }
    *opened = code ? NULL : m;
    if (code) metrics_close(m);
    return code;
}

status metrics_flush(metrics *m, message *why)
{
    /* a full disk may show in an earlier line already: then ferror alone remembers it */
    if (fflush(m->lines) || ferror(m->lines) || fsync(fileno(m->lines)))
        return file_cannot_write(m->path, errno, why);
    return STATUS_OK;
}

static size_t records(const metrics *m)
{
    return m->steps.count + m->epochs.count;
}

static status write_table(metrics *m, message *why)
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

status metrics_tabulate(metrics *m, message *why)
{
    int grown = m->tabled == 0 || records(m) - m->tabled > m->tabled / 8;
    return grown ? write_table(m, why) : STATUS_OK;
}

status metrics_finish(metrics *m, message *why)
{
    status code = metrics_flush(m, why);
    int is_whole = m->tabled > 0 && m->tabled == records(m);
    return !code && !is_whole ? write_table(m, why) : code;
}

const metrics_epoch *metrics_epochs(const metrics *m, int *count)
{
    *count = (int)m->epochs.count;
    return m->epochs.records;
}

void metrics_close(metrics *m)
{
    if (!m) return;
    if (m->lines) fclose(m->lines);
    memory_free(m->steps.records);
    memory_free(m->epochs.records);
    memory_free(m);
}
