/* gelu.h - gelu and its derivative in double, with libm.
 *
 *   x F(x), F(x) = erfc(-x / sqrt 2) / 2 (Hendrycks and Gimpel, arXiv 1606.08415); F(x) + x e^(-x^2/2) / sqrt(2 pi)
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_GELU_H
#define MNIST_DIST_TESTS_REFERENCE_GELU_H

double gelu_ref(double x);
double gelu_ref_derivative(double x);

#endif
