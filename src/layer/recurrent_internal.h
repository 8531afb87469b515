/* layer/recurrent_internal.h - what the files of recurrent layers share.            room: layer (private) */
#ifndef MNIST_DIST_LAYER_RECURRENT_INTERNAL_H
#define MNIST_DIST_LAYER_RECURRENT_INTERNAL_H

#include "layer/stage.h"

/* What distinguishes the kinds; the equations of a step are in kernel/kernels.h. */
typedef struct recurrent_cell {
    int gates; /* G */
    /* 1: a cell state c_t [U] beside h_t. */
    int has_memory;
    /* 1: the products of the state are kept apart from those of the input: a gate multiplies them, or stands between them. */
    int splits_state;
    /* 1: the candidate's product has the state times a gate as its input: a step has two parts, with that product between. */
    int resets_first;
    void (*forward)(const kernels *k, const time_step_args *step);
    void (*backward)(const kernels *k, const time_step_args *step);
    /* The second part; NULL unless resets_first. */
    void (*forward_2)(const kernels *k, const time_step_args *step);
    void (*backward_2)(const kernels *k, const time_step_args *step);
    /* Product and gates of a step in one kernel; NULL: there is none. */
    void (*fused)(const kernels *k, const recurrent_fused *step);
    void (*fused_backward)(const kernels *k, const recurrent_fused *step);
    /* The cell of layers with RESET_BEFORE; NULL: the kind has none. */
    const struct recurrent_cell *reset_before;
} recurrent_cell;

/* See recurrent_fused.c for what it takes. */
extern const stage_type stage_recurrent_fused, stage_recurrent;

static inline const recurrent_cell *recurrent_cell_of(const layer *l)
{
    const recurrent_cell *cell = l->cfg.type->cell;
    return l->cfg.reset == RESET_BEFORE ? cell->reset_before : cell;
}

/* The step of the input that time t reads. */
static inline int recurrent_step_read(const layer *l, int t)
{
    return l->cfg.direction == DIRECTION_BACKWARD ? l->in.dim[0] - 1 - t : t;
}

/* Sizes, all derived from the stage. */
typedef struct geometry {
    const recurrent_cell *cell;
    int steps, inputs, units, cols; /* T, D, U, GU */
    int width, panels, depth;       /* columns of a packed panel; panels of cols; panels * width */
    int terms;  /* of x in a product: D; with bf16 whole blocks of them, those after D are 0 */
    int lead;   /* floats before x, so that h starts on 64 bytes */
    size_t row; /* floats of a row [lead | x | h], x [terms] */
} geometry;

/* What a leaf of `rows` samples keeps. */
typedef struct workspace {
    int rows;
    size_t panel_stride;
    float *z;           /* [T+1, rows, lead + terms + U]  x_t and h_{t-1}                   */
    float *gates;       /* [panels, T rows, width]                                         */
    float *state_gates; /* the same; NULL unless the cell splits the state                 */
    float *candidate;   /* the same; NULL unless the cell resets first                     */
    float *reset;       /* [T rows, U] the candidate's input; likewise                     */
    float *memory;      /* [T+1, rows, U] c_{t-1}; NULL unless the cell has one            */
    float *dh, *carry;  /* [rows, U]                                                       */
    float *patches;     /* [rows, max(D + U, depth)]; NULL unless BLIS multiplies          */
    float *products;    /* [rows, GU]; likewise                                            */
    size_t length;      /* floats of all                                                   */
} workspace;

/* Packed parameters: [W; U] as panels of GU columns, W with `terms` rows; then U' and, where it is wanted, W' with `depth`
 * rows, those after GU zero, since gates are read panel by panel. BLIS has the same as plain matrices. */
typedef struct packed_parts {
    size_t forward, state, input;
} packed_parts;

geometry recurrent_measure(const stage *s);
/* saved NULL: the length alone. */
workspace recurrent_divide(const stage *s, const geometry *g, float *saved, int rows);
packed_parts recurrent_packed_lengths(const stage *s, const geometry *g);

void recurrent_plan(stage *s);
void recurrent_prepare(const stage *s, const float *parameters, float *packed, int part, int parts);

#endif
