/* range.h - ranges of numbers, and how workers share one.                             room: base
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: CHECK where part is not in [0, parts).
 * Test: tests/unit/base_range.c
 */
#ifndef MNIST_DIST_BASE_RANGE_H
#define MNIST_DIST_BASE_RANGE_H

/* The numbers lo, lo + 1, ..., hi - 1: samples, leaves, rows, panels. */
typedef struct range {
    int lo, hi;
} range;

/* Share `part` of `parts` of [0,n): [n part / parts, n (part + 1) / parts). Shares differ by at most 1 in length, lie in
 * order and leave nothing out. */
range range_share(int n, int part, int parts);

/* The same share of [whole.lo, whole.hi). */
range range_part(range whole, int part, int parts);

#endif
