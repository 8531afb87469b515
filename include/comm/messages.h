/* messages.h - the messages of a step on any layout, without starting a rank.            room: comm
 *
 * An exchange is planned from the layout, the slab and the number of leaves. So the messages of a step are known for any
 * layout, also for one that is not there. What is listed here is what exchange.h sends: the same plan.
 *
 * Memory: scratch, freed before return.   Threads: any.   Collective: no.   Errors: CHECK, as exchange_open.
 * Test: tests/mpi/comm_exchange.c (the bytes that ranks sent), tests/unit/comm_messages.c
 */
#ifndef MNIST_DIST_COMM_MESSAGES_H
#define MNIST_DIST_COMM_MESSAGES_H

#include "comm/exchange.h"

enum { MESSAGE_PARAMETERS = -1, MESSAGE_LATE = -3 };

typedef struct message {
    int from, to; /* ranks */
    /* The bucket whose partial sums it carries; MESSAGE_PARAMETERS: updated parameters, which move after the vote and the
     * update of the step; MESSAGE_LATE: those that may move on in the next step (exchange_publish_first) */
    int bucket;
    /* From 0. A rank sends its messages of a round after all that it receives in the earlier rounds of the same bucket are
     * here; messages of one round do not wait for each other. Buckets do not wait for each other; MESSAGE_PARAMETERS and
     * MESSAGE_LATE count as buckets of their own. */
    int round;
    size_t bytes; /* at least 1 */
} message;

typedef void (*messages_visit)(void *context, const message *m);

/* Visits every message that `rank` sends or receives in a step over `leaves` leaves, on groups of the ranks [group_start[g],
 * group_start[g + 1]), g < groups: by buckets in order, MESSAGE_LATE and MESSAGE_PARAMETERS last, and in each by rounds.
 * cfg: as for exchange_open, mode EXCHANGE_TREE (CHECK); cfg->add is not used. */
void messages_list(const exchange_cfg *cfg, const int *group_start, int groups, int leaves,
                   int rank, messages_visit visit, void *context);

/* slice: [buckets * ranks]; slice[b * ranks + r] receives rank r's slice of bucket b, as exchange_rank_slice has it. */
void messages_slices(const exchange_cfg *cfg, int ranks, span *slice);

#endif
