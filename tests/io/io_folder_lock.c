/* One process holds a folder; the second learns which; the lock ends with its process, and a copy by hard links is free. */
#include "io/folder_lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/one_folder.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

/* A process that has taken the lock, and waits to be killed. */
static pid_t start_holder(void)
{
    int pipe_ends[2];
    char ready;
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        folder_lock lock;
        failure why, remark;
        if (folder_lock_take(folder, &lock, &remark, &why)) _exit(1);
        if (write(pipe_ends[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_true(child > 0);
    close(pipe_ends[1]);
    assert_int_equal(read(pipe_ends[0], &ready, 1), 1);
    close(pipe_ends[0]);
    return child;
}

static void end_holder(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_the_second_is_told(void **state)
{
    (void)state;
    folder_lock lock;
    failure why = {""}, remark = {""};
    char words[512], host[128];
    gethostname(host, sizeof host);
    for (int i = 0; i < 3; i++) { /* the file of a killed process stays, and names the next one */
        pid_t holder = start_holder();
        assert_int_equal(folder_lock_take(folder, &lock, &remark, &why), STATUS_CANNOT_WRITE);
        snprintf(words, sizeof words, "%s: in use by process %ld on host %s: wait until", folder,
                 (long)holder, host);
        if (strncmp(why.text, words, strlen(words)) != 0) fail_msg("%s", why.text);
        assert_int_equal(lock.descriptor, 0);
        end_holder(holder);
    }
    assert_int_equal(folder_lock_take(folder, &lock, &remark, &why), STATUS_OK);
    assert_true(lock.descriptor > 0 && file_exists(lock.path));
    folder_lock_release(&lock);
    assert_false(file_exists(lock.path));
    folder_lock_release(&lock); /* does nothing */
    assert_string_equal(remark.text, "");
}

/* `cp -al` of a folder in which a process works. */
static void test_a_copy_is_free(void **state)
{
    (void)state;
    char copy[FILE_PATH], linked[FILE_PATH];
    struct stat about;
    folder_lock lock;
    failure why = {""}, remark = {""};
    pid_t holder = start_holder();
    assert_int_equal(stat(folder, &about), 0);
    snprintf(copy, sizeof copy, "%s", fixture_path(folder, "copy"));
    assert_int_equal(mkdir(copy, 0777), 0);
    snprintf(linked, sizeof linked, ".lock-%llu", (unsigned long long)about.st_ino);
    char from[FILE_PATH];
    snprintf(from, sizeof from, "%s", fixture_path(folder, linked));
    assert_int_equal(link(from, fixture_path(copy, linked)), 0);
    assert_int_equal(folder_lock_take(copy, &lock, &remark, &why), STATUS_OK);
    folder_lock_release(&lock);
    assert_int_equal(folder_lock_take(folder, &lock, &remark, &why), STATUS_CANNOT_WRITE);
    end_holder(holder);
}

/* A link or a pipe at the lock's name: not followed, not waited for. */
static void test_no_link_is_followed(void **state)
{
    (void)state;
    char name[64], path[FILE_PATH];
    struct stat about;
    folder_lock lock;
    failure why = {""}, remark = {""};
    assert_int_equal(mkdir(fixture_path(folder, "linked"), 0777), 0);
    snprintf(path, sizeof path, "%s", fixture_path(folder, "linked"));
    assert_int_equal(stat(path, &about), 0);
    snprintf(name, sizeof name, "linked/.lock-%llu", (unsigned long long)about.st_ino);
    assert_int_equal(symlink("elsewhere", fixture_path(folder, name)), 0);
    assert_int_equal(folder_lock_take(path, &lock, &remark, &why), STATUS_CANNOT_WRITE);
    assert_false(file_exists(fixture_path(folder, "linked/elsewhere")));
    unlink(fixture_path(folder, name));
    assert_int_equal(mkfifo(fixture_path(folder, name), 0600), 0);
    assert_int_equal(folder_lock_take(path, &lock, &remark, &why), STATUS_CANNOT_WRITE);
    assert_non_null(strstr(why.text, "is no regular file: remove it"));
    assert_int_equal(folder_lock_take(fixture_path(folder, "absent"), &lock, &remark, &why),
                     STATUS_CANNOT_WRITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_second_is_told),
        cmocka_unit_test(test_a_copy_is_free),
        cmocka_unit_test(test_no_link_is_followed),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
