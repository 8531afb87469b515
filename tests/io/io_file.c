/* Folders are made once, files are whole or as before, and every failure says path, reason and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/one_folder.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void assert_says(const failure *why, const char *words)
{
    if (!strstr(why->text, words)) fail_msg("'%s' lacks '%s'", why->text, words);
}

static void test_join(void **state)
{
    (void)state;
    char path[FILE_PATH], name[FILE_PATH];
    failure why;
    assert_int_equal(file_join("a/b", "c", path, &why), STATUS_OK);
    assert_string_equal(path, "a/b/c");
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(file_join("a", name, path, &why), STATUS_USAGE);
    assert_says(&why, "more than 1023 letters");
    name[FILE_PATH - 3] = 0; /* "a/" and 1,021 letters just fit */
    assert_int_equal(file_join("a", name, path, &why), STATUS_OK);
}

static void test_make_folder(void **state)
{
    (void)state;
    failure why = {""};
    for (int i = 0; i < 2; i++) /* the second time it is there */
        assert_int_equal(file_make_folder(fixture_path(folder, "p/q/r/"), &why), STATUS_OK);
    assert_true(file_is_folder(fixture_path(folder, "p/q/r")));
    assert_int_equal(file_make_parents(fixture_path(folder, "s/t/file"), &why), STATUS_OK);
    assert_true(file_is_folder(fixture_path(folder, "s/t")));
    assert_false(file_exists(fixture_path(folder, "s/t/file")));
}

static void test_what_is_there(void **state)
{
    (void)state;
    failure why = {""};
    const char *path = fixture_path(folder, "is_plain");
    assert_int_equal(file_write_whole(path, "x", 1, &why), STATUS_OK);
    assert_true(file_exists(path) && !file_is_folder(path));
    assert_true(file_exists(folder) && file_is_folder(folder));
    assert_false(file_exists(fixture_path(folder, "absent")) ||
                 file_is_folder(fixture_path(folder, "absent")));
}

static void test_a_file_in_place_of_a_folder(void **state)
{
    (void)state;
    char path[FILE_PATH];
    failure why = {""};
    assert_int_equal(file_write_whole(fixture_path(folder, "plain"), "x", 1, &why), STATUS_OK);
    assert_int_equal(file_make_folder(fixture_path(folder, "plain"), &why), STATUS_CANNOT_WRITE);
    assert_says(&why, "/plain: cannot read this folder: Not a directory");
    assert_int_equal(file_make_folder(fixture_path(folder, "plain/run"), &why),
                     STATUS_CANNOT_WRITE);
    assert_says(&why, "Not a directory: a part of this path is a file");
    assert_int_equal(file_make_numbered(fixture_path(folder, "plain"), "run", path, &why),
                     STATUS_CANNOT_WRITE);
    assert_int_equal(file_write_whole(fixture_path(folder, "plain/x"), "x", 1, &why),
                     STATUS_CANNOT_WRITE);
    assert_says(&why, "/plain/x: cannot write: Not a directory");
}

static void test_make_numbered(void **state)
{
    (void)state;
    char path[FILE_PATH];
    failure why = {""};
    for (int i = 1; i <= 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "runs/cnn-mnist-%d", i);
        assert_int_equal(file_make_numbered(fixture_path(folder, "runs"), "cnn-mnist", path, &why),
                         STATUS_OK);
        assert_string_equal(path, fixture_path(folder, name));
        assert_true(file_exists(path));
    }
    rmdir(fixture_path(folder, "runs/cnn-mnist-2"));
    assert_int_equal(file_make_numbered(fixture_path(folder, "runs"), "cnn-mnist", path, &why),
                     STATUS_OK);
    assert_string_equal(path, fixture_path(folder, "runs/cnn-mnist-2"));
}

static void assert_holds(const char *path, const void *bytes, size_t length)
{
    unsigned char *got;
    size_t got_length;
    failure why = {""};
    assert_int_equal(file_read_whole(path, SIZE_MAX, &got, &got_length, &why), STATUS_OK);
    assert_int_equal(got_length, length);
    assert_memory_equal(got, bytes, length);
    assert_int_equal(got[length], 0);
    memory_free(got);
}

static void test_write_and_read(void **state)
{
    (void)state;
    failure why = {""};
    const char *path = fixture_path(folder, "whole");
    size_t length = 3 * 1024 * 1024 + 7;
    unsigned char *bytes = memory_take(length);
    for (size_t i = 0; i < length; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    assert_int_equal(file_write_whole(path, bytes, length, &why), STATUS_OK);
    assert_holds(path, bytes, length);
    assert_int_equal(file_write_whole(path, "short", 5, &why), STATUS_OK);
    assert_holds(path, "short", 5);
    assert_int_equal(file_write_whole(path, "", 0, &why), STATUS_OK);
    assert_holds(path, "", 0);
    assert_false(file_exists(fixture_path(folder, "whole.partial")));
    memory_free(bytes);
}

static void test_write_shared(void **state)
{
    (void)state;
    failure why = {""};
    const char *path = fixture_path(folder, "shared");
    assert_int_equal(file_write_shared(path, "first", 5, 0, &why), STATUS_OK);
    assert_int_equal(file_write_shared(path, "second", 6, 0, &why), STATUS_CANNOT_WRITE);
    assert_says(&why, "/shared: is there already: another process has written it");
    assert_holds(path, "first", 5);
    assert_int_equal(file_write_shared(path, "third", 5, 1, &why), STATUS_OK);
    assert_holds(path, "third", 5);
    char partial[FILE_PATH];
    snprintf(partial, sizeof partial, "%s.partial-%ld", path, (long)getpid());
    assert_false(file_exists(partial));
}

/* Lengths around the buffer's: nothing, a part of it, all of it, and more. */
static void test_copy(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 5, 1 << 20, (1 << 20) + 1, 3 * 1024 * 1024 + 7};
    failure why = {""};
    char from[FILE_PATH], to[FILE_PATH];
    size_t most = lengths[4];
    unsigned char *bytes = memory_take(most);
    for (size_t i = 0; i < most; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    assert_int_equal(file_join(folder, "original", from, &why), STATUS_OK);
    assert_int_equal(file_join(folder, "copy", to, &why), STATUS_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(file_write_whole(from, bytes, lengths[i], &why), STATUS_OK);
        assert_int_equal(file_copy(from, to, &why), STATUS_OK);
        assert_holds(to, bytes, lengths[i]);
    }
    assert_false(file_exists(fixture_path(folder, "copy.partial")));
    assert_int_equal(file_copy(fixture_path(folder, "absent"), to, &why), STATUS_NO_INPUT);
    assert_says(&why, "/absent: cannot read: No such file");
    assert_int_equal(file_copy(folder, to, &why), STATUS_NO_INPUT);
    assert_int_equal(file_copy(from, "/dev/full", &why), STATUS_CANNOT_WRITE);
    assert_int_equal(file_copy(from, fixture_path(folder, "no/copy"), &why), STATUS_CANNOT_WRITE);
    assert_says(&why, "/no/copy: cannot write: No such file");
    assert_holds(to, bytes, most); /* what failed left it alone */
    memory_free(bytes);
}

/* Another file system, of 256 KiB, takes no hard links of this one. */
static void test_link_copies(void **state)
{
    (void)state;
    failure why = {""};
    char small[FILE_PATH], from[FILE_PATH], to[FILE_PATH], got[8] = "";
    static const char large[300000];
    assert_int_equal(file_join(folder, "elsewhere", small, &why), STATUS_OK);
    assert_int_equal(file_join(folder, "linked", from, &why), STATUS_OK);
    assert_int_equal(file_join(small, "linked", to, &why), STATUS_OK);
    assert_int_equal(mkdir(small, 0777), 0);
    if (mount("tmpfs", small, "tmpfs", 0, "size=256k")) skip(); /* needs root's rights */
    status wrote = file_write_whole(from, "short", 5, &why);
    status copied = file_link(from, to, &why);
    status wrote_more = file_write_whole(from, large, sizeof large, &why);
    status refused = file_link(from, to, &why);
    int left = file_exists(fixture_path(small, "linked.partial"));
    FILE *file = fopen(to, "re");
    size_t length = file ? fread(got, 1, sizeof got, file) : 0;
    if (file) fclose(file);
    assert_int_equal(umount(small), 0); /* before anything that can fail the test */
    assert_true(!wrote && !copied && !wrote_more && !left);
    assert_int_equal(refused, STATUS_CANNOT_WRITE);
    assert_says(&why, "No space left on device: free some space");
    assert_int_equal(length, 5);
    assert_memory_equal(got, "short", 5);
}

static void test_lines(void **state)
{
    (void)state;
    static const char text[] = "abc\n\na\0b\nabcdef\ntorn";
    static const char *const held[] = {"abc", "", "a", "abc"};
    static const size_t lengths[] = {3, 0, 3, 6};
    failure why = {""};
    FILE *file;
    char line[4];
    size_t length;
    const char *path = fixture_path(folder, "lines");
    assert_int_equal(file_write_whole(path, text, sizeof text - 1, &why), STATUS_OK);
    assert_int_equal(file_open(path, &file, &why), STATUS_OK);
    for (int i = 0; i < 4; i++) {
        assert_true(file_next_line(file, line, sizeof line, &length));
        assert_int_equal(length, lengths[i]);
        assert_string_equal(line, held[i]);
    }
    assert_false(file_next_line(file, line, sizeof line, &length));
    assert_false(file_next_line(file, line, sizeof line, &length));
    assert_false(ferror(file));
    fclose(file);
    assert_int_equal(file_open(fixture_path(folder, "absent"), &file, &why), STATUS_NO_INPUT);
    assert_null(file);
}

static void test_read_refuses(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t length;
    failure why = {""};
    const char *path = fixture_path(folder, "ten");
    assert_int_equal(file_write_whole(path, "0123456789", 10, &why), STATUS_OK);
    assert_int_equal(file_read_whole(path, 10, &bytes, &length, &why), STATUS_OK);
    memory_free(bytes);
    assert_int_equal(file_read_whole(path, 9, &bytes, &length, &why), STATUS_BAD_DATA);
    assert_says(&why, "10 bytes, at most 9");
    assert_null(bytes);
    assert_int_equal(file_read_whole(fixture_path(folder, "absent"), 9, &bytes, &length, &why),
                     STATUS_NO_INPUT);
    assert_says(&why, "No such file or directory: check the path");
    assert_int_equal(file_read_whole(folder, 9, &bytes, &length, &why), STATUS_NO_INPUT);
    assert_says(&why, "Is a directory");
    assert_int_equal(mkfifo(fixture_path(folder, "fifo"), 0600), 0);
    assert_int_equal(file_read_whole(fixture_path(folder, "fifo"), 9, &bytes, &length, &why),
                     STATUS_NO_INPUT);
    assert_says(&why, "no regular file");
}

/* A rename onto a device would replace it. */
static void test_devices_stay(void **state)
{
    (void)state;
    struct stat about;
    failure why = {""};
    assert_int_equal(file_write_whole("/dev/full", "x", 1, &why), STATUS_CANNOT_WRITE);
    assert_says(&why, "no regular file");
    assert_int_equal(stat("/dev/full", &about), 0);
    assert_true(S_ISCHR(about.st_mode));
}

/* On a file system of 256 KiB: the old checkpoint survives, and nothing of the new one is left. */
static void test_full_disk(void **state)
{
    (void)state;
    failure why = {""};
    arena memory = {0};
    char small[FILE_PATH];
    assert_int_equal(file_join(folder, "small", small, &why), STATUS_OK);
    assert_int_equal(mkdir(small, 0777), 0);
    if (mount("tmpfs", small, "tmpfs", 0, "size=256k")) skip(); /* needs root's rights */
    status wrote = checkpoint_write(small, CHECKPOINT_LAST, fixture_small(&memory), NULL, NULL,
                                    &why);
    status refused = checkpoint_write(small, CHECKPOINT_LAST, fixture_cnn(&memory), NULL, NULL,
                                      &why);
    int left = file_exists(fixture_path(small, "next.weights.h5")) +
               file_exists(fixture_path(small, "next.weights.h5.partial")) +
               file_exists(fixture_path(small, "prev.weights.h5"));
    checkpoint_file *file = NULL;
    status opened = checkpoint_open(fixture_path(small, "last.weights.h5"), &file, NULL);
    checkpoint_close(file);
    assert_int_equal(umount(small), 0); /* before anything that can fail the test */
    assert_int_equal(wrote, STATUS_OK);
    assert_int_equal(refused, STATUS_CANNOT_WRITE);
    assert_says(&why, "No space left on device: free some space");
    assert_int_equal(left, 0);
    assert_int_equal(opened, STATUS_OK);
    arena_free(&memory);
}

static void test_read_only_folder(void **state)
{
    (void)state;
    failure why = {""};
    const char *path = fixture_path(folder, "locked");
    if (geteuid() == 0) skip(); /* root may write anywhere */
    assert_int_equal(mkdir(path, 0555), 0);
    assert_int_equal(file_make_folder(path, &why), STATUS_CANNOT_WRITE);
    assert_says(&why, "cannot write into this folder: Permission denied: check the owner");
    assert_int_equal(file_write_whole(fixture_path(path, "x"), "x", 1, &why), STATUS_CANNOT_WRITE);
    assert_says(&why, "Permission denied");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_make_folder),
        cmocka_unit_test(test_what_is_there),
        cmocka_unit_test(test_a_file_in_place_of_a_folder),
        cmocka_unit_test(test_make_numbered),
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_write_shared),
        cmocka_unit_test(test_read_refuses),
        cmocka_unit_test(test_devices_stay),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_read_only_folder),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_link_copies),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
