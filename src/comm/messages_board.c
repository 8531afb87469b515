/* comm/messages_board.c - lists the messages that collective.c lets the first ranks of groups send. */
#include "comm/messages_board.h"

#include "board.h"
#include "turns.h"

/* The messages of one direction in a turn: one for each piece. */
static void show(const int *group_start, const turn_parts *parts, size_t stride, message m,
                 messages_visit visit, void *context)
{
    for (int i = 0; i < TURN_PIECES; i++) {
        range piece = parts->piece[i];
        m.bytes = (size_t)(group_start[piece.hi] - group_start[piece.lo]) * stride;
        if (m.bytes) visit(context, &m);
    }
}

void messages_of_allgather(const int *group_start, int groups, size_t bytes, int rank,
                           messages_visit visit, void *context)
{
    const size_t stride = board_stride(bytes);
    int own = 0;
    turn t[TURN_WAYS];
    while (own < groups && group_start[own] != rank) own++;
    if (own == groups) return; /* not the first rank of a group */
    for (int k = 0, ways; (ways = turns_find(groups, own, k, t)) > 0; k++)
        for (int i = 0; i < ways; i++) {
            message out = {rank, group_start[t[i].to], MESSAGE_BOARD, k, 0},
                    in = {group_start[t[i].from], rank, MESSAGE_BOARD, k, 0};
            show(group_start, &t[i].sent, stride, out, visit, context);
            show(group_start, &t[i].received, stride, in, visit, context);
        }
}
