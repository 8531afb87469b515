/* bf16.h - the definition of include/kernel/bf16.h, operation by operation, and the same in double.
 *
 *   bf16_ref_round   the rounded operand
 *   bf16_ref_sum     start + the terms a[k] b[k], k < n, in the defined order; a step_a and b step_b floats from term to term
 *   bf16_ref_double  the same sum of the rounded operands in double; *size: the sum of the terms' absolute values
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_BF16_H
#define MNIST_DIST_TESTS_REFERENCE_BF16_H

#include <stddef.h>

typedef struct bf16_terms {
    int n;
    const float *a, *b;
    size_t step_a, step_b;
    float start;
} bf16_terms;

float bf16_ref_round(float x);
float bf16_ref_sum(const bf16_terms *t);
double bf16_ref_double(const bf16_terms *t, double *size);

#endif
