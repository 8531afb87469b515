/* app/commands.c - which commands there are, and what each of them takes. */
#include <limits.h>

#include "app/app.h"

#define MODEL_ROWS " model data classes "
#define PLACE_ROWS " threads share gemm isa "
#define PATH_IS    "PATH is a run directory, a checkpoint, or a Keras weights file."
#define OF_PATH    " Model and data are those of PATH, unless they are given."

static const command commands[] = {
    {.name = "train",
     .summary = "train and test a model; write a run directory",
     .about = "Trains a model, validates it after every epoch, tests it at the end, and writes a "
              "run directory: settings, record, checkpoints, report.",
     .options = " config recipe dry-run ranks hosts quiet verbose ",
     .place = COMMAND_TRAINING,
     .run = train_command,
     .examples = "Examples:\n"
                 "  mnist_dist                        the CNN on one rank, on all cores\n"
                 "  mpirun -n 8 mnist_dist -e 10      on 8 ranks\n"
                 "  mnist_dist -o runs/a --resume     go on where runs/a stopped\n"
                 "  mnist_dist -m \"flatten; dense 64 relu; dense 10\" --lr 0.002\n"},
    {.name = "evaluate",
     .operands = "PATH",
     .least = 1,
     .most = 1,
     .summary = "accuracy, report, confusion matrix on the test set",
     .about = "Classifies the test set and prints accuracy, loss, a classification report and the "
              "confusion matrix." OF_PATH,
     .operands_are = PATH_IS,
     .settings_of_path = 1,
     .settings = MODEL_ROWS "eval-on precision exact-conv" PLACE_ROWS,
     .options = " which json ",
     .place = COMMAND_RANKS,
     .run = evaluate_command,
     .examples = "Examples:\n"
                 "  mnist_dist evaluate runs/a --which best\n"
                 "  mnist_dist evaluate keras.weights.h5 --model cnn\n"},
    {.name = "predict",
     .operands = "PATH [IMAGE...]",
     .least = 1,
     .most = INT_MAX,
     .summary = "classes of images, or of the test set",
     .about = "Prints the class of every image, with its probability; without images, of the test "
              "set." OF_PATH,
     .settings_of_path = 1,
     .operands_are = PATH_IS " An IMAGE is a PNG file of any size, or an IDX file. The digit in "
                             "a drawing, a scan or a photo is found, and framed as in MNIST.",
     .settings = MODEL_ROWS "threads gemm precision exact-conv isa ",
     .options = " which format as-is ",
     .run = predict_command,
     .examples = "Examples:\n"
                 "  mnist_dist predict runs/a one.png two.png\n"
                 "  mnist_dist predict runs/a --format csv > predictions.csv\n"},
    {.name = "export",
     .operands = "PATH",
     .least = 1,
     .most = 1,
     .summary = "write the model as a file for Keras",
     .about = "Writes a model as a file that Keras loads: NAME.weights.h5 (parameters) or "
              "NAME.keras (model and parameters). The model is that of PATH, unless it is given.",
     .operands_are = PATH_IS,
     .settings_of_path = 1,
     .settings = " model classes isa ",
     .options = " which force out ",
     .run = export_command,
     .examples = "Examples:\n"
                 "  mnist_dist export runs/a -o a.keras          for load_model\n"
                 "  mnist_dist export runs/a -o a.weights.h5     for load_weights\n"},
    {.name = "summary",
     .summary = "the model as a table, its operations and memory",
     .about = "Prints the layers with their shapes and parameters, the operations for one image, "
              "and the memory that a training takes. Needs no data.",
     .settings = MODEL_ROWS "batch-size optimizer threads grain isa ",
     .run = summary_command,
     .examples = "Example:\n"
                 "  mnist_dist summary --model lstm --batch-size 512\n"},
    {.name = "inspect",
     .operands = "PATH",
     .least = 1,
     .most = 1,
     .summary = "what a checkpoint holds: settings, history, tensors",
     .about = "Prints what a checkpoint or a weights file holds: settings, position, history, and "
              "the digest of every tensor.",
     .operands_are = PATH_IS,
     .settings = "",
     .options = " which ",
     .run = inspect_command,
     .examples = "Example:\n"
                 "  mnist_dist inspect runs/a\n"},
    {.name = "verify",
     .operands = "A B",
     .least = 2,
     .most = 2,
     .summary = "do two runs or checkpoints have the same bits?",
     .about = "Compares parameters, optimizer state and records bit by bit. Prints where they "
              "differ first; the exit code is then 1.",
     .operands_are = "A and B are run directories, checkpoints, or Keras weights files.",
     .settings = "",
     .options = " which ",
     .run = verify_command,
     .examples = "Example:\n"
                 "  mnist_dist verify runs/one-rank runs/eight-ranks\n"},
    {.name = "bench",
     .summary = "images a second, by phase, and the machine's limits",
     .about = "Times training steps, inference or kernels, beside what the same cores can do. "
              "Prints JSON; -v adds a table on standard error.",
     .settings = MODEL_ROWS
     "batch-size validation-split optimizer learning-rate momentum beta1 beta2 epsilon "
     "weight-decay clip-norm label-smoothing augment shuffle seed limit max-steps "
     "reduce exchange profile grain precision exact-conv" PLACE_ROWS,
     .options = " verbose inference kernel per-rank write-trace ranks hosts ",
     .place = COMMAND_RANKS,
     .run = bench_command,
     .examples = "Examples:\n"
                 "  mpirun -n 2 mnist_dist bench --max-steps 100 -v\n"
                 "  mnist_dist bench --kernel all -v\n"
                 "  mpirun -n 4 mnist_dist bench --per-rank > four.json\n"
                 "  mnist_dist bench --write-trace traces --ranks 512 --hosts 64\n"},
    {.name = "selftest",
     .operands = "[NAME...]",
     .most = INT_MAX,
     .summary = "does this installation compute the published bits?",
     .about = "Trains each preset, each optimizer, each schedule and some chains of layers for 40 "
              "steps on built-in digits, in seconds and without files, and compares the bits of "
              "the parameters with the published ones. If they differ, the exit code is 1.",
     .operands_are = "NAMEs are trainings as selftest prints them, such as cnn: then no others "
                     "are done.",
     .settings = " threads share isa ",
     .options = " json ",
     .place = COMMAND_RANKS,
     .run = selftest_command,
     .examples = "Examples:\n"
                 "  mnist_dist selftest\n"
                 "  mnist_dist selftest mlp rnn\n"
                 "  mpirun -n 8 mnist_dist selftest\n"},
    {.name = "env",
     .summary = "versions, cores and data, for a bug report",
     .about = "Prints the versions of the program and its libraries, the cores and threads of "
              "every rank, and the data set that would be used.",
     .settings = " data" PLACE_ROWS,
     .place = COMMAND_RANKS,
     .run = env_command,
     .examples = "Example:\n"
                 "  mpirun -n 4 mnist_dist env\n"},
    {.name = "help",
     .operands = "[COMMAND]",
     .most = 1,
     .summary = "this screen, or all about a command",
     .about = "Prints an overview, or what a command does, its options and examples.",
     .settings = "",
     .examples = "Example:\n"
                 "  mnist_dist help predict\n"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

const command *options_commands(int *count)
{
    *count = COMMANDS;
    return commands;
}
