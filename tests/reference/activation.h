/* activation.h - activations and their derivatives in double, with libm.
 *
 *   relu max(0,x), leaky x or slope x below 0, tanh, sigmoid 1/(1+e^-x), elu x or e^x - 1 below 0. The derivatives take x,
 *   not y.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_ACTIVATION_H
#define MNIST_DIST_TESTS_REFERENCE_ACTIVATION_H

#include "kernel/gemm.h"

double activation_ref(activation act, double slope, double x);
double activation_ref_derivative(activation act, double slope, double x);

#endif
