/* layer/kinds.c - the list of all kinds of layers, in the order in which they are shown: one line each. */
#include <string.h>

#include "layer/kind.h"

/* clang-format off */
#define KINDS(ROW) \
    ROW(conv2d) \
    ROW(maxpool) \
    ROW(flatten) \
    ROW(dense) \
    ROW(simple_rnn) \
    ROW(lstm) \
    ROW(gru) \
    ROW(avgpool) \
    ROW(global_avgpool) \
    ROW(relu) \
    ROW(leaky_relu) \
    ROW(tanh) \
    ROW(sigmoid) \
    ROW(elu) \
    ROW(hard_sigmoid) \
    ROW(gelu) \
    ROW(prelu) \
    ROW(dropout) \
    ROW(spatial_dropout) \
    ROW(gaussian_noise) \
    ROW(rescaling) \
    ROW(layer_norm)
/* clang-format on */

#define DECLARE(name) extern const layer_type layer_##name;
#define ADDRESS(name) &layer_##name,

KINDS(DECLARE)

static const layer_type *const kinds[] = {KINDS(ADDRESS)};
enum { COUNT = sizeof kinds / sizeof *kinds };

const layer_type *layer_kind(int index)
{
    return index >= 0 && index < COUNT ? kinds[index] : NULL;
}

const layer_type *layer_kind_find(const char *word)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(kinds[i]->word, word) == 0) return kinds[i];
    return NULL;
}

const layer_type *layer_kind_activation(activation act)
{
    for (int i = 0; i < COUNT && act != ACTIVATION_NONE; i++)
        if (kinds[i]->act == act) return kinds[i];
    return NULL;
}
