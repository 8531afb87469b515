/* comm/wire.c - messages, and waiting for them without taking the cores from ranks that work. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

enum {
    TAG_BLOCK = 1,
    TAG_NEVER = 32000, /* no message has it: a probe for it only makes MPI move messages */
    BLOCK_BYTES = 1 << 30,
    HOST_TEXT = 65,
    TESTS_CROWDED = 4, /* polls before the first sleep */
    TESTS_ALONE = 50000,
    SLEEP_MIN_NS = 20000,
    SLEEP_MAX_NS = 200000
};

static int sleeps_soon;

void wire_set_patience(int sleeps)
{
    sleeps_soon = sleeps;
}

int wire_sleeps(void)
{
    return sleeps_soon;
}

static void sleep_ns(long ns)
{
    struct timespec pause = {0, ns};
    nanosleep(&pause, NULL);
}

wire_patience wire_patient(void)
{
    return (wire_patience){sleeps_soon ? TESTS_CROWDED : TESTS_ALONE, SLEEP_MIN_NS};
}

void wire_rest(wire_patience *p)
{
    if (p->tests-- > 0) return;
    sleep_ns(p->pause_ns);
    heartbeat_wait();
    p->pause_ns = p->pause_ns * 3 / 2 < SLEEP_MAX_NS ? p->pause_ns * 3 / 2 : SLEEP_MAX_NS;
}

void wire_wait(int count, MPI_Request *requests)
{
    wire_patience p = wire_patient();
    for (int i = 0; i < count;) {
        int done;
        MPI_Test(&requests[i], &done, MPI_STATUS_IGNORE); /* moves the others too */
        if (done)
            i++;
        else
            wire_rest(&p);
    }
}

void wire_poke(MPI_Comm over)
{
    int found;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_NEVER, over, &found, MPI_STATUS_IGNORE);
}

static int block_of(size_t left)
{
    return left < BLOCK_BYTES ? (int)left : BLOCK_BYTES;
}

void wire_send(MPI_Comm over, int to, const void *data, size_t bytes)
{
    const char *at = data;
    for (size_t done = 0; done < bytes; done += (size_t)block_of(bytes - done)) {
        MPI_Request request;
        MPI_Isend(at + done, block_of(bytes - done), MPI_BYTE, to, TAG_BLOCK, over, &request);
        wire_wait(1, &request);
    }
}

void wire_receive(MPI_Comm over, int from, void *data, size_t bytes)
{
    char *at = data;
    for (size_t done = 0; done < bytes; done += (size_t)block_of(bytes - done)) {
        MPI_Request request;
        MPI_Irecv(at + done, block_of(bytes - done), MPI_BYTE, from, TAG_BLOCK, over, &request);
        wire_wait(1, &request);
    }
}

static void broadcast_from(MPI_Comm over, int root, void *data, size_t bytes)
{
    char *at = data;
    for (size_t done = 0; done < bytes; done += (size_t)block_of(bytes - done)) {
        MPI_Request request;
        MPI_Ibcast(at + done, block_of(bytes - done), MPI_BYTE, root, over, &request);
        wire_wait(1, &request);
    }
}

void wire_broadcast(MPI_Comm over, void *data, size_t bytes)
{
    broadcast_from(over, 0, data, bytes);
}

void wire_allgather_int(MPI_Comm over, int own, int *all)
{
    MPI_Request request;
    MPI_Iallgather(&own, 1, MPI_INT, all, 1, MPI_INT, over, &request);
    wire_wait(1, &request);
}

/* The lowest rank whose status is not STATUS_OK; INT_MAX when there is none. */
static int first_failure(MPI_Comm over, int rank, status own)
{
    int mine = own == STATUS_OK ? INT_MAX : rank, first;
    MPI_Request request;
    MPI_Iallreduce(&mine, &first, 1, MPI_INT, MPI_MIN, over, &request);
    wire_wait(1, &request);
    return first;
}

status wire_agree(MPI_Comm over, status own, failure *why)
{
    struct {
        int code;
        char host[HOST_TEXT], text[sizeof why->text];
    } verdict = {.code = own};
    int rank, first;
    MPI_Comm_rank(over, &rank);
    first = first_failure(over, rank, own);
    if (first == INT_MAX) return STATUS_OK;
    if (first == rank) gethostname(verdict.host, sizeof verdict.host - 1);
    if (first == rank && why) memcpy(verdict.text, why->text, sizeof verdict.text);
    broadcast_from(over, first, &verdict, sizeof verdict);
    if (first == 0) return fail(why, (status)verdict.code, "%s", verdict.text);
    return fail(why, (status)verdict.code, "rank %d on %s: %s", first, verdict.host, verdict.text);
}
