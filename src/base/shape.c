/* base/shape.c - dimensions of one sample. */
#include "base/shape.h"

#include <limits.h>
#include <stdio.h>

#include "base/error.h"

shape shape_vector(int length)
{
    return (shape){.rank = 1, .dim = {length}};
}

shape shape_image(int height, int width, int channels)
{
    return (shape){.rank = 3, .dim = {height, width, channels}};
}

size_t shape_length(shape s)
{
    size_t length = 1;
    for (int i = 0; i < s.rank; i++) {
        CHECK(s.dim[i] >= 1, "dimension %d is %d", i, s.dim[i]);
        CHECK(length <= INT_MAX / (size_t)s.dim[i], "%s overflows", shape_text(s).text);
        length *= (size_t)s.dim[i];
    }
    return length;
}

int shape_equal(shape a, shape b)
{
    if (a.rank != b.rank) return 0;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i]) return 0;
    return 1;
}

shape_name shape_text(shape s)
{
    shape_name name;
    size_t used = 0;
    if (s.rank == 0) name.text[used++] = '('; /* a scalar: "()" */
    for (int i = 0; i < s.rank && used < sizeof name.text; i++)
        used += (size_t)snprintf(name.text + used, sizeof name.text - used, "%s%d", i ? ", " : "(",
                                 s.dim[i]);
    if (used < sizeof name.text)
        snprintf(name.text + used, sizeof name.text - used, s.rank == 1 ? ",)" : ")");
    return name;
}

shape_name shape_place(shape s, size_t index)
{
    shape_name name = {"["};
    size_t used = 1, stride = shape_length(s);
    for (int i = 0; i < s.rank && used < sizeof name.text; i++) {
        stride /= (size_t)s.dim[i];
        used += (size_t)snprintf(name.text + used, sizeof name.text - used, "%s%zu", i ? ", " : "",
                                 index / stride % (size_t)s.dim[i]);
    }
    if (used < sizeof name.text) snprintf(name.text + used, sizeof name.text - used, "]");
    return name;
}
