/* reference/gelu.c */
#include "reference/gelu.h"

#include <math.h>

static double cumulative(double x)
{
    return 0.5 * erfc(-x * sqrt(0.5));
}

double gelu_ref(double x)
{
    return x * cumulative(x);
}

double gelu_ref_derivative(double x)
{
    return cumulative(x) + x * exp(-0.5 * x * x) / sqrt(2 * acos(-1.0));
}
