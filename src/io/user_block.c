/* io/user_block.c - writes and checks magic, version, length and digest of a checkpoint. */
#include "user_block.h"

#include <stdint.h>
#include <string.h>
#include <xxhash.h>

enum { AT_VERSION = 16, AT_ZERO = 20, AT_LENGTH = 24, AT_DIGEST = 32, AT_PADDING = 48 };

static const char magic[17] = "mnist_dist ckpt\n";
static const char hint[] = "was the file cut or changed? Use another checkpoint";

static void put_little(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> (8 * i));
}

uint64_t little_endian(const unsigned char *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static int all_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i]) return 0;
    return 1;
}

static XXH128_canonical_t image_digest(const unsigned char *file, size_t file_bytes)
{
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest,
                             XXH3_128bits(file + USER_BLOCK_BYTES, file_bytes - USER_BLOCK_BYTES));
    return digest;
}

void user_block_write(unsigned char *file, size_t file_bytes)
{
    CHECK(file_bytes > USER_BLOCK_BYTES, "%zu bytes", file_bytes);
    XXH128_canonical_t digest = image_digest(file, file_bytes);
    memset(file, 0, USER_BLOCK_BYTES);
    memcpy(file, magic, AT_VERSION);
    put_little(file + AT_VERSION, USER_BLOCK_VERSION, 4);
    put_little(file + AT_LENGTH, file_bytes - USER_BLOCK_BYTES, 8);
    memcpy(file + AT_DIGEST, digest.digest, sizeof digest.digest);
}

int user_block_present(const unsigned char *file, size_t file_bytes)
{
    return file_bytes >= AT_VERSION && memcmp(file, magic, AT_VERSION) == 0;
}

status user_block_verify(const unsigned char *file, size_t file_bytes, const char *path,
                         failure *why)
{
    if (file_bytes <= USER_BLOCK_BYTES)
        return fail(why, STATUS_BAD_DATA, "%s: %zu bytes, less than the head of a checkpoint: %s",
                    path, file_bytes, hint);
    uint64_t version = little_endian(file + AT_VERSION, 4),
             length = little_endian(file + AT_LENGTH, 8);
    if (version != USER_BLOCK_VERSION)
        return fail(why, STATUS_BAD_DATA,
                    "%s: checkpoint format version %llu, this program reads %d: use the program's "
                    "version that wrote it",
                    path, (unsigned long long)version, USER_BLOCK_VERSION);
    if (length != file_bytes - USER_BLOCK_BYTES)
        return fail(why, STATUS_BAD_DATA, "%s: length %zu bytes, its head says %llu: %s", path,
                    file_bytes - USER_BLOCK_BYTES, (unsigned long long)length, hint);
    XXH128_canonical_t digest = image_digest(file, file_bytes);
    if (memcmp(digest.digest, file + AT_DIGEST, sizeof digest.digest) != 0)
        return fail(why, STATUS_BAD_DATA,
                    "%s: the digest (XXH3-128) of its bytes is not the recorded one: %s", path,
                    hint);
    if (!all_zero(file + AT_ZERO, AT_LENGTH - AT_ZERO) ||
        !all_zero(file + AT_PADDING, USER_BLOCK_BYTES - AT_PADDING))
        return fail(why, STATUS_BAD_DATA, "%s: its head has bytes where zeros belong: %s", path,
                    hint);
    return STATUS_OK;
}
