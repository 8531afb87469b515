/* Zip archives: other programs read them, and the same members give the same bytes in every time zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <zip.h>

#include "io/archive.h"
#include "io/checkpoint_fixture.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static const archive_member members[] = {
    {"first.json", "{}", 2}, {"empty", "", 0}, {"folder/last", "\0\1\2\3", 4}};

static void members_come_back(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t length;
    assert_int_equal(archive_build(members, 3, &bytes, &length, NULL), STATUS_OK);
    zip_t *archive = zip_open_from_source(zip_source_buffer_create(bytes, length, 0, NULL),
                                          ZIP_CHECKCONS, NULL);
    assert_non_null(archive);
    assert_int_equal(zip_get_num_entries(archive, 0), 3);
    for (zip_uint64_t i = 0; i < 3; i++) {
        char content[16];
        zip_stat_t about;
        assert_int_equal(zip_stat_index(archive, i, 0, &about), 0);
        assert_string_equal(about.name, members[i].name);
        assert_int_equal(about.comp_method, ZIP_CM_STORE);
        zip_file_t *file = zip_fopen_index(archive, i, 0);
        assert_int_equal(zip_fread(file, content, sizeof content), members[i].length);
        assert_memory_equal(content, members[i].bytes, members[i].length);
        zip_fclose(file);
    }
    zip_discard(archive);
    memory_free(bytes);
}

static void one_member(void **state)
{
    (void)state;
    unsigned char *bytes, *content;
    size_t length, size;
    failure why = {""};
    assert_int_equal(archive_build(members, 3, &bytes, &length, NULL), STATUS_OK);
    assert_int_equal(archive_take(bytes, length, "folder/last", &content, &size, &why), STATUS_OK);
    assert_int_equal(size, 4);
    assert_memory_equal(content, "\0\1\2\3", 4);
    memory_free(content);
    assert_int_equal(archive_take(bytes, length, "other", &content, &size, &why), STATUS_BAD_DATA);
    assert_non_null(strstr(why.text, "no other"));
    for (size_t at = 0; at < length; at++) { /* another content is never taken for the right one */
        bytes[at] ^= 0x41;
        if (archive_take(bytes, length, "folder/last", &content, &size, &why) == STATUS_OK) {
            assert_int_equal(size, 4);
            assert_memory_equal(content, "\0\1\2\3", 4);
            memory_free(content);
        }
        bytes[at] ^= 0x41;
    }
    for (size_t cut = 0; cut < length; cut += 7)
        assert_int_equal(archive_take(bytes, cut, "first.json", &content, &size, &why),
                         STATUS_BAD_DATA);
    memory_free(bytes);
}

static void the_clock_has_no_part(void **state)
{
    (void)state;
    unsigned char *bytes[2];
    size_t length[2];
    for (int i = 0; i < 2; i++) {
        setenv("TZ", i ? "Pacific/Auckland" : "UTC", 1);
        tzset();
        assert_int_equal(archive_build(members, 3, &bytes[i], &length[i], NULL), STATUS_OK);
    }
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(bytes[0], bytes[1], length[0]);
    const unsigned char time_and_date[4] = {0, 0, 0x21, 0};
    assert_memory_equal(bytes[0] + 10, time_and_date, 4);
    memory_free(bytes[0]);
    memory_free(bytes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_back),
        cmocka_unit_test(one_member),
        cmocka_unit_test(the_clock_has_no_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
