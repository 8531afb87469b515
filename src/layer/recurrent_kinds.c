/* layer/recurrent_kinds.c - simple_rnn, lstm, gru UNITS [sequence] [backwards] [activation FUNCTION], lstm and gru also
 *                           [gates FUNCTION], gru also [reset_before]
 *
 *   [T,D], or an image [H,W,C] as T = H, D = W C, -> [U], or [T,U] with `sequence`
 *   kernel [D,GU], recurrent_kernel [U,GU], bias [GU], of gru without reset_before [2,GU] (of the input and of the state)
 *
 * What runs is in recurrent.c and recurrent_fused.c; the equations of a step are in kernel/kernels.h. */
#include "layer/init.h"
#include "layer/row.h"
#include "layer/recurrent_internal.h"

/* Zeros, and 1 for an lstm's forget gate (Gers et al., Neural Computation 12, 2000). */
static void init_forget_one(const layer_tensor *t, rng_key key, float *values)
{
    size_t units = t->at.length / 4;
    init_zeros(t, key, values);
    for (size_t i = units; i < 2 * units; i++) values[i] = 1;
}

static status plan_with_bias(layer *l, layer_init *bias)
{
    const recurrent_cell *cell = recurrent_cell_of(l);
    int steps = l->in.dim[0], inputs = l->in.dim[1] * (l->in.rank == 3 ? l->in.dim[2] : 1);
    int units = l->cfg.units, cols = cell->gates * units;
    shape sequence = {.rank = 2, .dim = {steps, units}};
    shape kernel = {.rank = 2, .dim = {inputs, cols}},
          recurrent = {.rank = 2, .dim = {units, cols}};
    shape two_biases = {.rank = 2, .dim = {2, cols}};
    l->out = l->cfg.returns == RETURNS_SEQUENCE ? sequence : shape_vector(units);
    l->tensors = 3;
    l->tensor[0] = (layer_tensor){.name = "kernel", .shape = kernel, .init = init_glorot_uniform};
    l->tensor[1] = (layer_tensor){
        .name = "recurrent_kernel", .shape = recurrent, .init = init_orthogonal};
    l->tensor[2] = (layer_tensor){
        .name = "bias",
        .shape = cell->splits_state && !cell->resets_first ? two_biases : shape_vector(cols),
        .init = bias};
    l->state_macs = (double)steps * units * cols;
    l->macs = l->state_macs + (double)steps * inputs * cols;
    return STATUS_OK;
}

static status recurrent_layer_plan(layer *l, failure *why)
{
    (void)why;
    return plan_with_bias(l, init_zeros);
}

static status lstm_layer_plan(layer *l, failure *why)
{
    (void)why;
    return plan_with_bias(l, init_forget_one);
}

static const stage_type *const stages[] = {&stage_recurrent_fused, &stage_recurrent, NULL};

#define FLAG(member, its_word)                                                                     \
    {                                                                                              \
        .sort = OPERAND_FLAG, .field = LAYER_FIELD(member), .word = its_word                       \
    }
#define COMMON                                                                                     \
    OPERAND_UNITS, FLAG(returns, "sequence"), FLAG(direction, "backwards"),                        \
        OPERAND_INSIDE(state_act, "activation", "activation of the state", ACTIVATION_TANH)
#define GATES OPERAND_INSIDE(gate_act, "gates", "activation of the gates", ACTIVATION_SIGMOID)

#define KERAS_COMMON                                                                               \
    KERAS_FIELD("units", KERAS_WHOLE, units),                                                      \
        KERAS_FIELD("return_sequences", KERAS_BOOLEAN, returns),                                   \
        KERAS_FIELD("go_backwards", KERAS_BOOLEAN, direction),                                     \
        KERAS_FIELD("activation", KERAS_FUNCTION, state_act)
#define KERAS_GATES KERAS_FIELD("recurrent_activation", KERAS_FUNCTION, gate_act)

static void simple_rnn_forward(const kernels *k, const time_step_args *step)
{
    k->simple_rnn_forward(step);
}

static void simple_rnn_backward(const kernels *k, const time_step_args *step)
{
    k->simple_rnn_backward(step);
}

static void simple_rnn_fused(const kernels *k, const recurrent_fused *step)
{
    k->simple_rnn_fused(step);
}

static void simple_rnn_fused_backward(const kernels *k, const recurrent_fused *step)
{
    k->simple_rnn_fused_backward(step);
}

static const recurrent_cell simple_rnn_cell = {
    .gates = 1,
    .forward = simple_rnn_forward,
    .backward = simple_rnn_backward,
    .fused = simple_rnn_fused,
    .fused_backward = simple_rnn_fused_backward,
};

const layer_type layer_simple_rnn = {
    .word = "simple_rnn",
    .operands = (const layer_operand[]){COMMON, OPERANDS_END},
    .input = INPUT_SEQUENCE,
    .plan = recurrent_layer_plan,
    .stages = stages,
    .cell = &simple_rnn_cell,
    .keras_class = "SimpleRNN",
    .keras_stem = "simple_rnn",
    .keras = (const keras_field[]){KERAS_COMMON, KERAS_END},
    .keras_inner = "cell",
};

static void lstm_forward(const kernels *k, const time_step_args *step)
{
    k->lstm_forward(step);
}

static void lstm_backward(const kernels *k, const time_step_args *step)
{
    k->lstm_backward(step);
}

static void lstm_fused(const kernels *k, const recurrent_fused *step)
{
    k->lstm_fused(step);
}

static void lstm_fused_backward(const kernels *k, const recurrent_fused *step)
{
    k->lstm_fused_backward(step);
}

static const recurrent_cell lstm_cell = {
    .gates = 4,
    .has_memory = 1,
    .forward = lstm_forward,
    .backward = lstm_backward,
    .fused = lstm_fused,
    .fused_backward = lstm_fused_backward,
};

static const keras_field lstm_keras[] = {
    KERAS_COMMON,
    KERAS_GATES,
    KERAS_END,
};

const layer_type layer_lstm = {
    .word = "lstm",
    .operands = (const layer_operand[]){COMMON, GATES, OPERANDS_END},
    .input = INPUT_SEQUENCE,
    .plan = lstm_layer_plan,
    .stages = stages,
    .cell = &lstm_cell,
    .keras_class = "LSTM",
    .keras_stem = "lstm",
    .keras = lstm_keras,
    .keras_inner = "cell",
};

static void gru_forward(const kernels *k, const time_step_args *step)
{
    k->gru_forward(step);
}

static void gru_backward(const kernels *k, const time_step_args *step)
{
    k->gru_backward(step);
}

static void gru_reset_forward_1(const kernels *k, const time_step_args *step)
{
    k->gru_reset_forward_1(step);
}

static void gru_reset_forward_2(const kernels *k, const time_step_args *step)
{
    k->gru_reset_forward_2(step);
}

static void gru_reset_backward_1(const kernels *k, const time_step_args *step)
{
    k->gru_reset_backward_1(step);
}

static void gru_reset_backward_2(const kernels *k, const time_step_args *step)
{
    k->gru_reset_backward_2(step);
}

static const recurrent_cell gru_reset_cell = {
    .gates = 3,
    .splits_state = 1,
    .resets_first = 1,
    .forward = gru_reset_forward_1,
    .forward_2 = gru_reset_forward_2,
    .backward = gru_reset_backward_1,
    .backward_2 = gru_reset_backward_2,
};

static const recurrent_cell gru_cell = {
    .gates = 3,
    .splits_state = 1,
    .reset_before = &gru_reset_cell,
    .forward = gru_forward,
    .backward = gru_backward,
};

static const keras_field gru_keras[] = {
    KERAS_COMMON,
    KERAS_GATES,
    KERAS_FIELD("reset_after", KERAS_NEGATED, reset),
    KERAS_END,
};

const layer_type layer_gru = {
    .word = "gru",
    .operands = (const layer_operand[]){COMMON, GATES, FLAG(reset, "reset_before"), OPERANDS_END},
    .input = INPUT_SEQUENCE,
    .plan = recurrent_layer_plan,
    .stages = stages,
    .cell = &gru_cell,
    .keras_class = "GRU",
    .keras_stem = "gru",
    .keras = gru_keras,
    .keras_inner = "cell",
};
