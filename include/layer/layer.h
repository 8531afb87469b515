/* layer.h - a link of the user's chain: shapes, parameters, initial values.           room: layer
 *
 * A layer is what the user wrote and what Keras knows: it has a name, an input and an output shape, and tensors. Its kind is
 * a row (kind.h). What runs is a stage (stage.h); one stage may do the work of several layers.
 *
 * Recurrent layers read an image row by row, T = H steps of D = W C inputs, or a sequence [T,D].
 * Padding `same` puts max((ceil(H/S)-1) S + K - H, 0) rows of padding around the image, the smaller half on top (as
 * TensorFlow does).
 * Threads: any on different layers.   Collective: no.   Memory: none.   Test: tests/unit/model_spec.c, layer_initialise.c
 */
#ifndef MNIST_DIST_LAYER_LAYER_H
#define MNIST_DIST_LAYER_LAYER_H

#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/shape.h"
#include "kernel/gemm.h"

typedef struct layer_type layer_type; /* kind.h */

typedef enum padding { PADDING_VALID, PADDING_SAME } padding;
typedef enum layer_returns { RETURNS_LAST, RETURNS_SEQUENCE } layer_returns;
typedef enum layer_direction { DIRECTION_FORWARD, DIRECTION_BACKWARD } layer_direction;
typedef enum layer_reset { RESET_AFTER, RESET_BEFORE } layer_reset;

/* What the user wrote of a layer. Members that the kind has no operand for are 0. */
typedef struct layer_cfg {
    const layer_type *type;
    double slope;              /* of leaky ReLU below 0                                     */
    double rate;               /* share of the elements that dropout sets to 0              */
    double stddev;             /* of gaussian_noise                                         */
    double scale, offset;      /* of rescaling                                              */
    int units;                 /* filters of conv2d, units of dense and recurrent layers    */
    int size;                  /* side of the square kernel or window, in pixels            */
    int stride;                /* in pixels                                                 */
    padding pad;               /* of conv2d and pooling                                     */
    activation act;            /* after the layer; an activation layer's own is in its type */
    layer_returns returns;     /* of recurrent layers                                       */
    layer_direction direction; /* of recurrent layers: the last step is read first      */
    layer_reset reset;         /* of gru: the state is reset before or after its product */
    activation state_act;      /* of recurrent layers: of state and candidate; NONE: linear  */
    activation gate_act;       /* of lstm and gru: of the gates; NONE: linear                */
} layer_cfg;

typedef struct layer_tensor layer_tensor;

/* Writes all initial values of a tensor, [t->at.length], in its own layout. key: seed, stream and tensor number. */
typedef void layer_init(const layer_tensor *t, rng_key key, float *values);

struct layer_tensor {
    const char *name; /* as Keras has it: "kernel", "recurrent_kernel", "bias" */
    shape shape;
    span at; /* in the slab of parameters; set by the model */
    layer_init *init;
};

enum { LAYER_MAX_TENSORS = 3 };

typedef struct layer {
    layer_cfg cfg;
    char name[48]; /* as Keras numbers them: conv2d, conv2d_1, ...; set by the model        */
    int number;    /* in the chain, from 0; set by the model: part of dropout's random key  */
    shape in, out; /* of one sample                                                         */
    /* rows and columns of padding before the image */
    int pad_top, pad_left;
    int tensors;
    layer_tensor tensor[LAYER_MAX_TENSORS];
    double macs; /* multiply-adds of the forward pass, per sample */
    /* Those of them whose input is the layer's own state: their gradient is needed in a first layer too. */
    double state_macs;
} layer;

/* Sets everything except name, number and spans from cfg and in. STATUS_USAGE where the layer does not fit
 * its input (an image where a vector is needed, a window larger than the image) or has too many values. */
status layer_plan(layer *l, failure *why);

/* The initial values of the layer's tensors into the slab. first_tensor: number of the layer's first tensor in the model,
 * part of the random numbers' key. */
void layer_initialise(const layer *l, uint64_t seed, int first_tensor, float *parameters);

#endif
