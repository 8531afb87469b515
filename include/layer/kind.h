/* kind.h - a kind of layer as one row: its words, operands, shapes, stages, and what Keras calls it.   room: layer
 *
 * How to add a layer (maxpool.c and layer_norm.c are short examples):
 *   1. src/layer/NAME.c      a `const layer_type layer_NAME`, and the stages that run it (stage.h); shorthand in row.h
 *   2. src/layer/kinds.c     NAME in the list
 *   3. layer_cfg (layer.h)   a new member, only where no present one has the operand's meaning
 *   4. tests/layer_rows.def, tests/reference/layer_twin.c, tests/interop/models.py, tools/export_onnx.py
 *                            a row in each; unit/layer_kinds, ref/model_kinds and interop/layer_parity fail without
 *   5. tools/mnist_dist_tools/network.py, docs/models.md
 *                            a row in each; tools/package and e2e/readme fail without
 * An activation needs more places: docs/contributing.md, "An activation".
 * Everything else loops over the rows: the spec's parser and its failures, the canonical spec, the plan with its fusion, the
 * names, Keras' configuration, the checkpoint, the summary, and the tests that these rows feed.
 *
 * There is no batch normalisation: its statistics depend on the other samples of the batch, so a sample's result would
 * depend on more than the sample and the parameters, and on how a batch is laid out over ranks. layer_norm needs no batch.
 *
 * Rows are constants.   Threads: any.   Collective: no.   Memory: none.   Test: tests/unit/layer_kinds.c
 */
#ifndef MNIST_DIST_LAYER_KIND_H
#define MNIST_DIST_LAYER_KIND_H

#include <stddef.h>

#include "layer/layer.h"

typedef enum operand_sort {
    OPERAND_END,      /* after the last operand                                           */
    OPERAND_WHOLE,    /* a whole number, into an int                                      */
    OPERAND_REAL,     /* a number, into a double                                          */
    OPERAND_FLAG,     /* a word: 1 where it is written, else 0, into an int or an enum    */
    OPERAND_FUNCTION, /* a word before it, then `linear` or the word of an activation layer without operands, into an enum */
    OPERAND_ACTIVATION /* an activation layer's word and its operands, into act and theirs */
} operand_sort;

/* What must or may follow the kind's word in a spec, in the order of the array. */
typedef struct layer_operand {
    operand_sort sort;
    /* 1: the number may be left out, and is then the value of the int field `like`, or `otherwise` if like is 0. Without a
     * word before it, it is there if the next word begins with a digit, a sign or a point. A function may always be left out,
     * and is then `otherwise`, a member of the enum activation. */
    int optional;
    double otherwise;
    size_t like;
    size_t field;     /* LAYER_FIELD(member) that receives the number or the flag            */
    const char *form; /* of a number or function: its name in forms, "UNITS"                 */
    const char *name; /* of the same: its name in failures, "number of units"                */
    const char *word; /* of the same: the word before it ("stride"), or NULL. A flag: its word */
    const char *opposite; /* a flag: the word that says 0, or NULL                               */
    double least, most;   /* a number: its bounds, both allowed                                  */
} layer_operand;

#define LAYER_FIELD(member) offsetof(layer_cfg, member) /* never 0: the first member is the type */

static inline int layer_cfg_whole(const layer_cfg *c, size_t field)
{
    return *(const int *)(const void *)((const char *)c + field);
}

static inline double layer_cfg_real(const layer_cfg *c, size_t field)
{
    return *(const double *)(const void *)((const char *)c + field);
}

/* A member of Keras' `config` of the layer. */
typedef enum keras_sort {
    KERAS_WHOLE,      /* field: int                                                        */
    KERAS_PAIR,       /* field: int, twice: [3,3]                                          */
    KERAS_REAL,       /* field: double                                                     */
    KERAS_BOOLEAN,    /* field: int or enum, 0 or 1                                        */
    KERAS_NEGATED,    /* the same, true where it is 0; not given: 1                        */
    KERAS_PADDING,    /* field: padding, as "valid" or "same"                              */
    KERAS_ACTIVATION, /* act, by keras_function, or "linear"                               */
    KERAS_FUNCTION,   /* field: activation, likewise                                       */
    KERAS_AXES,       /* all axes of the input but the last: [1,2]; null of a vector           */
    KERAS_FIXED_TEXT, /* text                                                              */
    KERAS_FIXED_REAL  /* real                                                              */
} keras_sort;

typedef struct keras_field {
    const char *key; /* NULL: after the last field */
    keras_sort sort;
    size_t field; /* LAYER_FIELD(member) */
    const char *text;
    double real;
} keras_field;

/* For a class whose config has nothing but what every layer has. */
#define KERAS_NOTHING ((const keras_field[]){{.key = NULL}})

typedef enum layer_input {
    INPUT_ANY,
    INPUT_VECTOR,  /* [D]            */
    INPUT_IMAGE,   /* [H,W,C]        */
    INPUT_SEQUENCE /* [T,D], or an image, whose rows are the steps */
} layer_input;

struct stage_type;
struct recurrent_cell;

struct layer_type {
    const char *word;              /* in a spec                        */
    const layer_operand *operands; /* ended by OPERAND_END; NULL: none */
    layer_input input;             /* checked before plan is called    */

    /* Sets out and, where the layer has them, pads, tensors (name, shape, init) and macs, from cfg and in. layer_plan checks
     * afterwards that output and tensors are not too large. STATUS_USAGE where the layer does not fit its input. */
    status (*plan)(layer *l, failure *why);

    /* Fastest first, ended by NULL: the first stage that takes the layer runs it (stage_choose). NULL: nothing has to run. */
    const struct stage_type *const *stages;

    /* 1: in evaluation it gives its input. */
    int only_in_training;

    /* An activation layer: what it computes. Other layers then have it as an OPERAND_ACTIVATION. */
    activation act;
    /* A recurrent layer: what its stages need to know of the kind. */
    const struct recurrent_cell *cell;

    /* "MaxPooling2D", and the name of Keras' first layer of that class: "max_pooling2d". */
    const char *keras_class, *keras_stem;
    /* The members of its config; ended by a key NULL, never NULL itself. */
    const keras_field *keras;
    /* The group inside the layer's that has its variables, "cell", or NULL. */
    const char *keras_inner;
    /* An activation layer: Keras' function that computes the same for all operands. NULL: there is none, and the activation
     * of another layer becomes a layer of its own in Keras. */
    const char *keras_function;
};

/* All kinds, in the order in which they are listed to users: NULL past the last. */
const layer_type *layer_kind(int index);

/* The kind of this word, or NULL. */
const layer_type *layer_kind_find(const char *word);

/* The activation layer that computes act, or NULL for ACTIVATION_NONE. */
const layer_type *layer_kind_activation(activation act);

#endif
