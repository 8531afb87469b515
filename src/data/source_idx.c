/* data/source_idx.c - a source: a folder of four IDX files (idx_folder.h says under which names). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "base/text.h"
#include "data/idx.h"
#include "dataset_layout.h"
#include "idx_folder.h"
#include "source.h"

enum { KNOWN_LABELS = 10 };

static const struct {
    const char *name; /* for failures */
    idx_kind kind;
} files[DATASET_PARTS] = {
    [TRAIN_PIXELS] = {"train-images-idx3-ubyte", IDX_IMAGES},
    [TRAIN_LABELS] = {"train-labels-idx1-ubyte", IDX_LABELS},
    [TEST_PIXELS] = {"t10k-images-idx3-ubyte", IDX_IMAGES},
    [TEST_LABELS] = {"t10k-labels-idx1-ubyte", IDX_LABELS},
};

/* Data sets that are known by their content: 60000 and 10000 images of 28 x 28, and these first labels. */
static const struct {
    const char *name, *note;
    uint8_t train[KNOWN_LABELS], test[KNOWN_LABELS];
} known[] = {
    {"MNIST", "", {5, 0, 4, 1, 9, 2, 1, 3, 1, 4}, {7, 2, 1, 0, 4, 1, 4, 9, 5, 9}},
    {"Fashion-MNIST",
     "NOT MNIST (expect about 0.91)",
     {9, 0, 0, 3, 0, 2, 7, 2, 5, 5},
     {9, 2, 1, 1, 6, 1, 4, 6, 5, 7}},
};

/* Numbers of training and test images of EMNIST's sets that no other set has (G. Cohen et al., arXiv 1702.05373). */
static const int emnist[][2] = {
    {697932, 116323}, {112800, 18800}, {124800, 20800}, {88800, 14800}, {240000, 40000}};

/* Some of the files are enough, so that a missing one is an error and no other data is taken. */
static int recognise(const char *where, int is_folder)
{
    (void)is_folder;
    return where && idx_folder_recognise(where);
}

static status check_files(const idx_folder *f, int test_only, failure *why)
{
    int trains = f->file[TRAIN_PIXELS][0] || f->file[TRAIN_LABELS][0];
    int tests = f->file[TEST_PIXELS][0] && f->file[TEST_LABELS][0];
    if (!trains && tests && test_only) return STATUS_OK;
    if (!trains && tests)
        return fail(why, STATUS_NO_INPUT,
                    "%s: only a test set is here, nothing to train on: a data folder holds %s",
                    f->folder, source_idx.files);
    for (int part = 0; part < DATASET_PARTS; part++)
        if (!f->file[part][0])
            return fail(why, STATUS_NO_INPUT,
                        "%s: no file %s%s%s; a data folder holds %s: run tools/get_data.sh, or use "
                        "-d synthetic",
                        f->folder, f->prefix, f->prefix[0] ? "-" : "", files[part].name,
                        source_idx.files);
    return STATUS_OK;
}

/* The headers of one set. file: of its images, then of its labels. */
static status probe_set(char (*file)[DATASET_PATH], idx_header *images, idx_header *labels,
                        failure *why)
{
    status code = idx_probe(file[0], IDX_IMAGES, images, why);
    if (!code) code = idx_probe(file[1], IDX_LABELS, labels, why);
    if (code) return code;
    if (images->count != labels->count)
        return fail(why, STATUS_BAD_DATA, "%s: %d labels, but %d images in %s", file[1],
                    labels->count, images->count, file[0]);
    if (images->count == 0) return fail(why, STATUS_BAD_DATA, "%s: holds no images", file[0]);
    return STATUS_OK;
}

static void remark_header(dataset_plan *plan, const idx_header *h, idx_kind kind)
{
    char words[128];
    idx_describe(h, kind, words, sizeof words);
    if (words[0] && !strstr(plan->remark, words)) dataset_remark(plan, "%s", words);
}

static void remark_images(dataset_plan *plan, const idx_header *h)
{
    if (idx_is_turned(plan->file[TEST_PIXELS], h)) {
        dataset_remark(plan, "EMNIST's images lie on their side: turned upright");
        return;
    }
    int is_emnist = strstr(plan->folder, "emnist") || strstr(plan->folder, "EMNIST");
    for (size_t i = 0; i < sizeof emnist / sizeof *emnist; i++)
        is_emnist |= plan->train == emnist[i][0] && plan->test == emnist[i][1];
    if (is_emnist)
        dataset_remark(plan, "this looks like EMNIST, whose images lie on their side: they are "
                             "turned only in files that keep their names, emnist-...");
}

static status probe_headers(dataset_plan *plan, failure *why)
{
    idx_header train, test, train_labels, labels;
    status code = probe_set(plan->file + TEST_PIXELS, &test, &labels, why);
    train = test, train_labels = labels;
    train.count = 0;
    if (!code && plan->file[TRAIN_PIXELS][0])
        code = probe_set(plan->file + TRAIN_PIXELS, &train, &train_labels, why);
    if (code) return code;
    if (train.height != test.height || train.width != test.width || train.channels != test.channels)
        return fail(why, STATUS_BAD_DATA, "%s: images of %s, but %s in %s", plan->file[TEST_PIXELS],
                    dataset_extent(test.height, test.width, test.channels).text,
                    dataset_extent(train.height, train.width, train.channels).text,
                    plan->file[TRAIN_PIXELS]);
    plan->height = train.height, plan->width = train.width, plan->channels = train.channels;
    plan->train = train.count, plan->test = test.count;
    if (!train.count) dataset_remark(plan, "%s holds a test set alone", plan->folder);
    remark_header(plan, &train, IDX_IMAGES);
    remark_header(plan, &test, IDX_IMAGES);
    remark_header(plan, &train_labels, IDX_LABELS);
    remark_header(plan, &labels, IDX_LABELS);
    remark_images(plan, &test);
    return STATUS_OK;
}

/* The absolute path by which the data is found again, and its name: the prefix, or the last part of the path; of MNIST/raw the
 * part before. */
static status note_folder(const idx_folder *f, dataset_plan *plan, failure *why)
{
    char whole[PATH_MAX + IDX_PREFIX];
    if (!realpath(f->folder, whole))
        return fail(why, STATUS_NO_INPUT, "%s: %s", f->folder, strerror(errno));
    const char *between = f->prefix[0] ? "/" : "";
    int length = snprintf(plan->folder, sizeof plan->folder, "%s%s%s", whole, between, f->prefix);
    if (length >= DATASET_PATH)
        return fail(why, STATUS_USAGE, "%.200s...: its whole path has more than %d letters", whole,
                    DATASET_PATH - 1);
    char *last = strrchr(whole, '/');
    if (strcmp(last, "/raw") == 0 && last > whole) *last = 0, last = strrchr(whole, '/');
    text_cut(f->prefix[0] ? f->prefix : last[1] ? last + 1 : "data", plan->name, sizeof plan->name);
    return STATUS_OK;
}

static status name_by_content(dataset_plan *plan, failure *why)
{
    uint8_t train[KNOWN_LABELS] = {0}, test[KNOWN_LABELS] = {0};
    if (plan->height != 28 || plan->width != 28 || plan->channels != 1 || plan->train != 60000 ||
        plan->test != 10000)
        return STATUS_OK;
    status code = idx_start(plan->file[TRAIN_LABELS], IDX_LABELS, train, KNOWN_LABELS, why);
    if (!code) code = idx_start(plan->file[TEST_LABELS], IDX_LABELS, test, KNOWN_LABELS, why);
    for (size_t i = 0; !code && i < sizeof known / sizeof *known; i++)
        if (!memcmp(train, known[i].train, KNOWN_LABELS) &&
            !memcmp(test, known[i].test, KNOWN_LABELS)) {
            snprintf(plan->name, sizeof plan->name, "%s", known[i].name);
            snprintf(plan->note, sizeof plan->note, "%s", known[i].note);
        }
    return code;
}

static status probe(const char *where, dataset_plan *plan, failure *why)
{
    idx_folder f;
    status code = idx_folder_find(where, &f, why);
    if (!code) code = check_files(&f, plan->cfg.test_only, why);
    if (code) return code;
    memcpy(plan->file, f.file, sizeof plan->file);
    plan->file_at = (int)strlen(f.folder) + 1;
    code = note_folder(&f, plan, why);
    if (!code) code = probe_headers(plan, why);
    return code ? code : name_by_content(plan, why);
}

static status read_labels(const dataset_plan *plan, uint8_t *train, uint8_t *test, failure *why)
{
    const idx_header of_train = {plan->train, 1, 1, 1, 1, IDX_BYTES, 0},
                     of_test = {plan->test, 1, 1, 1, 1, IDX_BYTES, 0};
    status code = STATUS_OK;
    if (plan->train) code = idx_read(plan->file[TRAIN_LABELS], IDX_LABELS, &of_train, train, why);
    return code ? code : idx_read(plan->file[TEST_LABELS], IDX_LABELS, &of_test, test, why);
}

/* The two files of images, [training, test], each read by one thread. */
typedef struct reading {
    const dataset_plan *plan;
    uint8_t *const *part;
    failure why[2];
    status code[2];
} reading;

static void read_images(void *context, int thread)
{
    reading *r = context;
    const dataset_plan *plan = r->plan;
    for (int set = thread; set < 2; set += team_threads()) {
        int part = set ? TEST_PIXELS : TRAIN_PIXELS, count = set ? plan->test : plan->train;
        idx_header header = {count, plan->height, plan->width, plan->channels, 1, IDX_BYTES, 0};
        if (count)
            r->code[set] = idx_read(plan->file[part], IDX_IMAGES, &header, r->part[part],
                                    &r->why[set]);
    }
}

static status read_parts(const dataset_plan *plan, uint8_t *const part[DATASET_PARTS], failure *why)
{
    reading r = {.plan = plan, .part = part};
    status code = read_labels(plan, part[TRAIN_LABELS], part[TEST_LABELS], why);
    if (code) return code;
    team_run(read_images, &r);
    int first = r.code[0] ? 0 : 1;
    if (r.code[first] && why) *why = r.why[first];
    return r.code[first];
}

const dataset_source source_idx = {
    .form = "a folder of IDX files",
    .files = "train-images-idx3-ubyte (idx4 with channels), train-labels-idx1-ubyte, "
             "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, plain or .gz",
    .recognise = recognise,
    .probe = probe,
    .read_labels = read_labels,
    .read = read_parts,
};
