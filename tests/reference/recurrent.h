/* recurrent.h - simple_rnn, lstm and gru in double, and their gradients through time; s = gate_act, t = state_act.
 *
 *   simple_rnn  h = t(x W + b + h U)
 *   lstm        i, f, o = s(x W + b + h U), g = t(same), columns i f g o;  c = f c + i g,  h = o t(c)
 *   gru         columns z r n;  z, r = s(x W + b_0 + h U + b_1),  n = t(x W + b_0 + r (h U + b_1)),  h = z h + (1 - z) n
 *   reset_before (of gru)  columns z r n;  z, r = s(x W + b + h U),  n = t(x W + b + (r h) U),  h = z h + (1 - z) n
 * Shapes   x, dx [N,T,D]; w, dw [D,GU]; u, du [U,GU]; b, db [GU] (gru [2,GU]); y, dy [N,U], or [N,T,U] as a sequence.
 * Backwards: the steps of x are read from the last to the first; y has them in the order in which they are read.
 * All results are overwritten. The order of the sums is not that of the layers under test.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_RECURRENT_H
#define MNIST_DIST_TESTS_REFERENCE_RECURRENT_H

#include "layer/layer.h"

typedef enum recurrent_ref_cell {
    REF_SIMPLE_RNN,
    REF_LSTM,
    REF_GRU,
    REF_GRU_RESET
} recurrent_ref_cell;

typedef struct recurrent_ref {
    recurrent_ref_cell cell;
    int samples, steps, inputs, units;
    layer_returns returns;
    layer_direction direction;
    activation state_act, gate_act;
} recurrent_ref;

/* The last members of a recurrent_ref: forward in time, with Keras' activations. */
#define REF_USUAL DIRECTION_FORWARD, ACTIVATION_TANH, ACTIVATION_SIGMOID

typedef struct recurrent_tensors {
    double *w, *u, *b;
} recurrent_tensors;

void recurrent_ref_forward(const recurrent_ref *s, const recurrent_tensors *p, const double *x,
                           double *y);
void recurrent_ref_backward(const recurrent_ref *s, const recurrent_tensors *p, const double *x,
                            const double *dy, double *dx, const recurrent_tensors *gradient);

/* Numbers in b, and in y. */
int recurrent_ref_biases(const recurrent_ref *s);
int recurrent_ref_outputs(const recurrent_ref *s);

#endif
