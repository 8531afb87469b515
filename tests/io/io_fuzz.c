/* Checkpoints and Keras files with changed bytes, sealed again: each is read or refused, without a crash or endless work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../src/io/user_block.h"
#include "base/rng.h"
#include "io/checkpoint_fixture.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

enum { FILES = 250, LARGEST_DAMAGE = 4 };

static arena memory;
static const char *folder;

static void see(void *context, const checkpoint_array *a)
{
    double *sum = context;
    for (size_t i = 0; a->floats && i < a->length; i++) *sum += (double)a->floats[i];
}

/* Some bytes become others, or the file ends early. draw: number of the file. */
static size_t damage(unsigned char *bytes, size_t length, size_t first, unsigned draw)
{
    rng_key key = {7, 0, draw, 0};
    unsigned times = 1 + rng_below(key, 0, LARGEST_DAMAGE);
    for (unsigned i = 1; i <= times; i++) {
        size_t at = first + rng_below(key, 3 * i, (uint32_t)(length - first));
        uint32_t how = rng_below(key, 3 * i + 1, 4);
        unsigned char byte = (unsigned char)rng_below(key, 3 * i + 2, 256);
        bytes[at] = how == 0 ? 0xff : how == 1 ? 0 : how == 2 ? bytes[at] ^ (1u << byte % 8) : byte;
    }
    return draw % 16 ? length : first + rng_below(key, 100, (uint32_t)(length - first));
}

static status open_and_read(checkpoint *c, int sealed, failure *why)
{
    checkpoint_file *file;
    double sum = 0;
    status code = checkpoint_open(fixture_path(folder, "x.weights.h5"), &file, why);
    if (code) return code;
    code = checkpoint_visit(file, see, &sum, why);
    if (!code) code = checkpoint_read(file, c, sealed, why);
    checkpoint_close(file);
    return code;
}

static void changed_files(int sealed)
{
    const char *many = getenv("FUZZ_FILES"); /* a longer run by hand */
    unsigned files = many ? (unsigned)atoi(many) : FILES;
    unsigned char *whole;
    size_t length;
    failure why;
    checkpoint *c = fixture_small(&memory);
    fixture_finish(&memory, c, "adam", 2);
    status made = sealed ? checkpoint_build(c, &whole, &length, &why)
                         : checkpoint_build_keras(c, &whole, &length, &why);
    assert_int_equal(made, STATUS_OK);
    int refused = 0;
    unsigned char *bytes = memory_take(length);
    for (unsigned i = 0; i < files; i++) {
        memcpy(bytes, whole, length);
        size_t left = damage(bytes, length, sealed ? USER_BLOCK_BYTES : 0, i);
        if (sealed && left > USER_BLOCK_BYTES) user_block_write(bytes, left);
        if (file_write_whole(fixture_path(folder, "x.weights.h5"), bytes, left, &why))
            fail_msg("%s", why.text);
        why = (failure){""};
        status code = open_and_read(c, sealed, &why);
        if (code && code != STATUS_BAD_DATA) fail_msg("file %u: %d: %s", i, code, why.text);
        refused += code != STATUS_OK;
    }
    assert_in_range(refused, files / 8, files); /* the damage is not harmless */
    memory_free(bytes);
    memory_free(whole);
}

static void sealed_again(void **state)
{
    (void)state;
    changed_files(1);
}

static void of_keras(void **state)
{
    (void)state;
    changed_files(0);
}

static int begin(void **state)
{
    (void)state;
    folder = fixture_folder();
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_remove(folder);
    arena_free(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_again),
        cmocka_unit_test(of_keras),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
