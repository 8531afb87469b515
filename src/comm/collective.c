/* comm/collective.c - moving data between all ranks.
 *
 * Small and frequent data goes over the group's BOARD: every rank writes its place on it, the first ranks of the groups
 * exchange what their groups wrote, and all ranks read. Inside a group that costs one or two barriers and no message. The
 * two halves of the board are used in turn: a rank that writes to a half in round k + 2 has passed a barrier of round k + 1,
 * which all ranks enter after their reads of round k, so no rank overwrites what another one still reads. */
#include <string.h>

#include "board.h"
#include "private.h"
#include "turns.h"

enum { TAG_BOARD = 3 };

void comm_barrier(comm *c)
{
    comm_group_barrier(c);
    if (c->layout.groups == 1) return;
    if (c->leaders != MPI_COMM_NULL) {
        MPI_Request request;
        MPI_Ibarrier(c->leaders, &request);
        wire_wait(1, &request);
    }
    comm_group_barrier(c);
}

static int part_bytes(const comm *c, range groups, size_t stride)
{
    return (c->group_start[groups.hi] - c->group_start[groups.lo]) * (int)stride;
}

/* Starts the messages of one direction; returns how many. */
static int post_parts(comm *c, const turn_parts *parts, unsigned char *board, size_t stride,
                      int from, int to, MPI_Request *requests)
{
    int count = 0;
    for (int i = 0; i < TURN_PIECES; i++) {
        int bytes = part_bytes(c, parts->piece[i], stride);
        unsigned char *at = board + (size_t)c->group_start[parts->piece[i].lo] * stride;
        if (bytes == 0) continue;
        if (from == c->layout.group)
            MPI_Isend(at, bytes, MPI_BYTE, to, TAG_BOARD, c->leaders, &requests[count++]);
        else
            MPI_Irecv(at, bytes, MPI_BYTE, from, TAG_BOARD, c->leaders, &requests[count++]);
    }
    return count;
}

/* board: [ranks, stride] bytes. Every group's part goes to all other groups. In Open MPI 4.1, MPI's own allgather that does
 * not block sends from each to each. */
static void leaders_exchange(comm *c, unsigned char *board, size_t stride)
{
    const int own = c->layout.group;
    turn t[TURN_WAYS];
    for (int k = 0, ways; (ways = turns_find(c->layout.groups, own, k, t)) > 0; k++) {
        MPI_Request requests[2 * TURN_PIECES * TURN_WAYS];
        int count = 0;
        for (int i = 0; i < ways; i++) {
            count += post_parts(c, &t[i].received, board, stride, t[i].from, own, requests + count);
            count += post_parts(c, &t[i].sent, board, stride, own, t[i].to, requests + count);
        }
        wire_wait(count, requests);
    }
}

/* Shows `bytes` of every rank to all. Returns the half of the board, [ranks, board_stride(bytes)], which is valid until
 * the call after the next. */
static const unsigned char *board_show(comm *c, const void *own, size_t bytes)
{
    size_t stride = board_stride(bytes), half = (size_t)c->layout.ranks * COMM_ALLGATHER_BYTES;
    unsigned char *board = c->board + (c->boards++ & 1) * half;
    CHECK(bytes <= COMM_ALLGATHER_BYTES, "%zu bytes from a rank, at most %d", bytes,
          COMM_ALLGATHER_BYTES);
    memcpy(board + (size_t)c->layout.rank * stride, own, bytes);
    comm_group_barrier(c);
    if (c->layout.groups == 1) return board;
    if (c->leaders != MPI_COMM_NULL) leaders_exchange(c, board, stride);
    comm_group_barrier(c);
    return board;
}

void comm_broadcast(comm *c, void *data, size_t bytes)
{
    wire_broadcast(c->world, data, bytes);
}

void comm_allgather(comm *c, const void *own, size_t bytes, void *all)
{
    if (bytes == 0) return;
    const unsigned char *board = board_show(c, own, bytes);
    for (size_t r = 0; r < (size_t)c->layout.ranks; r++)
        memcpy((unsigned char *)all + r * bytes, board + r * board_stride(bytes), bytes);
}

static void sum_some(comm *c, int64_t *values, size_t count)
{
    size_t bytes = count * sizeof *values;
    const unsigned char *board = board_show(c, values, bytes);
    memset(values, 0, bytes);
    for (size_t r = 0; r < (size_t)c->layout.ranks; r++)
        for (size_t i = 0; i < count; i++) {
            int64_t value;
            memcpy(&value, board + r * board_stride(bytes) + i * sizeof value, sizeof value);
            values[i] += value;
        }
}

void comm_sum(comm *c, int64_t *values, int count)
{
    const int most = COMM_ALLGATHER_BYTES / (int)sizeof *values;
    CHECK(count >= 0, "%d values", count);
    for (int i = 0; i < count; i += most)
        sum_some(c, values + i, (size_t)(count - i < most ? count - i : most));
}

void comm_gather(comm *c, const void *own, size_t bytes, void *all)
{
    uint64_t size = bytes;
    const unsigned char *sizes = board_show(c, &size, sizeof size);
    if (c->layout.rank != 0) {
        wire_send(c->world, 0, own, bytes);
        return;
    }
    if (bytes) memcpy(all, own, bytes);
    char *at = (char *)all + bytes;
    for (int r = 1; r < c->layout.ranks; r++) {
        memcpy(&size, sizes + (size_t)r * board_stride(sizeof size), sizeof size);
        wire_receive(c->world, r, at, size);
        at += size;
    }
}

status comm_agree(comm *c, status own, failure *why)
{
    return wire_agree(c->world, own, why);
}
