/* data/idx_header.c - the header of an IDX file; and what a file is that has none. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "idx_file.h"

enum {
    MAX_COLUMNS = 4096,          /* of a label                                         */
    DEFLATE_LARGEST_RATIO = 1032 /* the best that deflate can reach: zlib's manual */
};

/* ---- types of elements, by the third byte of the magic ---- */

static const struct {
    int code, bytes;
    const char *words;
} types[] = {
    {IDX_BYTES, 1, "bytes"},
    {IDX_SIGNED_BYTES, 1, "signed bytes"},
    {IDX_SHORTS, 2, "16-bit integers"},
    {IDX_INTEGERS, 4, "32-bit integers"},
    {IDX_FLOATS, 4, "32-bit floats"},
    {IDX_DOUBLES, 8, "64-bit floats"},
};
enum { TYPES = sizeof types / sizeof *types };

size_t idx_bytes(const idx_header *header)
{
    return (size_t)header->count * (size_t)header->height * (size_t)header->width *
           (size_t)header->channels;
}

/* Its row in types, or -1. */
static int row_of(int code)
{
    int row = TYPES - 1;
    while (row >= 0 && types[row].code != code) row--;
    return row;
}

int idx_element_bytes(const idx_header *header)
{
    return types[row_of(header->type)].bytes;
}

uint64_t idx_stored_bytes(const idx_header *header)
{
    return (uint64_t)idx_bytes(header) * (uint64_t)header->columns *
           (uint64_t)idx_element_bytes(header);
}

void idx_describe(const idx_header *h, idx_kind kind, char *out, size_t size)
{
    const char *order = h->little ? " (little-endian)" : "";
    out[0] = 0;
    if (h->columns > 1)
        snprintf(out, size, "labels are rows of %d %s%s, read as classes", h->columns,
                 types[row_of(h->type)].words, order);
    else if (h->type != IDX_BYTES)
        snprintf(out, size, "%s are %s%s, read as bytes", kind == IDX_IMAGES ? "pixels" : "labels",
                 types[row_of(h->type)].words, order);
    else if (h->little)
        snprintf(out, size, "%s have a little-endian header",
                 kind == IDX_IMAGES ? "images" : "labels");
}

idx_extent_text idx_extent(const idx_header *h, idx_kind kind)
{
    idx_extent_text out;
    int n = snprintf(out.text, sizeof out.text, "%d", h->count);
    if (kind == IDX_IMAGES)
        n += snprintf(out.text + n, sizeof out.text - (size_t)n, " x %d x %d", h->height, h->width);
    if (h->channels > 1)
        n += snprintf(out.text + n, sizeof out.text - (size_t)n, " x %d", h->channels);
    if (h->columns > 1)
        n += snprintf(out.text + n, sizeof out.text - (size_t)n, " x %d", h->columns);
    if (row_of(h->type) > 0)
        snprintf(out.text + n, sizeof out.text - (size_t)n, " %s", types[row_of(h->type)].words);
    return out;
}

/* ---- what else a file can be ---- */

static const struct {
    size_t length;
    const char *begin, *what;
} others[] = {
    {4, "vers", "a Git LFS pointer, not the file itself: get it with git lfs pull"},
    {2, "\x1f\x8b", "compressed twice: unpack it once with gzip -d"},
    {4, "PK\3\4", "a zip archive: unpack it"},
    {3, "BZh", "compressed with bzip2: unpack it with bzip2 -d"},
    {4,
     "\xfd"
     "7zX",
     "compressed with xz: unpack it with xz -d"},
    {4, "\x28\xb5\x2f\xfd", "compressed with zstd: unpack it with zstd -d"},
    {4, "\x93NUM", "a NumPy array, not an IDX file"},
    {4, "\x89PNG", "a PNG picture, not an IDX file"},
    {4, "\x89HDF", "an HDF5 file, not an IDX file"},
    {1, "{", "JSON text, not an IDX file: did the download fail? Run tools/get_data.sh"},
};

static status not_idx(const idx_file *f, idx_kind kind, const uint8_t magic[4], failure *why)
{
    int blanks = 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (memcmp(magic, others[i].begin, others[i].length) == 0)
            return fail(why, STATUS_BAD_DATA, "%s: %s", f->path, others[i].what);
    while (blanks < 3 && strchr(" \t\r\n", magic[blanks]) && magic[blanks]) blanks++;
    if (magic[blanks] == '<')
        return fail(why, STATUS_BAD_DATA,
                    "%s: an HTML page, not an IDX file: the download failed. Run tools/get_data.sh",
                    f->path);
    return fail(why, STATUS_BAD_DATA,
                "%s: begins with 0x%02x%02x%02x%02x, expected %s: not an IDX file. Run "
                "tools/get_data.sh",
                f->path, magic[0], magic[1], magic[2], magic[3],
                kind == IDX_IMAGES ? "0x00000803 or 0x00000804 (IDX images)"
                                   : "0x00000801 (IDX labels)");
}

/* ---- the header ---- */

static uint32_t number_at(const uint8_t *b, int little)
{
    uint32_t big = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return little ? __builtin_bswap32(big) : big;
}

/* Is it a magic for this kind of file? Sets type and little of *h; *dimensions receives how many sizes follow. */
static status read_magic(const idx_file *f, idx_kind kind, const uint8_t magic[4], idx_header *h,
                         int *dimensions, failure *why)
{
    h->little = magic[0] && magic[1] && !magic[2] && !magic[3];
    h->type = h->little ? magic[1] : magic[2];
    *dimensions = h->little ? magic[0] : magic[3];
    if ((!h->little && (magic[0] || magic[1])) || row_of(h->type) < 0 || *dimensions < 1 ||
        *dimensions > IDX_MAX_DIMENSIONS)
        return not_idx(f, kind, magic, why);
    int is_images = *dimensions >= 3;
    if (is_images != (kind == IDX_IMAGES) && *dimensions != 2)
        return fail(why, STATUS_BAD_DATA, "%s: holds %s, expected %s: are two files swapped?",
                    f->path, is_images ? "images" : "labels", is_images ? "labels" : "images");
    if (kind == IDX_IMAGES && *dimensions == 2)
        return fail(why, STATUS_BAD_DATA,
                    "%s: holds rows, expected images: write it with the dimensions count, height, "
                    "width",
                    f->path);
    return STATUS_OK;
}

/* Are count, sides and channels within their limits? Then their product does not overflow. */
static status check_extent(const idx_file *f, const uint32_t extent[IDX_MAX_DIMENSIONS],
                           failure *why)
{
    if (extent[0] > INT_MAX || extent[1] < 1 || extent[2] < 1 || extent[1] > IDX_MAX_SIDE ||
        extent[2] > IDX_MAX_SIDE)
        return fail(why, STATUS_BAD_DATA,
                    "%s: says %u images of %u x %u, expected at most %d of 1 x 1 to %d x %d",
                    f->path, extent[0], extent[1], extent[2], INT_MAX, IDX_MAX_SIDE, IDX_MAX_SIDE);
    int channels_first = extent[1] <= IDX_MAX_CHANNELS && extent[2] == extent[3];
    if (extent[3] < 1 || extent[3] > IDX_MAX_CHANNELS)
        return fail(why, STATUS_BAD_DATA, "%s: says %u channels, expected 1 to %d%s", f->path,
                    extent[3], IDX_MAX_CHANNELS,
                    channels_first ? ": the channels must be the last dimension" : "");
    uint64_t bytes = (uint64_t)extent[0] * extent[1] * extent[2] * extent[3]; /* below 2^57 */
    if (bytes > SIZE_MAX / 64)
        return fail(why, STATUS_BAD_DATA, "%s: %u x %u x %u x %u is more than memory can hold",
                    f->path, extent[0], extent[1], extent[2], extent[3]);
    return STATUS_OK;
}

static status check_size(const idx_file *f, idx_kind kind, failure *why)
{
    uint64_t expected = f->offset + idx_stored_bytes(&f->header);
    text_number wanted = text_thousands((int64_t)expected);
    text_number actual = text_thousands((int64_t)f->on_disk);
    idx_extent_text extent = idx_extent(&f->header, kind);
    if (f->plain && f->on_disk != expected)
        return fail(why, STATUS_BAD_DATA, "%s: %s bytes, expected %s (%s): %s", f->path,
                    actual.text, wanted.text, extent.text,
                    f->on_disk < expected ? IDX_AGAIN
                                          : "extra bytes at the end. Run tools/get_data.sh");
    if (!f->plain && expected / DEFLATE_LARGEST_RATIO > f->on_disk)
        return fail(why, STATUS_BAD_DATA,
                    "%s: %s bytes cannot hold the %s that its header promises (%s): %s", f->path,
                    actual.text, wanted.text, extent.text, IDX_AGAIN);
    return STATUS_OK;
}

/* Reads the next `count` bytes of a header of `need` bytes. */
static status read_head(idx_file *f, uint8_t *bytes, size_t count, size_t need, failure *why)
{
    size_t got;
    idx_file_read(f, bytes, count, &got);
    f->offset += got;
    if (got == count) return STATUS_OK;
    status code = idx_file_complaint(f, f->offset, why);
    if (code) return code;
    if (f->offset == 0 && f->on_disk == 0)
        return fail(why, STATUS_BAD_DATA, "%s: an empty file: %s", f->path, IDX_AGAIN);
    return fail(why, STATUS_BAD_DATA, "%s: %zu bytes, expected %zu for the header alone: %s",
                f->path, f->offset, need, IDX_AGAIN);
}

status idx_file_header(idx_file *f, idx_kind kind, failure *why)
{
    uint8_t bytes[IDX_HEADER_BYTES] = {0};
    uint32_t extent[IDX_MAX_DIMENSIONS] = {0, 1, 1, 1}, columns = 1;
    idx_header h = {.count = 0};
    int dimensions = kind == IDX_IMAGES ? 3 : 1;
    status code = read_head(f, bytes, 4, 4 + 4 * (size_t)dimensions, why);
    f->plain = gzdirect(f->stream);
    if (!code) code = read_magic(f, kind, bytes, &h, &dimensions, why);
    if (code) return code;
    size_t rest = 4 * (size_t)dimensions;
    code = read_head(f, bytes + 4, rest, 4 + rest, why);
    for (int i = 0; i < dimensions; i++) extent[i] = number_at(bytes + 4 + 4 * i, h.little);
    if (kind == IDX_LABELS) columns = extent[1], extent[1] = 1;
    if (!code) code = check_extent(f, extent, why);
    if (!code && (columns < 1 || columns > MAX_COLUMNS))
        code = fail(why, STATUS_BAD_DATA, "%s: says %u values for each label, expected 1 to %d",
                    f->path, columns, MAX_COLUMNS);
    if (code) return code;
    h.count = (int)extent[0], h.height = (int)extent[1], h.width = (int)extent[2];
    h.channels = (int)extent[3], h.columns = (int)columns;
    f->header = h;
    return check_size(f, kind, why);
}
