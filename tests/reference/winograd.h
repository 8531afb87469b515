/* winograd.h - F(5x5, 3x3) of one sample in double (Lavin and Gray, CVPR 2016), and a bound for its rounding errors.
 *
 *   y = A' [ sum_c (G w G') .* (B' x B) ] A     tiles of 7 x 7 pixels, 5 x 5 sums
 *   points 0, 1, -1, 2, -2, 1/2, infinity; B' = E P, where P applies the factor z - 1/2 of the polynomials first
 *
 * The magnitudes are the same expression with absolute values everywhere: |A'| [ sum_c (|G||w||G'|) .* (|E||P| |x| |P'||E'|) ]
 * |A|. A result whose terms are each rounded at most k times has an error of at most gamma_k = k u / (1 - k u) times its
 * magnitude (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., lemma 3.1 and eq. 3.5; for Winograd's products
 * Barabasz et al., ACM TOMS 46:4, 2020, theorem 1); the k of factors and of stages are added. The roundings of a term in
 * src/kernel/isa/winograd.c, products and sums counted apart, as they are rounded without fused multiply-adds:
 *   G w G'    each way 4: the coefficient, its product, two sums                      8
 *   B' x B    each way 4: P, the product with 5, two sums                             8
 *   sum_c     C terms: a product and C - 1 sums                                       C
 *   A' m A    each way 4: (m1 + m2) + m6, two sums (products with powers of 2)        8
 * Together WINOGRAD_ROUNDINGS + C, of which 1 is for the terms of higher order, k^2 u^2: below half a rounding for k < 2^11.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_WINOGRAD_H
#define MNIST_DIST_TESTS_REFERENCE_WINOGRAD_H

#include "reference/conv2d.h"

enum { WINOGRAD_ROUNDINGS = 25 };
typedef enum winograd_side { WINOGRAD_VALUES, WINOGRAD_MAGNITUDES } winograd_side;

/* As conv2d_ref_forward (3 x 3, stride 1, no padding); only the y of whole tiles is written. WINOGRAD_MAGNITUDES: x, w and b
 * must be absolute values. */
void winograd_ref_forward(const conv2d_ref *s, winograd_side side, const double *x, const double *w,
                          const double *b, double *y);

#endif
