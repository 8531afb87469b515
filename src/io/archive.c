/* io/archive.c - zip archives through libzip. */
#include "io/archive.h"

#if MNIST_DIST_ZIP
#include <zip.h>

#include "base/arena.h"

enum {
    FIRST_DOS_DATE = 1 << 5 | 1 /* 1980-01-01; a time of the clock would differ from run to run */
};

static int add_member(zip_t *archive, const archive_member *m)
{
    zip_source_t *source = zip_source_buffer(archive, m->bytes, m->length, 0);
    if (!source) return -1;
    zip_int64_t index = zip_file_add(archive, m->name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return -1;
    }
    if (zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0)) return -1;
    return zip_file_set_dostime(archive, (zip_uint64_t)index, 0, FIRST_DOS_DATE, 0);
}

/* Writes the archive into `target`, which is kept. */
static int write_members(zip_source_t *target, const archive_member *members, int count)
{
    zip_t *archive = zip_open_from_source(target, ZIP_TRUNCATE, NULL);
    if (!archive) return -1;
    zip_source_keep(target);
    for (int i = 0; i < count; i++)
        if (add_member(archive, &members[i])) {
            zip_discard(archive);
            return -1;
        }
    if (zip_close(archive) == 0) return 0;
    zip_discard(archive);
    return -1;
}

static int take_bytes(zip_source_t *source, unsigned char **bytes, size_t *length)
{
    zip_stat_t about;
    if (zip_source_stat(source, &about) || !(about.valid & ZIP_STAT_SIZE)) return -1;
    if (zip_source_open(source)) return -1;
    *length = about.size;
    *bytes = memory_take(about.size);
    zip_int64_t got = zip_source_read(source, *bytes, about.size);
    zip_source_close(source);
    if (got == (zip_int64_t)about.size) return 0;
    memory_free(*bytes);
    *bytes = NULL;
    return -1;
}

status archive_build(const archive_member *members, int count, unsigned char **bytes,
                     size_t *length, failure *why)
{
    *bytes = NULL;
    zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, NULL);
    int failed = !target || write_members(target, members, count) ||
                 take_bytes(target, bytes, length);
    if (target) zip_source_free(target);
    if (!failed) return STATUS_OK;
    return fail(why, STATUS_CANNOT_WRITE,
                "an archive could not be built in memory (libzip failed)");
}

/* Weights hardly shrink; without a limit a small archive could ask for much memory. */
static int is_plausible(const zip_stat_t *about, size_t archive_length)
{
    enum { LEAST_BYTES = 64 << 20, MOST_PACKING = 128 };
    size_t most = archive_length > LEAST_BYTES / MOST_PACKING ? archive_length * MOST_PACKING
                                                              : LEAST_BYTES;
    return about->size <= (about->comp_method == ZIP_CM_STORE ? archive_length : most);
}

/* The member of this name, or the only one of this name in a folder. */
static zip_int64_t locate(zip_t *archive, const char *name)
{
    zip_int64_t index = zip_name_locate(archive, name, 0);
    return index >= 0 ? index : zip_name_locate(archive, name, ZIP_FL_NODIR);
}

static status read_member(zip_t *archive, const char *name, unsigned char **bytes, size_t *length,
                          size_t archive_length, failure *why)
{
    zip_stat_t about;
    zip_int64_t index = locate(archive, name);
    if (index < 0 || zip_stat_index(archive, (zip_uint64_t)index, 0, &about) ||
        !(about.valid & ZIP_STAT_SIZE))
        return fail(why, STATUS_BAD_DATA, "there is no %s in it", name);
    if (about.comp_method != ZIP_CM_STORE && about.comp_method != ZIP_CM_DEFLATE)
        return fail(why, STATUS_BAD_DATA,
                    "%s in it is packed by another method than deflate: unpack it, and pack it "
                    "with zip",
                    name);
    if (!is_plausible(&about, archive_length))
        return fail(why, STATUS_BAD_DATA, "%s in it is larger than such an archive can hold", name);
    *length = about.size;
    *bytes = memory_take(about.size + 1);
    zip_file_t *file = zip_fopen_index(archive, (zip_uint64_t)index, 0);
    zip_int64_t got = file ? zip_fread(file, *bytes, about.size) : -1;
    /* libzip checks the checksum when a read reaches the end */
    int whole = got == (zip_int64_t)about.size && zip_fread(file, *bytes + about.size, 1) == 0;
    if (file) zip_fclose(file);
    if (whole) return STATUS_OK;
    memory_free(*bytes);
    *bytes = NULL;
    return fail(why, STATUS_BAD_DATA, "%s in it is damaged", name);
}

status archive_take(const void *archive, size_t archive_length, const char *name,
                    unsigned char **bytes, size_t *length, failure *why)
{
    *bytes = NULL;
    zip_source_t *source = zip_source_buffer_create(archive, archive_length, 0, NULL);
    zip_t *opened = source ? zip_open_from_source(source, ZIP_RDONLY, NULL) : NULL;
    if (!opened) {
        if (source) zip_source_free(source);
        return fail(why, STATUS_BAD_DATA, "libzip cannot open it");
    }
    status code = read_member(opened, name, bytes, length, archive_length, why);
    zip_discard(opened);
    return code;
}

#else

static status unavailable(unsigned char **bytes, failure *why)
{
    *bytes = NULL;
    return fail(why, STATUS_USAGE,
                "this program was built without libzip: it writes and reads no .keras files, only "
                ".weights.h5; build it with libzip (Debian: libzip-dev, RHEL: libzip-devel)");
}

status archive_build(const archive_member *members, int count, unsigned char **bytes,
                     size_t *length, failure *why)
{
    (void)members, (void)count, (void)length;
    return unavailable(bytes, why);
}

status archive_take(const void *archive, size_t archive_length, const char *name,
                    unsigned char **bytes, size_t *length, failure *why)
{
    (void)archive, (void)archive_length, (void)name, (void)length;
    return unavailable(bytes, why);
}

#endif
