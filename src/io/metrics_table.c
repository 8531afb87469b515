/* io/metrics_table.c - tables with named columns, by HDF5 compound types. */
#include "metrics_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "hdf5_tools.h"

typedef struct column {
    char name[32];
    char about[96];
    size_t offset; /* in the record */
    hid_t memory_type, file_type;
} column;

enum { MAX_COLUMNS = 8 + 4 * METRICS_MAX_PHASES };

typedef struct table {
    int columns;
    column column[MAX_COLUMNS];
} table;

/* The values of a phase in the table, without its name: the columns say which phase it is. */
typedef struct phase_row {
    double min_s, mean_s, max_s;
    int rank;
} phase_row;
typedef struct epoch_row {
    metrics_epoch epoch;
    phase_row phase[METRICS_MAX_PHASES];
} epoch_row;

static void add_column(table *t, const char *name, const char *about, size_t offset,
                       hid_t memory_type, hid_t file_type)
{
    column *c = &t->column[t->columns++];
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(c->about, sizeof c->about, "%s", about);
    c->offset = offset;
    c->memory_type = memory_type;
    c->file_type = file_type;
}

static void add_double(table *t, const char *name, const char *about, size_t offset)
{
    add_column(t, name, about, offset, H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE);
}

static void add_int(table *t, const char *name, const char *about, size_t offset)
{
    add_column(t, name, about, offset, H5T_NATIVE_INT, H5T_STD_I32LE);
}

static void add_int64(table *t, const char *name, const char *about, size_t offset)
{
    add_column(t, name, about, offset, H5T_NATIVE_INT64, H5T_STD_I64LE);
}

static hid_t memory_record(const table *t, size_t record_bytes)
{
    hid_t record = H5Tcreate(H5T_COMPOUND, record_bytes);
    for (int i = 0; i < t->columns; i++)
        H5Tinsert(record, t->column[i].name, t->column[i].offset, t->column[i].memory_type);
    return record;
}

/* The record type in the file has no gaps, so that padding bytes are not written. */
static hid_t file_record(const table *t)
{
    size_t bytes = 0;
    for (int i = 0; i < t->columns; i++) bytes += H5Tget_size(t->column[i].file_type);
    hid_t record = H5Tcreate(H5T_COMPOUND, bytes);
    bytes = 0;
    for (int i = 0; i < t->columns; i++) {
        H5Tinsert(record, t->column[i].name, bytes, t->column[i].file_type);
        bytes += H5Tget_size(t->column[i].file_type);
    }
    return record;
}

static int describe_columns(hid_t file, const char *name, const table *t)
{
    hid_t array = H5Dopen2(file, name, H5P_DEFAULT);
    int failed = array < 0;
    for (int i = 0; i < t->columns && !failed; i++)
        failed = hdf5_write_text(array, t->column[i].name, t->column[i].about) != 0;
    if (array >= 0) H5Dclose(array);
    return failed;
}

static int write_table(hid_t file, const char *name, const table *t, size_t record_bytes,
                       const void *records, size_t count)
{
    hid_t memory_type = memory_record(t, record_bytes), file_type = file_record(t);
    int failed = hdf5_write_rows(file, name, file_type, memory_type, count, records);
    H5Tclose(memory_type);
    H5Tclose(file_type);
    return failed || describe_columns(file, name, t);
}

static int write_steps(hid_t file, const metrics_step *step, size_t steps)
{
    table t = {0};
    add_int(&t, "epoch", "epoch, from 1", offsetof(metrics_step, epoch));
    add_int64(&t, "step", "optimiser steps done in the whole run", offsetof(metrics_step, step));
    add_double(&t, "loss", "mean cross-entropy of this batch", offsetof(metrics_step, loss));
    add_double(&t, "accuracy", "share of this batch that was right",
               offsetof(metrics_step, accuracy));
    add_double(&t, "learning_rate", "learning rate of this step",
               offsetof(metrics_step, learning_rate));
    add_double(&t, "images_per_second", "training images per second of wall time",
               offsetof(metrics_step, images_per_second));
    return write_table(file, "steps", &t, sizeof *step, step, steps);
}

/* The phases' names in the order in which they first occur. */
static int phase_names(const metrics_epoch *epoch, size_t epochs, const char **name)
{
    int names = 0;
    for (size_t e = 0; e < epochs; e++)
        for (int p = 0; p < epoch[e].phases; p++) {
            int known = 0;
            for (int n = 0; n < names; n++) known |= strcmp(name[n], epoch[e].phase[p].name) == 0;
            if (!known && names < METRICS_MAX_PHASES) name[names++] = epoch[e].phase[p].name;
        }
    return names;
}

/* The phase of that name in a record; NaN and rank -1 if the record has none. */
static phase_row phase_of(const metrics_epoch *epoch, const char *name)
{
    for (int p = 0; p < epoch->phases; p++) {
        const metrics_phase *phase = &epoch->phase[p];
        if (strcmp(phase->name, name) == 0)
            return (phase_row){phase->min_s, phase->mean_s, phase->max_s, phase->rank};
    }
    return (phase_row){(double)NAN, (double)NAN, (double)NAN, -1};
}

static void add_phase_columns(table *t, const char *phase, size_t offset)
{
    static const struct {
        const char *suffix, *about;
        size_t offset;
    } part[] = {{"min_s", "the fastest rank's seconds", offsetof(phase_row, min_s)},
                {"mean_s", "seconds, mean over ranks", offsetof(phase_row, mean_s)},
                {"max_s", "the slowest rank's seconds", offsetof(phase_row, max_s)}};
    char name[32], about[96];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s_%s", phase, part[i].suffix);
        snprintf(about, sizeof about, "phase %s: %s", phase, part[i].about);
        add_double(t, name, about, offset + part[i].offset);
    }
    snprintf(name, sizeof name, "%s_rank", phase);
    snprintf(about, sizeof about, "phase %s: which rank was the slowest", phase);
    add_int(t, name, about, offset + offsetof(phase_row, rank));
}

static void add_epoch_columns(table *t)
{
    add_int(t, "epoch", "epoch, from 1", offsetof(epoch_row, epoch.epoch));
    add_int64(t, "step", "optimiser steps done at its end", offsetof(epoch_row, epoch.step));
    add_double(t, "loss", "running mean over the epoch's training batches",
               offsetof(epoch_row, epoch.loss));
    add_double(t, "accuracy", "running mean over the epoch's training batches",
               offsetof(epoch_row, epoch.accuracy));
    add_double(t, "val_loss", "of the validation set at the epoch's end; NaN without one",
               offsetof(epoch_row, epoch.val_loss));
    add_double(t, "val_accuracy", "of the validation set at the epoch's end; NaN without one",
               offsetof(epoch_row, epoch.val_accuracy));
    add_double(t, "seconds", "wall time of the epoch", offsetof(epoch_row, epoch.seconds));
    add_double(t, "images_per_second", "training images per second of wall time",
               offsetof(epoch_row, epoch.images_per_second));
}

static int write_epochs(hid_t file, const metrics_epoch *epoch, size_t epochs)
{
    const char *name[METRICS_MAX_PHASES];
    int names = phase_names(epoch, epochs, name);
    table t = {0};
    add_epoch_columns(&t);
    for (int n = 0; n < names; n++)
        add_phase_columns(&t, name[n], offsetof(epoch_row, phase) + (size_t)n * sizeof(phase_row));
    epoch_row *row = memory_take(epochs * sizeof *row);
    for (size_t e = 0; e < epochs; e++) {
        row[e].epoch = epoch[e];
        for (int n = 0; n < names; n++) row[e].phase[n] = phase_of(&epoch[e], name[n]);
    }
    int failed = write_table(file, "epochs", &t, sizeof *row, row, epochs);
    memory_free(row);
    return failed;
}

status metrics_table_build(const metrics_step *step, size_t steps, const metrics_epoch *epoch,
                           size_t epochs, unsigned char **bytes, size_t *length, failure *why)
{
    hdf5_quiet();
    hid_t file = hdf5_create_image(0, steps * sizeof *step + epochs * sizeof(epoch_row));
    int failed = file < 0 || hdf5_write_int(file, "format_version", 1) ||
                 write_steps(file, step, steps) || write_epochs(file, epoch, epochs) ||
                 hdf5_take_image(file, 0, bytes, length);
    if (file >= 0) H5Fclose(file);
    if (failed)
        return fail(why, STATUS_CANNOT_WRITE,
                    "metrics.h5 could not be built in memory (libhdf5 failed)");
    return STATUS_OK;
}
