/* data/idx_file.c - the bytes of an IDX file through zlib, which also reads plain files. */
#include "idx_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

enum {
    BUFFER_BYTES = 256 * 1024,
    READ_BYTES = 8 << 20 /* of one gzread */
};

status idx_file_open(idx_file *f, const char *path, failure *why)
{
    struct stat about;
    *f = (idx_file){.path = path};
    if (stat(path, &about) != 0)
        return fail(why, STATUS_NO_INPUT, "%s: %s: run tools/get_data.sh", path, strerror(errno));
    if (!S_ISREG(about.st_mode)) return fail(why, STATUS_NO_INPUT, "%s: not a regular file", path);
    f->on_disk = (uint64_t)about.st_size;
    errno = 0;
    f->stream = gzopen(path, "rb");
    if (!f->stream)
        return fail(why, STATUS_NO_INPUT, "%s: %s", path, errno ? strerror(errno) : "no memory");
    gzbuffer(f->stream, BUFFER_BYTES);
    return STATUS_OK;
}

void idx_file_close(idx_file *f)
{
    if (f->stream) gzclose_r(f->stream);
    f->stream = NULL;
}

void idx_file_read(idx_file *f, uint8_t *into, size_t bytes, size_t *got)
{
    *got = 0;
    while (*got < bytes) {
        size_t left = bytes - *got;
        int n = gzread(f->stream, into + *got, left < READ_BYTES ? (unsigned)left : READ_BYTES);
        if (n <= 0) break;
        *got += (size_t)n;
    }
}

status idx_file_complaint(const idx_file *f, uint64_t at, failure *why)
{
    int code;
    const char *words = gzerror(f->stream, &code);
    text_number place = text_thousands((int64_t)at);
    if (code == Z_ERRNO)
        return fail(why, STATUS_NO_INPUT, "%s: cannot be read: %s", f->path, strerror(errno));
    if (code == Z_BUF_ERROR)
        return fail(why, STATUS_BAD_DATA,
                    "%s: the gzip stream is cut off after %s bytes of content: %s", f->path,
                    place.text, IDX_AGAIN);
    if (code != Z_OK && code != Z_STREAM_END) {
        const char *detail = strstr(words, ": "); /* zlib's message begins with the path */
        return fail(why, STATUS_BAD_DATA,
                    "%s: the gzip stream is damaged near byte %s of the content (%s): run "
                    "tools/get_data.sh",
                    f->path, place.text, detail ? detail + 2 : words);
    }
    return STATUS_OK;
}
