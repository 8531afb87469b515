/* io/checkpoint_open.c - opens checkpoints and Keras files, and checks them against damage and malice first. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "checkpoint_file.h"
#include "hdf5_probe.h"
#include "io/archive.h"
#include "stored_values.h"
#include "user_block.h"

/* More than any model needs. Without a limit, a wrong path could be read into memory for minutes. */
static const size_t largest_bytes = (size_t)8 << 30;

static const char hint[] =
    "files of Keras' model.save_weights and checkpoints of this program are read";

/* Says once that values are converted. The optimiser's numbers are not. */
static void note_kind(checkpoint_file *file, const char *path, stored_kind kind)
{
    if (kind == STORED_FLOAT32 || !stored_is_real(kind) || file->note.text[0]) return;
    if (strncmp(path, "/optimizer", 10) == 0) return;
    fail(&file->note, STATUS_OK, "%s: %s is %s: read as float32", file->path, path,
         stored_kind_name(kind));
}

static int is_below(const char *path, const char *stem)
{
    return strncmp(path, stem, strlen(stem)) == 0;
}

/* A dataset beside the layers may hold anything: it is never read. */
static status check_dataset(void *context, hid_t dataset, const char *path, failure *why)
{
    checkpoint_file *file = context;
    stored_kind kind = stored_kind_of(dataset);
    if (kind == STORED_OTHER && (!file->stem || !is_below(path, file->stem))) return STATUS_OK;
    shape s;
    status code = checkpoint_shape(file, dataset, path, &s, why);
    if (code) return code;
    if (kind == STORED_OTHER)
        return fail(why, STATUS_BAD_DATA, "%s: %s holds no plain numbers: %s", file->path, path,
                    hint);
    note_kind(file, path, kind);
    return stored_check(file, dataset, path, why);
}

/* Checks every object of the file. The failures of hdf5_walk do not name the file: the name is added. */
static status check_objects(checkpoint_file *file, failure *why)
{
    failure detail = {""};
    status code = hdf5_walk(file->image, "", check_dataset, file, &detail);
    if (!code) return STATUS_OK;
    if (strncmp(detail.text, file->path, strlen(file->path)) == 0)
        return fail(why, code, "%s", detail.text);
    return fail(why, code, "%s: %s", file->path, detail.text);
}

/* Reads the texts of /mnist_dist, both or none. */
static status read_own(checkpoint_file *file, failure *why)
{
    int32_t version = 0;
    if (H5Lexists(file->image, "mnist_dist", H5P_DEFAULT) <= 0) return STATUS_OK;
    hid_t own = H5Gopen2(file->image, "mnist_dist", H5P_DEFAULT);
    if (own >= 0) {
        file->configuration = hdf5_read_text(own, "configuration");
        file->state = hdf5_read_text(own, "state");
        if (hdf5_read_int(own, "format_version", &version)) version = 0;
        H5Gclose(own);
    }
    file->has_state = file->configuration && file->state && version == USER_BLOCK_VERSION;
    if (file->has_state) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA,
                "%s: group /mnist_dist lacks format_version %d, configuration or state: use "
                "another checkpoint",
                file->path, USER_BLOCK_VERSION);
}

/* Compares the length with the end that the superblock says (HDF5 File Format Specification 3.0, II.A; addresses of 8 bytes). A
 * file that goes on for long behind it, sparse perhaps, would be copied in memory by libhdf5. */
static status check_end(const unsigned char *bytes, size_t length, const char *path, failure *why)
{
    static const struct {
        size_t sizes, end; /* where the size of addresses, and where the end is */
    } superblock[] = {{13, 40}, {13, 44}, {9, 28}, {9, 28}};
    unsigned version = length > 48 ? bytes[8] : 4;
    if (version > 3 || bytes[superblock[version].sizes] != 8) return STATUS_OK;
    uint64_t end = little_endian(bytes + superblock[version].end, 8);
    if (length / 2 <= end) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA,
                "%s: %zu bytes, its HDF5 head says %llu: were bytes added at its end?", path,
                length, (unsigned long long)end);
}

/* Checks the bytes before libhdf5 reads them. */
static status check_head(const unsigned char *bytes, size_t length, const char *path, failure *why)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    if (user_block_present(bytes, length)) return user_block_verify(bytes, length, path, why);
    if (length >= 8 && memcmp(bytes, signature, 8) == 0) return check_end(bytes, length, path, why);
    if (length > 1 && bytes[0] == '{')
        return fail(why, STATUS_BAD_DATA,
                    "%s: JSON, such as the index of weights in several files: save them as one, "
                    "without max_shard_size",
                    path);
    return fail(why, STATUS_BAD_DATA,
                "%s: neither a checkpoint nor an HDF5 file (magic is missing): %s", path, hint);
}

/* Where the layers are: Keras 2.12 and 2.13 used another name, and Keras 2 on Windows joined names by backslashes. */
static const char *find_stem(hid_t image)
{
    static const char *const stems[] = {"/layers/", "/_layer_checkpoint_dependencies/"};
    if (H5Lexists(image, "layers", H5P_DEFAULT) > 0) return stems[0];
    if (H5Lexists(image, "_layer_checkpoint_dependencies", H5P_DEFAULT) > 0) return stems[1];
    char name[HDF5_MAX_NAME];
    for (hsize_t i = 0; i < HDF5_MAX_OBJECTS; i++) {
        ssize_t length = H5Lget_name_by_idx(image, ".", H5_INDEX_NAME, H5_ITER_INC, i, name,
                                            sizeof name, H5P_DEFAULT);
        if (length < 0) break;
        if (is_below(name, "layers\\")) return "/layers\\";
    }
    return NULL;
}

/* The first number of "2.15.0". */
static int first_number(const char *version)
{
    return version ? (int)strtol(version, NULL, 10) : 0;
}

static void read_architecture(checkpoint_file *file)
{
    char *version = hdf5_read_text(file->image, "keras_version");
    file->architecture = hdf5_read_text(file->image, "model_config");
    file->keras_version = first_number(version);
    memory_free(version);
}

static status open_image(checkpoint_file *file, const unsigned char *bytes, failure *why)
{
    hdf5_quiet();
    status code = hdf5_probe(bytes, file->bytes, file->path, why);
    if (code) return code;
    file->image = hdf5_open_image(bytes, file->bytes);
    if (file->image < 0)
        return fail(why, STATUS_BAD_DATA,
                    "%s: libhdf5 cannot open it: was the file cut or changed?", file->path);
    file->stem = find_stem(file->image);
    code = check_objects(file, why);
    if (code) return code;
    if (file->stem) return read_own(file, why);
    if (legacy_present(file->image)) {
        if (!file->architecture) read_architecture(file);
        return legacy_open(file->image, file->path, &file->legacy, why);
    }
    return fail(
        why, STATUS_BAD_DATA,
        "%s: neither a group /layers (`.weights.h5`) nor layer_names (`.h5` of Keras 2); layers of "
        "a model that is a class of its own (keras.Model) have no order: %s",
        file->path, hint);
}

static checkpoint_file *file_new(const char *path, size_t length)
{
    checkpoint_file *file = memory_take(sizeof *file);
    file->image = -1;
    file->bytes = length;
    snprintf(file->path, sizeof file->path, "%s", path);
    return file;
}

/* The text of a member of an archive; NULL if it has none. The caller frees it. */
static char *member_text(const unsigned char *archive, size_t length, const char *name)
{
    unsigned char *bytes;
    size_t size;
    return archive_take(archive, length, name, &bytes, &size, NULL) ? NULL : (char *)bytes;
}

/* A `.keras` file is a zip archive: its bytes are replaced by those of the weights file in it. */
static status unpack(checkpoint_file *file, unsigned char **bytes, failure *why)
{
    unsigned char *archive = *bytes;
    size_t length = file->bytes;
    failure detail;
    if (length < 2 || memcmp(archive, "PK", 2) != 0) return STATUS_OK;
    status code = archive_take(archive, length, "model.weights.h5", bytes, &file->bytes, &detail);
    file->architecture = member_text(archive, length, "config.json");
    char *metadata = member_text(archive, length, "metadata.json");
    json_t *said = metadata ? json_loads(metadata, 0, NULL) : NULL;
    file->keras_version = first_number(json_string_value(json_object_get(said, "keras_version")));
    json_decref(said);
    memory_free(metadata);
    memory_free(archive);
    if (!code) return STATUS_OK;
    return fail(why, code, "%s: a zip archive%s: %.300s", file->path,
                code == STATUS_BAD_DATA ? ", but no whole `.keras` file" : "", detail.text);
}

status checkpoint_open(const char *path, checkpoint_file **opened, failure *why)
{
    unsigned char *bytes;
    size_t length;
    *opened = NULL;
    status code = file_read_whole(path, largest_bytes, &bytes, &length, why);
    if (code) return code;
    checkpoint_file *file = file_new(path, length);
    code = unpack(file, &bytes, why);
    if (!code) code = check_head(bytes, file->bytes, path, why);
    if (!code) code = open_image(file, bytes, why);
    if (code)
        checkpoint_close(file);
    else
        *opened = file;
    memory_free(bytes);
    return code;
}

void checkpoint_close(checkpoint_file *file)
{
    if (!file) return;
    if (file->image >= 0) H5Fclose(file->image);
    taken_free(file);
    memory_free(file->configuration);
    memory_free(file->state);
    memory_free(file->architecture);
    legacy_free(file->legacy);
    memory_free(file);
}

/* Opens the first of these names that is whole; `failed` keeps the reason of the first damaged one. */
static status open_first(const char *run_folder, const char *const *name, int names,
                         checkpoint_file **file, char *path, failure *failed)
{
    status first = STATUS_OK;
    for (int i = 0; i < names; i++) {
        failure reason;
        status code = file_join(run_folder, name[i], path, &reason);
        if (!code && !file_exists(path)) continue;
        if (!code) code = checkpoint_open(path, file, &reason);
        if (!code) return STATUS_OK;
        if (!first) {
            first = code;
            *failed = reason;
        }
    }
    if (!first)
        return fail(failed, STATUS_NO_INPUT,
                    "%s: no checkpoint (last.weights.h5 or prev.weights.h5) in it: was it the "
                    "run's folder?",
                    run_folder);
    return first;
}

status checkpoint_open_run(const char *run_folder, checkpoint_role role, checkpoint_file **file,
                           char *path, failure *note, failure *why)
{
    /* next is complete but was not yet renamed to last: the program was ended between two renames */
    static const char *const name[] = {"best.weights.h5", "last.weights.h5", "next.weights.h5",
                                       "prev.weights.h5"};
    int first = role == CHECKPOINT_BEST ? 0 : 1;
    failure failed = {""};
    note->text[0] = 0;
    status code = open_first(run_folder, name + first, 4 - first, file, path, &failed);
    if (code) return fail(why, code, "%s", failed.text);
    if (failed.text[0])
        fail(note, STATUS_OK, "%.700s; going on from %.300s", failed.text, path);
    else if (strcmp(path + strlen(path) - strlen(name[first]), name[first]) != 0)
        fail(note, STATUS_OK, "%.500s: %s is missing; going on from %.300s", run_folder,
             name[first], path);
    return STATUS_OK;
}

const char *checkpoint_configuration(const checkpoint_file *file)
{
    return file->configuration ? file->configuration : "";
}

const char *checkpoint_state(const checkpoint_file *file)
{
    return file->state ? file->state : "";
}

int checkpoint_has_state(const checkpoint_file *file)
{
    return file->has_state;
}

size_t checkpoint_bytes(const checkpoint_file *file)
{
    return file->bytes;
}

const char *checkpoint_architecture(const checkpoint_file *file)
{
    return file->architecture ? file->architecture : "";
}

int checkpoint_keras_version(const checkpoint_file *file)
{
    return file->keras_version;
}

failure checkpoint_note(const checkpoint_file *file)
{
    return file->note;
}
