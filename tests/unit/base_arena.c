/* Tests of base/arena: alignment, zeroes, stability, mark and release, the counters. */
#include "base/arena.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static int is_zero(const void *memory, size_t bytes)
{
    const unsigned char *byte = memory;
    for (size_t i = 0; i < bytes; i++)
        if (byte[i]) return 0;
    return 1;
}

static void memory_is_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 63, 64, 65, 1000, 1 << 20, (1 << 20) + 1, 5 << 20, 0};
    unsigned char *taken[9];
    arena a = {0};
    for (int i = 0; i < 9; i++) {
        taken[i] = arena_take(&a, sizes[i]);
        assert_int_equal((uintptr_t)taken[i] % ARENA_ALIGN, 0);
        assert_true(is_zero(taken[i], sizes[i]));
        memset(taken[i], i + 1, sizes[i]);
    }
    for (int i = 0; i < 8; i++) { /* no array was moved, or written by way of another */
        assert_int_equal(taken[i][0], i + 1);
        assert_int_equal(taken[i][sizes[i] - 1], i + 1);
    }
    arena_free(&a);
    assert_null(a.newest);
}

static void bytes_are_counted_in_units_of_the_alignment(void **state)
{
    (void)state;
    arena a = {0};
    assert_int_equal(arena_bytes(&a), 0);
    arena_take(&a, 1);
    assert_int_equal(arena_bytes(&a), 64);
    arena_take(&a, 65);
    assert_int_equal(arena_bytes(&a), 192);
    arena_take(&a, 3 << 20);
    assert_int_equal(arena_bytes(&a), 192 + (3 << 20));
    arena_free(&a);
    assert_int_equal(arena_bytes(&a), 0);
}

/* A counter gives the bytes that an arena would have taken, and takes no memory. */
static void a_counter_takes_nothing(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 65, 0, 3 << 20};
    arena a = {0}, counter = arena_counter();
    for (int i = 0; i < 4; i++) arena_take(&a, sizes[i]);
    arena_floats(&a, 1000);
    size_t before = memory_requests();
    for (int i = 0; i < 4; i++) assert_null(arena_take(&counter, sizes[i]));
    assert_null(arena_floats(&counter, 1000));
    assert_null(arena_take(&counter, (size_t)1 << 50));
    assert_int_equal(memory_requests(), before);
    assert_int_equal(arena_bytes(&counter), arena_bytes(&a) + ((size_t)1 << 50));
    arena_free(&a), arena_free(&counter);
}

static void release_goes_back_to_the_mark(void **state)
{
    (void)state;
    arena a = {0};
    char *kept = arena_text(&a, "kept");
    arena_mark mark = arena_now(&a);
    unsigned char *first = arena_take(&a, 100);
    memset(first, 7, 100);
    arena_take(&a, 4 << 20); /* a chunk of its own */
    arena_release(&a, mark);
    assert_string_equal(kept, "kept");
    assert_int_equal(arena_bytes(&a), 64);
    unsigned char *again = arena_take(&a, 100);
    assert_ptr_equal(again, first);
    assert_true(is_zero(again, 100));
    arena_free(&a);
}

static void release_to_an_empty_mark_frees_all(void **state)
{
    (void)state;
    arena a = {0};
    arena_mark empty = arena_now(&a);
    arena_take(&a, 100);
    arena_release(&a, empty);
    assert_null(a.newest);
    assert_int_equal(arena_bytes(&a), 0);
}

static void text_is_copied(void **state)
{
    (void)state;
    char source[] = "digits";
    arena a = {0};
    char *copy = arena_text(&a, source);
    source[0] = 'f';
    assert_string_equal(copy, "digits");
    assert_string_equal(arena_text(&a, ""), "");
    arena_free(&a);
}

/* Debug builds poison floats, so that a read before a write shows. */
static void fresh_floats_are_zero_or_poison(void **state)
{
    (void)state;
    arena a = {0};
    float *floats = arena_floats(&a, 33);
#ifdef NDEBUG
    for (int i = 0; i < 33; i++) assert_true(floats[i] == 0.0f);
#else
    for (int i = 0; i < 33; i++) assert_true(isnan(floats[i]));
#endif
    assert_int_equal((uintptr_t)floats % ARENA_ALIGN, 0);
    arena_free(&a);
}

static void requests_are_counted_where_the_library_is_asked(void **state)
{
    (void)state;
    arena a = {0};
    size_t before = memory_requests();
    arena_take(&a, 100);
    assert_int_equal(memory_requests(), before + 1);
    for (int i = 0; i < 100; i++) arena_take(&a, 1000);
    assert_int_equal(memory_requests(), before + 1); /* still within the first chunk of 1 MiB */
    arena_take(&a, 1 << 20);
    assert_int_equal(memory_requests(), before + 2);
    arena_free(&a);
    assert_int_equal(memory_requests(), before + 2);
}

static void plain_memory_is_aligned_and_zeroed(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 100, 3 << 20};
    size_t before = memory_requests();
    for (int i = 0; i < 4; i++) {
        void *memory = memory_take(sizes[i]);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % ARENA_ALIGN, 0);
        assert_true(is_zero(memory, sizes[i]));
        memory_free(memory);
    }
    memory_free(NULL);
    assert_int_equal(memory_requests(), before + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_zeroed_and_apart),
        cmocka_unit_test(bytes_are_counted_in_units_of_the_alignment),
        cmocka_unit_test(a_counter_takes_nothing),
        cmocka_unit_test(release_goes_back_to_the_mark),
        cmocka_unit_test(release_to_an_empty_mark_frees_all),
        cmocka_unit_test(text_is_copied),
        cmocka_unit_test(fresh_floats_are_zero_or_poison),
        cmocka_unit_test(requests_are_counted_where_the_library_is_asked),
        cmocka_unit_test(plain_memory_is_aligned_and_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
