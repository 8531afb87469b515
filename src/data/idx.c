/* data/idx.c - reads IDX files: headers, and elements as bytes. */
#include "data/idx.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "idx_file.h"
#include "idx_values.h"

_Static_assert(IDX_ROOM >= (int)IDX_HEADER_BYTES, "a header fits in front of the elements");
enum { PIECE_BYTES = 1 << 16, MAX_ROW_BYTES = 4096 * 8 };
_Static_assert(PIECE_BYTES >= MAX_ROW_BYTES, "a piece has at least one row of labels");

/* Opens the file and reads its header. The file is open if the result is STATUS_OK. */
static status begin(idx_file *f, const char *path, idx_kind kind, failure *why)
{
    status code = idx_file_open(f, path, why);
    if (!code) code = idx_file_header(f, kind, why);
    if (code) idx_file_close(f);
    return code;
}

/* ---- elements ---- */

/* Fewer bytes came than expected: `got` of the elements. */
static status too_short(const idx_file *f, idx_kind kind, uint64_t got, failure *why)
{
    status code = idx_file_complaint(f, f->offset + got, why);
    if (code) return code;
    text_number actual = text_thousands((int64_t)(f->offset + got));
    text_number wanted = text_thousands((int64_t)(f->offset + idx_stored_bytes(&f->header)));
    return fail(why, STATUS_BAD_DATA, "%s: %s bytes, expected %s (%s): %s", f->path, actual.text,
                wanted.text, idx_extent(&f->header, kind).text, IDX_AGAIN);
}

/* Reads the next `left` bytes piece by piece: to *v, or to nowhere if it is NULL. */
static status read_pieces(idx_file *f, idx_kind kind, uint64_t left, idx_values *v, failure *why)
{
    size_t row = (size_t)f->header.columns * (size_t)idx_element_bytes(&f->header);
    size_t most = PIECE_BYTES / row * row, got = 0;
    uint8_t *piece = memory_take(most);
    uint64_t done = 0;
    status code = STATUS_OK;
    for (; !code && done < left; done += got) {
        size_t want = left - done < most ? (size_t)(left - done) : most;
        idx_file_read(f, piece, want, &got);
        if (got < want)
            code = too_short(f, kind, done + got, why);
        else if (v)
            code = idx_values_put(v, piece, want, why);
    }
    memory_free(piece);
    return code;
}

/* Are the elements stored as the bytes that are wanted? */
static int is_as_wanted(const idx_header *h)
{
    return h->type == IDX_BYTES && h->columns == 1;
}

/* The first `count` elements, as bytes. */
static status read_elements(idx_file *f, idx_kind kind, uint8_t *bytes, size_t count, failure *why)
{
    size_t got, row = (size_t)f->header.columns * (size_t)idx_element_bytes(&f->header);
    if (is_as_wanted(&f->header)) {
        idx_file_read(f, bytes, count, &got);
        return got == count ? STATUS_OK : too_short(f, kind, got, why);
    }
    idx_values values = idx_values_begin(f, kind, bytes);
    return read_pieces(f, kind, (uint64_t)count * row, &values, why);
}

/* Does the file end here? zlib compares its checksum when it meets the end of the compressed stream. */
static status check_end(idx_file *f, idx_kind kind, failure *why)
{
    uint8_t extra;
    size_t got;
    uint64_t at = f->offset + idx_stored_bytes(&f->header);
    idx_file_read(f, &extra, 1, &got);
    if (got == 0) return idx_file_complaint(f, at, why);
    return fail(why, STATUS_BAD_DATA,
                "%s: more than the expected %s bytes (%s): extra bytes at the end. "
                "Run tools/get_data.sh",
                f->path, text_thousands((int64_t)at).text, idx_extent(&f->header, kind).text);
}

/* ---- headers ---- */

/* The last 4 bytes of a gzip file are the length of its content modulo 2^32, except behind several members or garbage
 * (RFC 1952, 2.3.1). 1 if they are as the header says. */
static int length_fits(const idx_file *f)
{
    uint8_t b[4] = {0};
    uint32_t expected = (uint32_t)(f->offset + idx_stored_bytes(&f->header));
    FILE *file = fopen(f->path, "rb");
    int read = file && fseek(file, -4, SEEK_END) == 0 && fread(b, 1, 4, file) == 4;
    if (file) fclose(file);
    uint32_t length = (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
    return read && length == expected;
}

/* Memory is taken for what a header promises. So a gzip file whose last bytes say another length is unpacked first, to
 * nowhere. */
status idx_probe(const char *path, idx_kind kind, idx_header *header, failure *why)
{
    idx_file f;
    status code = begin(&f, path, kind, why);
    if (code) return code;
    if (!f.plain && !length_fits(&f)) {
        code = read_pieces(&f, kind, idx_stored_bytes(&f.header), NULL, why);
        if (!code) code = check_end(&f, kind, why);
    }
    *header = f.header;
    idx_file_close(&f);
    return code;
}

status idx_start(const char *path, idx_kind kind, uint8_t *bytes, size_t count, failure *why)
{
    idx_file f;
    status code = begin(&f, path, kind, why);
    if (code) return code;
    size_t all = idx_bytes(&f.header);
    code = read_elements(&f, kind, bytes, count < all ? count : all, why);
    idx_file_close(&f);
    return code;
}

/* ---- pictures on their side ---- */

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int idx_is_turned(const char *path, const idx_header *header)
{
    return strncmp(name_of(path), "emnist-", 7) == 0 && header->height == header->width;
}

/* Exchanges rows and columns of each image. */
static void turn(const idx_header *h, uint8_t *pixels)
{
    size_t side = (size_t)h->width, channels = (size_t)h->channels;
    for (int image = 0; image < h->count; image++, pixels += side * side * channels)
        for (size_t y = 0; y < side; y++)
            for (size_t x = 0; x < y; x++)
                for (size_t c = 0; c < channels; c++) {
                    uint8_t *a = pixels + (y * side + x) * channels + c,
                            *b = pixels + (x * side + y) * channels + c, kept = *a;
                    *a = *b, *b = kept;
                }
}

/* All elements, and the end of the file. */
static status read_all(idx_file *f, idx_kind kind, uint8_t *bytes, failure *why)
{
    size_t count = idx_bytes(&f->header);
    if (kind == IDX_IMAGES && !f->plain && is_as_wanted(&f->header) &&
        idx_inflate(f, bytes - f->offset, f->offset + count))
        return STATUS_OK;
    status code = read_elements(f, kind, bytes, count, why);
    return code ? code : check_end(f, kind, why);
}

status idx_read(const char *path, idx_kind kind, const idx_header *header, uint8_t *bytes,
                failure *why)
{
    idx_file f;
    status code = begin(&f, path, kind, why);
    if (code) return code;
    const idx_header *now = &f.header;
    if (now->count != header->count || now->height != header->height ||
        now->width != header->width || now->channels != header->channels)
        code = fail(why, STATUS_BAD_DATA,
                    "%s: holds %s now, held %s a moment ago: is it being written?", path,
                    idx_extent(now, kind).text, idx_extent(header, kind).text);
    if (!code) code = read_all(&f, kind, bytes, why);
    idx_file_close(&f);
    if (!code && kind == IDX_IMAGES && idx_is_turned(path, header)) turn(header, bytes);
    return code;
}
