/* layer/row.h - shorthand for the rows of layer/kind.h.                               room: layer (private) */
#ifndef MNIST_DIST_LAYER_ROW_H
#define MNIST_DIST_LAYER_ROW_H

#include "layer/kind.h"

/* clang-format off */

enum { OPERAND_MOST = 1 << 20 }; /* of whole numbers */

/* A whole number from 1 on that must be given. */
#define OPERAND_COUNT(member, form_word, long_name) \
    {.sort = OPERAND_WHOLE, .field = LAYER_FIELD(member), .form = form_word, .name = long_name, \
     .least = 1, .most = OPERAND_MOST}
#define OPERAND_UNITS OPERAND_COUNT(units, "UNITS", "number of units")

/* otherwise_is: `.otherwise = 1` or `.like = LAYER_FIELD(size)` */
#define OPERAND_STRIDE(otherwise_is) \
    {.sort = OPERAND_WHOLE, .field = LAYER_FIELD(stride), .form = "N", .name = "stride", \
     .word = "stride", .least = 1, .most = OPERAND_MOST, .optional = 1, otherwise_is}
#define OPERAND_SAME \
    {.sort = OPERAND_FLAG, .field = LAYER_FIELD(pad), .word = "same", .opposite = "valid"}
#define OPERAND_ACT {.sort = OPERAND_ACTIVATION, .form = "ACTIVATION"}
/* An activation inside the layer, behind a word; otherwise_is: what it is where it is not given. */
#define OPERAND_INSIDE(member, word_before, long_name, otherwise_is) \
    {.sort = OPERAND_FUNCTION, .field = LAYER_FIELD(member), .form = "FUNCTION", \
     .name = long_name, .word = word_before, .otherwise = otherwise_is}
#define OPERANDS_END {.sort = OPERAND_END}

#define KERAS_FIELD(key_text, sort_of, member) \
    {.key = key_text, .sort = sort_of, .field = LAYER_FIELD(member)}
#define KERAS_ACT {.key = "activation", .sort = KERAS_ACTIVATION}
#define KERAS_TEXT(key_text, text_is) {.key = key_text, .sort = KERAS_FIXED_TEXT, .text = text_is}
#define KERAS_END {.key = NULL}

/* The three fields of a window; size_key: "kernel_size" or "pool_size". */
#define KERAS_WINDOW(size_key) \
    KERAS_FIELD(size_key, KERAS_PAIR, size), \
    KERAS_FIELD("strides", KERAS_PAIR, stride), \
    KERAS_FIELD("padding", KERAS_PADDING, pad)

/* clang-format on */

/* The plan of a layer whose output has the input's shape, and that has nothing else to set. */
static inline status keep_shape(layer *l, failure *why)
{
    (void)why;
    l->out = l->in;
    return STATUS_OK;
}

#endif
