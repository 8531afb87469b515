/* data_files.h - small IDX files in a scratch folder, for the tests of data. */
#ifndef MNIST_DIST_TESTS_DATA_FILES_H
#define MNIST_DIST_TESTS_DATA_FILES_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

typedef struct folder {
    char path[256];
} folder;

static inline folder folder_make(void)
{
    folder f;
    const char *base = getenv("TMPDIR");
    snprintf(f.path, sizeof f.path, "%s/mnist_dist.XXXXXX", base && base[0] ? base : "/tmp");
    if (!mkdtemp(f.path)) perror(f.path), abort();
    return f;
}

static inline void folder_remove(const folder *f)
{
    char path[600];
    DIR *directory = opendir(f->path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        snprintf(path, sizeof path, "%s/%s", f->path, entry->d_name);
        unlink(path);
    }
    if (directory) closedir(directory);
    rmdir(f->path);
}

typedef struct path {
    char text[512];
} path;

static inline path path_in(const folder *f, const char *name)
{
    path p;
    snprintf(p.text, sizeof p.text, "%s/%s", f->path, name);
    return p;
}

/* A file of these bytes; compressed where the name ends in .gz. */
static inline path file_write(const folder *f, const char *name, const void *bytes, size_t count)
{
    path p = path_in(f, name);
    size_t length = strlen(name);
    int gzip = length > 3 && strcmp(name + length - 3, ".gz") == 0;
    gzFile out = gzopen(p.text, gzip ? "wb" : "wbT");
    if (!out || gzwrite(out, bytes, (unsigned)count) != (int)count) perror(p.text), abort();
    gzclose(out);
    return p;
}

static inline size_t put_big_endian(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    return 4;
}

/* Puts the bytes (i * 7 + 3) mod 256 behind a header of `at` bytes, and writes both. */
static inline path pixels_write(const folder *f, const char *name, uint8_t *bytes, size_t at,
                                size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) bytes[at + i] = (uint8_t)(i * 7 + 3);
    return file_write(f, name, bytes, at + pixels);
}

/* Grey images. */
static inline path images_write(const folder *f, const char *name, uint32_t count, uint32_t height,
                                uint32_t width)
{
    static uint8_t bytes[1 << 20];
    size_t at = put_big_endian(bytes, 0x803);
    at += put_big_endian(bytes + at, count);
    at += put_big_endian(bytes + at, height);
    at += put_big_endian(bytes + at, width);
    return pixels_write(f, name, bytes, at, (size_t)count * height * width);
}

/* Images with channels. */
static inline path colour_write(const folder *f, const char *name, uint32_t count, uint32_t height,
                                uint32_t width, uint32_t channels)
{
    static uint8_t bytes[1 << 20];
    size_t at = put_big_endian(bytes, 0x804);
    at += put_big_endian(bytes + at, count);
    at += put_big_endian(bytes + at, height);
    at += put_big_endian(bytes + at, width);
    at += put_big_endian(bytes + at, channels);
    return pixels_write(f, name, bytes, at, (size_t)count * height * width * channels);
}

static inline path labels_write(const folder *f, const char *name, const uint8_t *labels,
                                uint32_t count)
{
    static uint8_t bytes[1 << 17];
    size_t at = put_big_endian(bytes, 0x801);
    at += put_big_endian(bytes + at, count);
    memcpy(bytes + at, labels, count);
    return file_write(f, name, bytes, at + count);
}

#endif
