/* app/commands.c - which commands there are, and what each of them takes. */
#include "app/app.h"

#define MODEL_ROWS " model data classes "
#define PLACE_ROWS " threads share gemm isa "

static const command commands[] = {
    {"train", NULL, "train, validate every epoch, test; writes the run directory", NULL,
     EXTRA_CONFIG | EXTRA_RECIPE | EXTRA_DRY_RUN | EXTRA_QUIET | EXTRA_VERBOSE, COMMAND_RANKS,
     train_command, NULL},
    {"evaluate", "PATH", "weights on the test set: accuracy, report, confusion matrix",
     MODEL_ROWS "eval-on exact-conv" PLACE_ROWS, EXTRA_WHICH | EXTRA_JSON, COMMAND_RANKS,
     evaluate_command, NULL},
    {"predict", "PATH", "classes of PNG or IDX images, or of the test set",
     MODEL_ROWS "threads gemm exact-conv isa ", EXTRA_WHICH | EXTRA_FORMAT, COMMAND_ALONE,
     predict_command, "[IMAGE...]"},
    {"export", "PATH", "the model as a file for Keras: .weights.h5 or .keras",
     " model classes isa ", EXTRA_WHICH | EXTRA_FORCE | EXTRA_FILE, COMMAND_ALONE, export_command,
     NULL},
    {"summary", NULL, "the model as a table, its FLOP and memory; needs no data",
     MODEL_ROWS "batch-size optimizer threads grain isa ", 0, COMMAND_ALONE, summary_command, NULL},
    {"inspect", "PATH", "a checkpoint's configuration, position, history, tensors", "", EXTRA_WHICH,
     COMMAND_ALONE, inspect_command, NULL},
    {"verify", "A", "two runs or checkpoints: same bits? else what differs", "", EXTRA_WHICH,
     COMMAND_ALONE, verify_command, "B"},
    {"bench", NULL, "throughput by phase, and the machine's roofline, as JSON",
     MODEL_ROWS "batch-size validation-split optimizer learning-rate momentum beta1 beta2 epsilon "
                "weight-decay clip-norm label-smoothing augment shuffle seed limit max-steps "
                "reduce profile grain exact-conv" PLACE_ROWS,
     EXTRA_VERBOSE | EXTRA_INFERENCE | EXTRA_KERNEL, COMMAND_RANKS, bench_command, NULL},
    {"env", NULL, "versions, cores of every rank, data: for a bug report", " data" PLACE_ROWS, 0,
     COMMAND_RANKS, env_command, NULL},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

const command *options_commands(int *count)
{
    *count = COMMANDS;
    return commands;
}
