/* messages_of_allgather: the first ranks of groups send their parts to each other. */
#include "check.h"

#include "comm/messages_board.h"

enum { MOST = 32 };

static message seen[MOST];
static int count;

static void note(void *context, const message *m)
{
    (void)context;
    assert_true(count < MOST);
    seen[count++] = *m;
}

static void assert_message(message got, int from, int to, size_t bytes)
{
    assert_int_equal(got.from, from);
    assert_int_equal(got.to, to);
    assert_int_equal(got.bucket, MESSAGE_BOARD);
    assert_int_equal(got.bytes, bytes);
}

/* Groups of 2, 1 and 3 ranks; 48 bytes take a line of 64. */
static void leaders_of_three_groups(void **state)
{
    (void)state;
    const int start[] = {0, 2, 3, 6};
    count = 0;
    messages_of_allgather(start, 3, 48, 2, note, NULL);
    assert_int_equal(count, 4);
    assert_message(seen[0], 2, 0, 64);
    assert_message(seen[1], 3, 2, 192);
    assert_message(seen[2], 2, 3, 64);
    assert_message(seen[3], 0, 2, 128);
    for (int i = 0; i < 4; i++) assert_int_equal(seen[i].round, 0);
}

/* Each of them ends with the parts of 511 others; the parts of one round can lie around the last host. */
static void five_rounds_on_512_hosts(void **state)
{
    (void)state;
    int start[513];
    size_t sent = 0, received = 0;
    for (int g = 0; g <= 512; g++) start[g] = g;
    count = 0;
    messages_of_allgather(start, 512, 64, 77, note, NULL);
    assert_in_range(count, 26, 28); /* three messages each way in four rounds, and one */
    assert_int_equal(seen[count - 1].round, 4);
    for (int i = 0; i < count; i++) *(seen[i].from == 77 ? &sent : &received) += seen[i].bytes;
    assert_int_equal(sent, 64 * 511);
    assert_int_equal(received, 64 * 511);
}

static void others_send_nothing(void **state)
{
    (void)state;
    const int start[] = {0, 2, 3, 6}, alone[] = {0, 6};
    count = 0;
    messages_of_allgather(start, 3, 48, 1, note, NULL);
    messages_of_allgather(start, 3, 48, 5, note, NULL);
    messages_of_allgather(alone, 1, 48, 0, note, NULL);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(leaders_of_three_groups),
                                       cmocka_unit_test(five_rounds_on_512_hosts),
                                       cmocka_unit_test(others_send_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
