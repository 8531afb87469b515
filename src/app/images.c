/* app/images.c - PNG and IDX files, and the test set, as pixels. */
#include "app/images.h"
#include "app/print.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"
#include "data/idx.h"
#include "data/picture.h"
#include "io/file.h"
#include "io/png.h"

/* Bytes of an image. */
static size_t image_bytes(const images *i)
{
    return (size_t)i->height * (size_t)i->width * (size_t)i->channels;
}

static status read_png(images *i, image_file *f, failure *why)
{
    picture p;
    uint8_t *grey;
    if (i->channels > 1)
        return fail(
            why, STATUS_USAGE,
            "%s: the model wants images of %s: a PNG is read as a grey picture, give IDX files",
            f->name, dataset_extent(i->height, i->width, i->channels).text);
    status code = png_read(f->name, &p.height, &p.width, &grey, why);
    if (code) return code;
    p.grey = grey;
    f->count = f->single = 1;
    f->pixels = arena_take(&i->memory, image_bytes(i));
    f->digits = 1;
    if (i->framing)
        f->digits = picture_frame(p, f->pixels);
    else
        picture_fit(p, i->height, i->width, f->pixels);
    memory_free(grey);
    return STATUS_OK;
}

static status check_extent(const images *i, const char *name, int height, int width, int channels,
                           failure *why)
{
    if (height == i->height && width == i->width && channels == i->channels) return STATUS_OK;
    return fail(why, STATUS_BAD_DATA,
                "%s: images of %s, the model wants %s: PNG files are scaled, IDX files are not",
                name, dataset_extent(height, width, channels).text,
                dataset_extent(i->height, i->width, i->channels).text);
}

static status read_idx(images *i, image_file *f, failure *why)
{
    idx_header header;
    status code = idx_probe(f->name, IDX_IMAGES, &header, why);
    if (!code) code = check_extent(i, f->name, header.height, header.width, header.channels, why);
    if (code) return code;
    f->count = header.count, f->digits = 1;
    f->pixels = (uint8_t *)arena_take(&i->memory, IDX_ROOM + idx_bytes(&header)) + IDX_ROOM;
    return idx_read(f->name, IDX_IMAGES, &header, f->pixels, why);
}

/* An IDX file begins with two zeros and the type of its values, 8 to 14; a compressed one with gzip's magic. */
static int looks_like_idx(const char *path)
{
    unsigned char head[3] = {0};
    FILE *stream;
    if (file_open(path, &stream, NULL)) return 0;
    size_t got = fread(head, 1, sizeof head, stream);
    fclose(stream);
    return got == sizeof head &&
           ((head[0] == 0x1f && head[1] == 0x8b) ||
            (head[0] == 0 && head[1] == 0 && head[2] >= IDX_BYTES && head[2] <= IDX_DOUBLES));
}

/* What people bring instead, by its first bytes, or by those from the fifth on. */
static const struct {
    const char *begin, *what;
    int at;
} foreign[] = {{"\xff\xd8\xff", "a JPEG picture", 0},
               {"GIF8", "a GIF picture", 0},
               {"BM", "a BMP picture", 0},
               {"II*", "a TIFF picture", 0},
               {"MM", "a TIFF picture", 0},
               {"RIFF", "a WebP picture", 0},
               {"%PDF", "a PDF page", 0},
               {"P1", "a PBM picture", 0},
               {"P2", "a PGM picture", 0},
               {"P3", "a PPM picture", 0},
               {"P4", "a PBM picture", 0},
               {"P5", "a PGM picture", 0},
               {"P6", "a PPM picture", 0},
               {"ftyp", "a HEIC or AVIF picture", 4},
               {"<svg", "an SVG drawing", 0},
               {"\x93NUMPY", "a NumPy array", 0},
               {"\x89HDF", "an HDF5 file", 0},
               {"PK\3\4", "a zip archive", 0}};

static status not_a_picture(const char *name, const char *head, size_t length, failure *why)
{
    if (length == 0) return fail(why, STATUS_BAD_DATA, "%s: an empty file", name);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        size_t letters = strlen(foreign[i].begin), at = (size_t)foreign[i].at;
        if (at + letters <= length && memcmp(head + at, foreign[i].begin, letters) == 0)
            return fail(why, STATUS_BAD_DATA, "%s: %s: save it as PNG, or write images as IDX",
                        name, foreign[i].what);
    }
    return fail(why, STATUS_BAD_DATA, "%s: neither a PNG nor an IDX file of images", name);
}

static status read_one(images *i, image_file *f, failure *why)
{
    FILE *stream;
    if (png_present(f->name)) return read_png(i, f, why);
    if (looks_like_idx(f->name)) return read_idx(i, f, why);
    status code = file_open(f->name, &stream, why); /* refuses a folder and a FIFO */
    if (code) return code;
    char head[16];
    size_t got = fread(head, 1, sizeof head, stream);
    fclose(stream);
    return not_a_picture(f->name, head, got, why);
}

/* Makes one array of the pixels of all files, for the predictor. */
static status join(images *i, failure *why)
{
    size_t length = image_bytes(i), all = 0;
    for (int f = 0; f < i->files; f++) all += (size_t)i->file[f].count;
    if (all > INT_MAX)
        return fail(why, STATUS_USAGE, "%zu images: at most %d at a time", all, INT_MAX);
    i->count = (int)all;
    i->pixels = i->files == 1 ? i->file[0].pixels : arena_take(&i->memory, all * length);
    uint8_t *to = i->pixels;
    for (int f = 0; f < i->files && i->files > 1; to += (size_t)i->file[f++].count * length)
        memcpy(to, i->file[f].pixels, (size_t)i->file[f].count * length);
    return STATUS_OK;
}

status images_read(images *i, const char *const *paths, int count, failure *why)
{
    status code = STATUS_OK;
    i->file = arena_take(&i->memory, (size_t)count * sizeof *i->file);
    for (; i->files < count && !code; i->files++) {
        i->file[i->files].name = paths[i->files];
        code = read_one(i, &i->file[i->files], why);
    }
    return code ? code : join(i, why);
}

status images_check(const images *i, failure *why)
{
    const image_file *first = NULL;
    int others = -1;
    for (int f = 0; f < i->files; f++) {
        if (i->file[f].digits == 1) continue;
        if (!first) first = &i->file[f];
        others++;
    }
    if (!first) return STATUS_OK;
    char more[64] = "";
    if (others) snprintf(more, sizeof more, "; and %d more pictures have no class", others);
    if (!first->digits)
        return fail(why, STATUS_BAD_DATA,
                    "%.400s: no digit is seen in this picture: is it empty, or too faint? --as-is "
                    "takes it whole%s",
                    first->name, more);
    return fail(why, STATUS_BAD_DATA,
                "%.400s: %d digits on one sheet: cut it into a picture for each digit; --as-is "
                "takes it whole%s",
                first->name, first->digits, more);
}

status images_read_test(images *i, const run_data *known, const settings *cfg, failure *why)
{
    dataset_plan plan;
    status code = run_data_find(known, cfg, 1, &plan, why);
    if (!code) code = check_extent(i, plan.name, plan.height, plan.width, plan.channels, why);
    if (code) return code;
    void *bytes = arena_take(&i->memory, plan.bytes);
    code = dataset_load(&plan, bytes, why);
    if (code) return code;
    dataset data = dataset_view(&plan, bytes);
    if (!cfg->data[0]) code = run_data_check(known, &data, why);
    if (code) return code;
    snprintf(i->note, sizeof i->note, "%s",
             run_data_is(known, &data) == 0 ? RUN_DATA_OTHER : data.remark);
    i->file = arena_take(&i->memory, sizeof *i->file);
    *i->file = (image_file){.name = "test", .count = data.test.count, .digits = 1};
    i->files = 1;
    size_t length = (size_t)data.test.count * image_bytes(i);
    i->file->pixels = arena_take(&i->memory, length);
    memcpy(i->file->pixels, data.test.pixels, length);
    return join(i, why);
}

void images_note_found(const stored_images *sides)
{
    char text[160];
    const int *dim = sides->shape.dim;
    if (!sides->found) return;
    snprintf(text, sizeof text,
             "the file does not say for which images it is: its tensors fit images of %s",
             dataset_extent(dim[0], dim[1], dim[2]).text);
    print_note(text);
}

image_name images_name(const images *i, int f, int index)
{
    image_name out;
    const image_file *file = &i->file[f];
    if (file->single)
        snprintf(out.text, sizeof out.text, "%s", file->name);
    else
        snprintf(out.text, sizeof out.text, "%.1100s[%d]", file->name, index);
    return out;
}
