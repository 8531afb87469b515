/* softmax.h - softmax cross-entropy of one sample in double, with libm.
 *
 *   p = exp(z - max z) / sum exp(z - max z),   loss = log sum exp(z - max z) + max z - z[label], dz = p - onehot(label)
 * softmax_smooth_ref: the same for the target t = (1 - a) onehot(label) + a / classes, a = smoothing:
 *   loss = - sum_c t_c log p_c,   dz = p - t
 * Shapes   z, p, dz [classes]; p and dz are overwritten.   Returns the loss.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_SOFTMAX_H
#define MNIST_DIST_TESTS_REFERENCE_SOFTMAX_H

double softmax_ref(int classes, const double *z, int label, double *p, double *dz);
double softmax_smooth_ref(int classes, const double *z, int label, double smoothing, double *p,
                          double *dz);

#endif
