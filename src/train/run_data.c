/* train/run_data.c - the data that weights were trained on. */
#include "train/run_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "io/file.h"
#include "io/json.h"

enum { CONFIG_BYTES = 1 << 20 };

/* ---- what is known ---- */

/* The text in member `key` as bytes into out[size]; "" if there is none. */
static void text_of(const json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text || !json_path_bytes(text, out, size)) out[0] = 0;
}

/* config.json of the folder; NULL if there is none that can be read. */
static json_t *read_config(const char *folder)
{
    char path[FILE_PATH];
    unsigned char *text;
    size_t length;
    if (file_join(folder, "config.json", path, NULL) || !file_exists(path)) return NULL;
    if (file_read_whole(path, CONFIG_BYTES, &text, &length, NULL)) return NULL;
    json_t *config = json_loadb((const char *)text, length, 0, NULL);
    memory_free(text);
    return config;
}

/* All of the names, or none. */
static class_names names_in(const json_t *list)
{
    class_names names = {.count = 0};
    for (size_t c = 0; c < json_array_size(list); c++) {
        const char *name = json_string_value(json_array_get(list, c));
        if (!name || !class_names_add(&names, name)) return (class_names){.count = 0};
    }
    return names;
}

static void take_config(const char *folder, run_data *r)
{
    json_t *config = read_config(folder);
    const json_t *record = json_object_get(config, SETTINGS_DATASET);
    char digest[33];
    text_of(config, "data", r->folder, sizeof r->folder);
    text_of(record, "digest", digest, sizeof digest);
    /* not of another run, into whose folder the file was copied */
    if (!r->digest[0] || strcmp(r->digest, digest) == 0) {
        memcpy(r->digest, digest, sizeof digest);
        text_of(record, "test_digest", r->test_digest, sizeof r->test_digest);
        text_of(record, "name", r->name, sizeof r->name);
        if (!r->classes) r->classes = (int)json_whole_of(record, "classes", 0);
        r->names = names_in(json_object_get(record, "class_names"));
    }
    json_decref(config);
}

static void take_state(const checkpoint_file *file, run_data *r)
{
    json_t *configuration = json_loads(checkpoint_configuration(file), 0, NULL);
    text_of(configuration, "model", r->model, sizeof r->model);
    json_decref(configuration);
    json_t *state = json_loads(checkpoint_state(file), 0, NULL);
    const json_t *sides = json_object_get(state, "data_shape");
    size_t count = json_array_size(sides); /* classes come last */
    if (count) r->classes = (int)json_integer_value(json_array_get(sides, count - 1));
    text_of(state, "data_digest", r->digest, sizeof r->digest);
    json_decref(state);
}

run_data run_data_of(const char *path, const checkpoint_file *file)
{
    run_data r = {.is_weights = file != NULL};
    char folder[FILE_PATH] = ".";
    const char *slash = strrchr(path, '/');
    int is_folder = file_is_folder(path);
    if (is_folder)
        snprintf(folder, sizeof folder, "%s", path);
    else if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (file && checkpoint_state(file)[0]) take_state(file, &r);
    if (is_folder || r.digest[0]) take_config(folder, &r);
    return r;
}

/* ---- where it is ---- */

static status find_in(const char *folder, const settings *cfg, int test_only, dataset_plan *plan,
                      failure *why)
{
    dataset_cfg data = dataset_cfg_default();
    data.folder = folder && folder[0] ? folder : NULL;
    data.classes = (int)cfg->classes;
    data.test_only = test_only;
    return dataset_find(&data, plan, why);
}

/* Reads all of the data that the plan found, to compare its digest. */
static int holds(const run_data *known, const dataset_plan *plan)
{
    void *memory = memory_take(plan->bytes);
    int same = 0;
    if (dataset_load(plan, memory, NULL) == STATUS_OK) {
        dataset d = dataset_view(plan, memory);
        same = run_data_is(known, &d) == 1;
    }
    memory_free(memory);
    return same;
}

static status not_found(const run_data *known, failure *why)
{
    char places[256] = "";
    size_t used = 0;
    for (int i = 0; dataset_place(i) && used < sizeof places; i++)
        used += (size_t)snprintf(places + used, sizeof places - used, "%s%s", i ? ", " : "",
                                 dataset_place(i));
    return fail(why, STATUS_NO_INPUT,
                "the data of this run, %s, is not found: not in %.600s, nor elsewhere (%s) by its "
                "digest, %s. Give its folder with -d DIR; other data is taken only with -d, too",
                known->name[0] ? known->name : "a data set without a name",
                known->folder[0] ? known->folder : "the place where it was", places, known->digest);
}

/* The places in which data is searched, and the synthetic digits: they count where they hold the run's data. */
static status search(const run_data *known, const settings *cfg, int test_only, dataset_plan *plan,
                     failure *why)
{
    for (int i = 0; dataset_place(i); i++) {
        const char *place = dataset_place(i);
        if (place[0] == '$') place = getenv(place + 1);
        if (place && place[0] && !find_in(place, cfg, test_only, plan, NULL) && holds(known, plan))
            return STATUS_OK;
    }
    if (!find_in("synthetic", cfg, test_only, plan, NULL) && holds(known, plan)) return STATUS_OK;
    return not_found(known, why);
}

status run_data_find(const run_data *known, const settings *cfg, int test_only, dataset_plan *plan,
                     failure *why)
{
    status code = STATUS_NO_INPUT;
    if (cfg->data[0] || !known) return find_in(cfg->data, cfg, test_only, plan, why);
    if (known->folder[0]) code = find_in(known->folder, cfg, test_only, plan, why);
    if (code != STATUS_NO_INPUT) return code;
    if (known->digest[0]) return search(known, cfg, test_only, plan, why);
    code = find_in(NULL, cfg, test_only, plan, why);
    if (code || !known->is_weights || strcmp(plan->folder, "synthetic") != 0) return code;
    return fail(
        why, STATUS_NO_INPUT,
        "no data set is found, and the weights do not say what they were trained on: give a "
        "folder with -d DIR, or -d synthetic for the built-in digits");
}

/* ---- is it the same? ---- */

int run_data_is(const run_data *known, const dataset *d)
{
    const char *theirs = d->train.count ? known->digest : known->test_digest;
    return theirs[0] ? strcmp(theirs, d->train.count ? d->digest : d->test_digest) == 0 : -1;
}

status run_data_check(const run_data *known, const dataset *d, failure *why)
{
    if (run_data_is(known, d)) return STATUS_OK;
    return fail(
        why, STATUS_BAD_DATA,
        "%.500s: holds other data now than when the run was trained (digest %s, the run's is "
        "%s). Give the folder of the run's data with -d DIR; -d %.300s takes this data all the "
        "same",
        d->folder, d->train.count ? d->digest : d->test_digest,
        d->train.count ? known->digest : known->test_digest, d->folder);
}

/* ---- config.json ---- */

json_t *run_data_names(const class_names *names)
{
    json_t *list = json_array();
    for (int c = 0; c < names->count; c++) json_array_append_new(list, json_string(names->name[c]));
    return list;
}

json_t *run_data_record(const dataset *d, const class_names *names)
{
    json_t *record = json_object();
    json_object_set_new(record, "name", json_path(d->name));
    json_object_set_new(record, "digest", json_string(d->digest));
    json_object_set_new(record, "test_digest", json_string(d->test_digest));
    json_object_set_new(record, "train", json_integer(d->train.count));
    json_object_set_new(record, "test", json_integer(d->test.count));
    json_object_set_new(record, "shape", json_pack("[i,i,i]", d->height, d->width, d->channels));
    json_object_set_new(record, "classes", json_integer(d->classes));
    json_t *files = json_array();
    for (int part = 0; part < 4 && d->file[0][0]; part++)
        json_array_append_new(files, json_path(d->file[part]));
    json_object_set_new(record, "files", files);
    json_object_set_new(record, "class_names", run_data_names(names));
    return record;
}
