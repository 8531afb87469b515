/* comm/turns.c - the turns of an allgather. */
#include "turns.h"

static turn_parts parts_from(int groups, int first, int count)
{
    int whole = first + count <= groups ? count : groups - first;
    return (turn_parts){{{first, first + whole}, {0, count - whole}}};
}

int turns_find(int groups, int own, int k, turn t[TURN_WAYS])
{
    const int step = 1 << 2 * k;
    int ways = 0;
    for (int far = step; far < groups && ways < TURN_WAYS; far += step, ways++) {
        const int count = step < groups - far ? step : groups - far;
        turn *way = &t[ways];
        way->to = (own + groups - far) % groups;
        way->from = (own + far) % groups;
        way->sent = parts_from(groups, own, count);
        way->received = parts_from(groups, way->from, count);
    }
    return ways;
}
