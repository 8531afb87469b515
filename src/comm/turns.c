/* comm/turns.c - the turns of an allgather. */
#include "turns.h"

static turn_parts parts_from(int groups, int first, int count)
{
    int whole = first + count <= groups ? count : groups - first;
    return (turn_parts){{{first, first + whole}, {0, count - whole}}};
}

int turns_find(int groups, int own, int k, turn *t)
{
    const int step = 1 << k, count = step < groups - step ? step : groups - step;
    if (step >= groups) return 0;
    t->to = (own + groups - step) % groups;
    t->from = (own + step) % groups;
    t->sent = parts_from(groups, own, count);
    t->received = parts_from(groups, t->from, count);
    return 1;
}
