/* reference/activation.c */
#include "reference/activation.h"

#include <math.h>

double activation_ref(activation act, double slope, double x)
{
    switch (act) {
    case ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : slope * x;
    case ACTIVATION_TANH:
        return tanh(x);
    case ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-x));
    case ACTIVATION_ELU:
        return x > 0 ? x : expm1(x);
    case ACTIVATION_HARD_SIGMOID:
        return fmin(fmax(x + 3, 0), 6) / 6;
    case ACTIVATION_NONE:
        break;
    }
    return x;
}

double activation_ref_derivative(activation act, double slope, double x)
{
    switch (act) {
    case ACTIVATION_RELU:
        return x > 0;
    case ACTIVATION_LEAKY_RELU:
        return x > 0 ? 1 : slope;
    case ACTIVATION_TANH:
        return 1 / (cosh(x) * cosh(x));
    case ACTIVATION_SIGMOID:
        return 1 / (2 + 2 * cosh(x));
    case ACTIVATION_ELU:
        return x > 0 ? 1 : exp(x);
    case ACTIVATION_HARD_SIGMOID:
        return x > -3 && x < 3 ? 1.0 / 6 : 0;
    case ACTIVATION_NONE:
        break;
    }
    return 1;
}
