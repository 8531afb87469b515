/* io/png.c - PNG files through libpng's simplified interface, which reports errors instead of jumping. */
#include "io/png.h"

#include <stdio.h>
#include <string.h>
#if MNIST_DIST_PNG
#include <png.h>
#endif

#include "base/arena.h"
#include "io/file.h"

enum { SIGNATURE_BYTES = 8, LARGEST_FILE_BYTES = 1 << 29, CHANNELS = 2 /* grey, alpha */ };

static int has_signature(const unsigned char *bytes, size_t length)
{
    return length >= SIGNATURE_BYTES && memcmp(bytes, "\x89PNG\r\n\x1a\n", SIGNATURE_BYTES) == 0;
}

int png_present(const char *path)
{
    unsigned char head[SIGNATURE_BYTES];
    FILE *stream;
    if (file_open(path, &stream, NULL)) return 0;
    size_t got = fread(head, 1, sizeof head, stream);
    fclose(stream);
    return has_signature(head, got);
}

#if MNIST_DIST_PNG

/* The background for transparent pixels: black or white, whichever is farther from the ink. */
static uint8_t paper_behind(const uint8_t *pairs, size_t pixels)
{
    uint64_t light = 0, opaque = 0;
    for (size_t i = 0; i < pixels; i++) {
        light += (uint64_t)pairs[CHANNELS * i] * pairs[CHANNELS * i + 1];
        opaque += pairs[CHANNELS * i + 1];
    }
    return 2 * light >= 255 * opaque ? 0 : 255;
}

static void lay_on_paper(const uint8_t *pairs, size_t pixels, uint8_t *grey)
{
    unsigned paper = paper_behind(pairs, pixels);
    for (size_t i = 0; i < pixels; i++) {
        unsigned value = pairs[CHANNELS * i], alpha = pairs[CHANNELS * i + 1];
        grey[i] = (uint8_t)((value * alpha + paper * (255 - alpha) + 127) / 255);
    }
}

/* ---- the orientation ---- */

/* Bytes of the chunk of this name: *length of them; NULL: there is none. PNG specification, section 5. */
static const unsigned char *find_chunk(const unsigned char *png, size_t size, const char *name,
                                       size_t *length)
{
    for (size_t at = SIGNATURE_BYTES; at + 12 <= size; at += 12 + *length) {
        *length = png_get_uint_32(png + at);
        if (*length > size - at - 12) return NULL;
        if (memcmp(png + at + 4, name, 4) == 0) return png + at + 8;
    }
    return NULL;
}

static unsigned exif_number(const unsigned char *at, int bytes, int is_big)
{
    unsigned value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | at[is_big ? i : bytes - 1 - i];
    return value;
}

/* 1 to 8, as Exif (CIPA DC-008, section 4.6.4) has it; 1, which is upright, where the file says nothing. */
static int orientation_of(const unsigned char *png, size_t size)
{
    enum { HEAD = 8, ENTRY = 12, TAG = 0x0112, SHORT = 3 };
    size_t length;
    const unsigned char *exif = find_chunk(png, size, "eXIf", &length);
    if (!exif || length < HEAD || exif[0] != exif[1] || (exif[0] != 'M' && exif[0] != 'I'))
        return 1;
    int is_big = exif[0] == 'M';
    size_t at = exif_number(exif + 4, 4, is_big);
    if (at > length - 2 || at < HEAD) return 1;
    size_t entries = exif_number(exif + at, 2, is_big);
    for (at += 2; entries > 0 && at + ENTRY <= length; entries--, at += ENTRY) {
        if (exif_number(exif + at, 2, is_big) != TAG) continue;
        unsigned value = exif_number(exif + at + 8, 2, is_big);
        int is_short = exif_number(exif + at + 2, 2, is_big) == SHORT;
        return is_short && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* Turns and mirrors the picture so that it is upright. Of orientations 5 to 8 rows become columns. */
static void set_upright(int orientation, int *height, int *width, uint8_t **grey)
{
    static const char from_below[] = {0, 0, 0, 1, 1, 0, 1, 1, 0};
    static const char from_right[] = {0, 0, 1, 1, 0, 0, 0, 1, 1};
    int rows = *height, columns = *width, turned = orientation >= 5;
    const uint8_t *from = *grey;
    if (orientation == 1 || !from) return;
    uint8_t *to = memory_take((size_t)rows * (size_t)columns);
    *height = turned ? columns : rows, *width = turned ? rows : columns;
    for (int y = 0; y < *height; y++)
        for (int x = 0; x < *width; x++) {
            int v = turned ? x : y, u = turned ? y : x;
            if (from_below[orientation]) v = rows - 1 - v;
            if (from_right[orientation]) u = columns - 1 - u;
            to[(size_t)y * (size_t)*width + (size_t)x] =
                from[(size_t)v * (size_t)columns + (size_t)u];
        }
    memory_free(*grey);
    *grey = to;
}

static status check_size(const png_image *image, const char *path, failure *why)
{
    if (image->width <= PNG_MAX_SIDE && image->height <= PNG_MAX_SIDE &&
        (uint64_t)image->width * image->height <= PNG_MAX_PIXELS)
        return STATUS_OK;
    return fail(why, STATUS_BAD_DATA,
                "%s: %u x %u pixels: at most %d a side and %d in all are read: scale it down", path,
                (unsigned)image->width, (unsigned)image->height, PNG_MAX_SIDE, PNG_MAX_PIXELS);
}

static status damaged(const png_image *image, const char *path, failure *why)
{
    return fail(why, STATUS_BAD_DATA, "%s: a damaged or cut PNG (%s): save it again", path,
                image->message[0] ? image->message : "libpng gives no reason");
}

static status decode(png_image *image, const char *path, uint8_t **grey, failure *why)
{
    status code = check_size(image, path, why);
    if (code) return code;
    size_t pixels = (size_t)image->width * image->height;
    image->format = PNG_FORMAT_GA;
    image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    uint8_t *pairs = memory_take(pixels * CHANNELS);
    if (png_image_finish_read(image, NULL, pairs, 0, NULL)) {
        *grey = memory_take(pixels);
        lay_on_paper(pairs, pixels, *grey);
    } else {
        code = damaged(image, path, why);
    }
    memory_free(pairs);
    return code;
}

static status decode_bytes(const unsigned char *bytes, size_t length, const char *path,
                           png_image *image, uint8_t **grey, failure *why)
{
    if (!has_signature(bytes, length))
        return fail(why, STATUS_BAD_DATA, "%s: not a PNG file", path);
    if (!png_image_begin_read_from_memory(image, bytes, length)) return damaged(image, path, why);
    status code = decode(image, path, grey, why);
    png_image_free(image);
    return code;
}

status png_read(const char *path, int *height, int *width, uint8_t **grey, failure *why)
{
    unsigned char *bytes;
    size_t length;
    *grey = NULL;
    status code = file_read_whole(path, LARGEST_FILE_BYTES, &bytes, &length, why);
    if (code) return code;
    png_image image = {.version = PNG_IMAGE_VERSION};
    code = decode_bytes(bytes, length, path, &image, grey, why);
    *height = (int)image.height;
    *width = (int)image.width;
    if (!code) set_upright(orientation_of(bytes, length), height, width, grey);
    memory_free(bytes);
    return code;
}

#else

status png_read(const char *path, int *height, int *width, uint8_t **grey, failure *why)
{
    *height = *width = 0;
    *grey = NULL;
    return fail(why, STATUS_USAGE,
                "%s: this program was built without libpng: it reads no PNG pictures, only IDX "
                "files; build it with libpng (Debian: libpng-dev, RHEL: libpng-devel)",
                path);
}

#endif
