/* A run goes on with the numerics with which it began: a checkpoint of another number is refused by name, or accepted by the
 * user, and then the run says so for ever. A checkpoint without a number is one of number 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/io/user_block.h"
#include "train_run.h"

#include "io/file.h"
#include "train/numerics.h"

#include <cmocka.h>
#undef fail /* ours is error.h's */

static settings of_epochs(const char *epochs)
{
    settings cfg = train_run_settings();
    train_run_set(&cfg, "epochs", epochs);
    return cfg;
}

static unsigned char *find(unsigned char *bytes, size_t length, const char *words)
{
    size_t size = strlen(words);
    for (size_t i = 0; i + size <= length; i++)
        if (memcmp(bytes + i, words, size) == 0) return bytes + i;
    return NULL;
}

/* Rank 0 writes `words` over the member "numerics" in the checkpoint of a run, and seals the file again. */
static void renumber(const char *name, const char *words)
{
    char path[FILE_PATH], member[32];
    unsigned char *bytes;
    size_t length;
    failure why;
    comm_barrier(train_run_comm());
    if (train_run_layout()->rank == 0) {
        snprintf(path, sizeof path, "%.900s/%s/last.weights.h5", train_run_folder(), name);
        snprintf(member, sizeof member, "\"numerics\":%d,", NUMERICS);
        assert_int_equal(strlen(words), strlen(member));
        assert_int_equal(file_read_whole(path, (size_t)1 << 30, &bytes, &length, &why), STATUS_OK);
        unsigned char *at = find(bytes, length, member);
        assert_non_null(at);
        memcpy(at, words, strlen(words));
        user_block_write(bytes, length);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
        memory_free(bytes);
    }
    comm_barrier(train_run_comm());
}

static void another_number_is_refused_or_accepted(void **state)
{
    (void)state;
    train_result whole, parts;
    failure why = {""};
    assert_int_equal(train_run_once(of_epochs("2"), "whole", NULL, &whole, &why), STATUS_OK);
    assert_int_equal(whole.numerics_before, 0);
    assert_int_equal(train_run_once(of_epochs("1"), "parts", NULL, &parts, &why), STATUS_OK);
    renumber("parts", "\"numerics\":7,");
    settings cfg = of_epochs("2");
    train_run_set(&cfg, "resume", "yes");
    assert_int_equal(train_run_once(cfg, "parts", NULL, &parts, &why), STATUS_USAGE);
    assert_non_null(strstr(why.text, "made with numerics 7, this program computes with numerics"));
    train_run_set(&cfg, "accept-numerics", "yes");
    assert_int_equal(train_run_once(cfg, "parts", NULL, &parts, &why), STATUS_OK);
    assert_int_equal(parts.numerics_before, 7);
    assert_int_equal(parts.numerics_since, parts.step / 2);
    assert_string_equal(parts.parameters_digest, whole.parameters_digest);
    /* later parts need no option, and still say it */
    train_run_set(&cfg, "accept-numerics", "no");
    train_run_set(&cfg, "epochs", "3");
    assert_int_equal(train_run_once(cfg, "parts", NULL, &parts, &why), STATUS_OK);
    assert_int_equal(parts.numerics_before, 7);
}

static void a_checkpoint_without_a_number_goes_on(void **state)
{
    (void)state;
    train_result whole, parts;
    failure why = {""};
    assert_int_equal(NUMERICS_FIRST, 1);
    assert_int_equal(train_run_once(of_epochs("2"), "new", NULL, &whole, &why), STATUS_OK);
    assert_int_equal(train_run_once(of_epochs("1"), "old", NULL, &parts, &why), STATUS_OK);
    renumber("old", "             "); /* blanks: the text of a program before numbers */
    settings cfg = of_epochs("2");
    train_run_set(&cfg, "resume", "yes");
    status code = train_run_once(cfg, "old", NULL, &parts, &why);
    assert_int_equal(code, NUMERICS == 1 ? STATUS_OK : STATUS_USAGE);
    if (NUMERICS == 1) assert_string_equal(parts.parameters_digest, whole.parameters_digest);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_number_is_refused_or_accepted),
        cmocka_unit_test(a_checkpoint_without_a_number_goes_on),
    };
    train_run_begin(&argc, &argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return train_run_end(failed);
}
