/* model/presets.c - models that have a name. */
#include "model/presets.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    /* without the last layer, which is dense with a unit for each class */
    const char *chain;
} presets[] = {
    {"cnn", "conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; maxpool 2; flatten; dense 128 relu"},
    {"mlp", "flatten; dense 128 relu"},
    /* LeCun et al., Proc. IEEE 86, 1998, as it is built today: plain averages, softmax */
    {"lenet5", "conv2d 6 5 same tanh; avgpool 2; conv2d 16 5 tanh; avgpool 2; flatten; "
               "dense 120 tanh; dense 84 tanh"},
    {"rnn", "simple_rnn 128"},
    {"lstm", "lstm 128"},
    /* twice the convolutions, and dropout: for long runs with augmentation */
    {"strong", "conv2d 32 3 relu; conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; "
               "conv2d 64 3 relu; maxpool 2; flatten; dense 256 relu; dropout 0.5"},
};
enum { COUNT = sizeof presets / sizeof *presets };

const char *presets_name(int index)
{
    return index >= 0 && index < COUNT ? presets[index].name : NULL;
}

int presets_chain(const char *name, int classes, char *out, size_t size)
{
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(name, presets[i].name) != 0) continue;
        snprintf(out, size, "%s; dense %d", presets[i].chain, classes);
        return 1;
    }
    return 0;
}
