/* base/range.c - how workers share a range of numbers. */
#include "base/range.h"

#include <stdint.h>

#include "base/error.h"

range range_part(range whole, int part, int parts)
{
    int64_t n = whole.hi - whole.lo;
    CHECK(part >= 0 && part < parts, "part %d of %d", part, parts);
    return (range){whole.lo + (int)(n * part / parts), whole.lo + (int)(n * (part + 1) / parts)};
}

range range_share(int n, int part, int parts)
{
    return range_part((range){0, n}, part, parts);
}
