/* messages_board.h - the messages of comm_allgather on any layout, without starting a rank.   room: comm
 *
 * The first ranks of the groups exchange what their groups wrote on the board, in about log4(groups) rounds, in each of which
 * a rank sends to up to three others. What lies around the last group takes two messages.
 *
 * Memory: none.   Threads: any.   Collective: no.   Errors: none.   Test: tests/unit/comm_messages_board.c
 */
#ifndef MNIST_DIST_COMM_MESSAGES_BOARD_H
#define MNIST_DIST_COMM_MESSAGES_BOARD_H

#include "comm/messages.h"

enum { MESSAGE_BOARD = -2 }; /* message.bucket of these messages */

/* Visits every message that `rank` sends or receives when all ranks call comm_allgather with `bytes` bytes each, by rounds, on
 * groups as those of messages_list. */
void messages_of_allgather(const int *group_start, int groups, size_t bytes, int rank,
                           messages_visit visit, void *context);

#endif
