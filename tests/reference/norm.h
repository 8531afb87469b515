/* norm.h - layer normalisation of rows in double, and its gradients.
 *
 *   y = gamma n + beta,  n = (x - mean) / sqrt(variance + epsilon), both over the row (Ba, Kiros, Hinton, arXiv 1607.06450)
 *   backward: the chain rule through mean and variance, term by term, where the kernel has a shorter formula
 * Shapes   x, y, dy, dx [rows, length]; gamma, beta and their gradients [length]. All results are overwritten.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_NORM_H
#define MNIST_DIST_TESTS_REFERENCE_NORM_H

typedef struct norm_ref {
    int rows, length;
    double epsilon;
} norm_ref;

void norm_ref_forward(const norm_ref *n, const double *x, const double *gamma, const double *beta,
                      double *y);
void norm_ref_backward(const norm_ref *n, const double *x, const double *gamma, const double *dy,
                       double *dx, double *dgamma, double *dbeta);

#endif
