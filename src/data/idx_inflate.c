/* data/idx_inflate.c - a whole gzip file at once, through libdeflate. */
#include <stdio.h>

#include "base/arena.h"
#include "idx_file.h"

#if MNIST_DIST_DEFLATE
#include <libdeflate.h>

/* One member, and nothing behind it. */
static int is_one_member(const uint8_t *packed, size_t packed_bytes, uint8_t *out, size_t bytes)
{
    size_t used = 0, made = 0;
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    enum libdeflate_result code = LIBDEFLATE_BAD_DATA;
    if (d) code = libdeflate_gzip_decompress_ex(d, packed, packed_bytes, out, bytes, &used, &made);
    libdeflate_free_decompressor(d);
    return code == LIBDEFLATE_SUCCESS && used == packed_bytes && made == bytes;
}

int idx_inflate(const idx_file *f, uint8_t *out, size_t bytes)
{
    size_t packed_bytes = (size_t)f->on_disk;
    FILE *file = fopen(f->path, "rb");
    if (!file) return 0;
    uint8_t *packed = memory_take(packed_bytes);
    int fits = fread(packed, 1, packed_bytes, file) == packed_bytes && fgetc(file) == EOF &&
               is_one_member(packed, packed_bytes, out, bytes);
    fclose(file);
    memory_free(packed);
    return fits;
}

#else

int idx_inflate(const idx_file *f, uint8_t *out, size_t bytes)
{
    (void)f, (void)out, (void)bytes;
    return 0;
}

#endif
