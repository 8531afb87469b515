#!/usr/bin/env python3
"""Writes a trained model as ONNX: PATH is anything that `mnist_dist export` takes (a run directory, a checkpoint, a `.keras`
file, Keras weights with --model). What mnist_dist refuses is refused here, by layer and argument.

Input `image`: float32 with pixels scaled to 0..1, [N, H, W, 1], or [N, H, W] where the first layer is recurrent, as in Keras.
Output `probabilities`: [N, classes]. Opset 13. Needs the packages onnx, h5py and numpy, best in a virtual environment:

    python3 -m venv onnx-env && onnx-env/bin/pip install onnx h5py numpy
    onnx-env/bin/python tools/export_onnx.py runs/laptop -o laptop.onnx

Before the file is written, onnx' reference evaluator works out the probabilities of some images; they must be those of
`mnist_dist predict`, within 1e-4.

Exit codes: 0 done, 1 the probabilities differ (nothing is written), 64 usage, 65 bad data, 66 an input or a Python module is
missing, 73 cannot write; those of mnist_dist where it fails.
"""
import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

DIFFERS, USAGE, BAD_DATA, NO_INPUT, CANNOT_WRITE = 1, 64, 65, 66, 73
IMAGES, TOLERANCE = 16, 1e-4  # of the check against the program
OPSET, IR_VERSION = 13, 8  # runtimes of 2021 and later read these
NHWC_TO_NCHW, NCHW_TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


class Failure(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(USAGE, f"{message}; see --help")


def parse(words):
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("-o", "--out", metavar="FILE", required=True, help="the .onnx file to write")
    parser.add_argument("-m", "--model", metavar="SPEC", help="the model of a plain Keras weights file")
    parser.add_argument("--program", metavar="FILE", help="mnist_dist ($MNIST_DIST, build/release/, or on the PATH)")
    return parser.parse_args(words)


def find_program(given):
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "release", "mnist_dist")
    for name in (given, os.environ.get("MNIST_DIST"), beside, shutil.which("mnist_dist")):
        if name and os.access(name, os.X_OK):
            return name
    raise Failure(NO_INPUT, "mnist_dist was not found: name it with --program")


def run_program(options, *words):
    """What the program prints; a Failure with its message and exit code."""
    command = [find_program(options.program), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failure(done.returncode, done.stderr.strip() or "mnist_dist failed")
    return done.stdout


def model_words(options):
    return ["--model", options.model] if options.model else []


def as_archive(options, folder):
    """The path of a `.keras` file of the model, as mnist_dist writes it: one form of each layer, whatever program made PATH."""
    archive = os.path.join(folder, "model.keras")
    run_program(options, "export", options.path, "-o", archive, *model_words(options))
    return archive


def read_archive(path):
    """Keras' configuration, and the open weights file."""
    import h5py

    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
        return config["config"]["layers"], weights
    except FileNotFoundError as error:
        raise Failure(NO_INPUT, f"{path}: {error.strerror}") from error
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Failure(BAD_DATA, f"{path}: no `.keras` file of a Sequential model ({error})") from error


class Graph:
    """A chain of nodes; `value` names what the last one gave."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants, self.used = weights, [], [], {}
        self.value = "image"
        self.steps = None  # of the value, if it is a sequence

    def constant(self, array):
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind, *inputs, outputs=1, take=0, **attributes):
        """Feeds the current value, then inputs, to a node; output number `take` becomes the current value. Names of all."""
        from onnx import helper

        names = [f"value_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, [self.value, *inputs], names, **attributes))
        self.value = names[take]
        return names

    def of(self, value, kind, *inputs, **attributes):
        """The same with another value in front; what the node gives."""
        self.value = value
        self.node(kind, *inputs, **attributes)
        return self.value

    def tensors(self, stem, cell=False):
        """The variables of the next layer of this class, in Keras' order."""
        number = self.used[stem] = self.used.get(stem, -1) + 1
        key = f"{stem}_{number}" if number else stem
        group = self.weights[f"layers/{key}{'/cell' if cell else ''}/vars"]
        return [group[str(i)][()] for i in range(len(group))]

    def axes(self, *axes):
        import numpy as np

        return self.constant(np.array(axes, np.int64))


# ---- a function for each class of layers, see LAYERS; config is Keras' ----

def gelu(graph):
    """Keras' default: without the approximation by tanh."""
    import numpy as np

    given = graph.value
    graph.node("Mul", graph.constant(np.array(0.5**0.5, np.float32)))
    graph.node("Erf")
    graph.node("Add", graph.constant(np.array(1, np.float32)))
    graph.node("Mul", given)
    graph.node("Mul", graph.constant(np.array(0.5, np.float32)))


ACTIVATIONS = {  # Keras' functions: of a layer's own, or of the class Activation
    "linear": lambda graph: None,
    "relu": lambda graph: graph.node("Relu"),
    "tanh": lambda graph: graph.node("Tanh"),
    "sigmoid": lambda graph: graph.node("Sigmoid"),
    "elu": lambda graph: graph.node("Elu"),
    "hard_sigmoid": lambda graph: graph.node("HardSigmoid", alpha=1 / 6, beta=0.5),
    "gelu": gelu,
    "softmax": lambda graph: graph.node("Softmax", axis=-1),
}


def activation(graph, config):
    name = config["activation"]
    if name not in ACTIVATIONS:
        raise Failure(BAD_DATA, f"the activation {name} is not known here")
    ACTIVATIONS[name](graph)


def padding(config):
    return "SAME_UPPER" if config["padding"] == "same" else "VALID"


def conv2d(graph, config):
    kernel, bias = graph.tensors("conv2d")
    graph.node("Transpose", perm=NHWC_TO_NCHW)
    inputs = [graph.constant(kernel.transpose(3, 2, 0, 1).copy()), graph.constant(bias)]
    graph.node("Conv", *inputs, strides=config["strides"], auto_pad=padding(config))
    graph.node("Transpose", perm=NCHW_TO_NHWC)
    activation(graph, config)


def pool(graph, config, kind, **more):
    graph.node("Transpose", perm=NHWC_TO_NCHW)
    graph.node(kind, kernel_shape=config["pool_size"], strides=config["strides"], auto_pad=padding(config), **more)
    graph.node("Transpose", perm=NCHW_TO_NHWC)


def dense(graph, config):
    kernel, bias = graph.tensors("dense")
    graph.node("MatMul", graph.constant(kernel))
    graph.node("Add", graph.constant(bias))
    activation(graph, config)


def gates(array, order):
    """Keras' columns, gate after gate, as ONNX' rows in another order of gates."""
    import numpy as np

    parts = np.split(array, len(order), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1).T.copy()


def unrolled(graph, config, gates_of, kernel, state_kernel, bias):
    """Step after step, for functions that not every runtime has inside its recurrent operators."""
    import numpy as np

    of, units = graph.of, config["units"]
    of_input, of_state = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))

    def function(key, value):
        graph.value = value
        activation(graph, {"activation": config[key]})
        return graph.value

    def act(value):
        return function("activation", value)

    def gate(value):
        return function("recurrent_activation", value)

    def split(value):
        graph.value = value
        return graph.node("Split", outputs=gates_of, axis=-1)

    products = of(of(graph.value, "MatMul", graph.constant(kernel)), "Add", graph.constant(of_input))
    matrix, offset = graph.constant(state_kernel), graph.constant(of_state)
    candidate, one = graph.constant(state_kernel[:, -units:].copy()), graph.constant(np.float32(1))
    first = of(products, "Gather", graph.constant(np.array(0, np.int64)), axis=1)
    h = cell = of(split(first)[0] if gates_of > 1 else first, "Mul", graph.constant(np.float32(0)))
    states = []
    for t in range(graph.steps):
        a = of(products, "Gather", graph.constant(np.array(t, np.int64)), axis=1)
        q = of(of(h, "MatMul", matrix), "Add", offset)
        if gates_of == 1:
            h = act(of(a, "Add", q))
        elif gates_of == 4:
            i, f, n, o = split(of(a, "Add", q))
            cell = of(of(gate(f), "Mul", cell), "Add", of(gate(i), "Mul", act(n)))
            h = of(gate(o), "Mul", act(cell))
        else:
            (a_z, a_r, a_n), (q_z, q_r, q_n) = split(a), split(q)
            z, r = gate(of(a_z, "Add", q_z)), gate(of(a_r, "Add", q_r))
            more = of(r, "Mul", q_n) if config["reset_after"] else of(of(r, "Mul", h), "MatMul", candidate)
            n = act(of(a_n, "Add", more))
            h = of(of(z, "Mul", h), "Add", of(of(one, "Sub", z), "Mul", n))
        states.append(h)
    if config["return_sequences"]:
        states = [of(state, "Unsqueeze", graph.axes(1)) for state in states]
        of(states[0], "Concat", *states[1:], axis=1)


def recurrent(graph, config, kind, stem, order, **more):
    import numpy as np

    kernel, state_kernel, bias = graph.tensors(stem, cell=True)
    if config["go_backwards"]:
        end = np.iinfo(np.int64).min
        graph.node("Slice", graph.axes(-1), graph.axes(end), graph.axes(1), graph.axes(-1))
    if (config["activation"], config.get("recurrent_activation", "sigmoid")) != ("tanh", "sigmoid"):
        unrolled(graph, config, len(order), kernel, state_kernel, bias)
        return
    biases = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    both = np.concatenate([gates(row, order) for row in biases])
    inputs = [graph.constant(a[None].copy()) for a in (gates(kernel, order), gates(state_kernel, order), both)]
    graph.node("Transpose", perm=[1, 0, 2])
    sequence = config["return_sequences"]
    take = 0 if sequence else 1
    graph.node(kind, *inputs, outputs=2, take=take, hidden_size=config["units"], **more)
    graph.node("Squeeze", graph.axes(1 if sequence else 0))
    if sequence:
        graph.node("Transpose", perm=[1, 0, 2])


def reshape(graph, config):
    graph.node("Reshape", graph.axes(-1, *config["target_shape"]))
    graph.steps = config["target_shape"][0]


def rescaling(graph, config):
    import numpy as np

    graph.node("Mul", graph.constant(np.float32(config["scale"])))
    graph.node("Add", graph.constant(np.float32(config["offset"])))


def layer_norm(graph, config):
    import numpy as np

    gamma, beta = graph.tensors("layer_normalization")
    given = graph.value
    graph.node("ReduceMean", axes=[-1], keepdims=1)
    mean, graph.value = graph.value, given
    graph.node("Sub", mean)
    centred = graph.value
    graph.node("Mul", centred)
    graph.node("ReduceMean", axes=[-1], keepdims=1)
    graph.node("Add", graph.constant(np.array(config["epsilon"], np.float32)))
    graph.node("Sqrt")
    deviation, graph.value = graph.value, centred
    graph.node("Div", deviation)
    graph.node("Mul", graph.constant(gamma))
    graph.node("Add", graph.constant(beta))


LAYERS = {  # Keras' class, as the row of the kind of layer names it: what it adds to the graph
    "Conv2D": conv2d,
    "MaxPooling2D": lambda g, c: pool(g, c, "MaxPool"),
    "AveragePooling2D": lambda g, c: pool(g, c, "AveragePool", count_include_pad=0),
    "GlobalAveragePooling2D": lambda g, c: g.node("ReduceMean", axes=[1, 2], keepdims=0),
    "Flatten": lambda g, c: g.node("Flatten", axis=1),
    "Reshape": reshape,
    "Dense": dense,
    "SimpleRNN": lambda g, c: recurrent(g, c, "RNN", "simple_rnn", [0]),
    "LSTM": lambda g, c: recurrent(g, c, "LSTM", "lstm", [0, 3, 1, 2]),  # ONNX: i o f c
    "GRU": lambda g, c: recurrent(g, c, "GRU", "gru", [0, 1, 2], linear_before_reset=int(c["reset_after"])),
    "ReLU": lambda g, c: g.node("Relu"),
    "LeakyReLU": lambda g, c: g.node("LeakyRelu", alpha=c["negative_slope"]),
    "ELU": lambda g, c: g.node("Elu", alpha=c["alpha"]),
    "PReLU": lambda g, c: g.node("PRelu", *map(g.constant, g.tensors("p_re_lu"))),
    "Activation": activation,
    "Softmax": lambda g, c: ACTIVATIONS["softmax"](g),
    "LayerNormalization": layer_norm,
    "SpatialDropout2D": lambda g, c: None,
    "GaussianNoise": lambda g, c: None,
    "Rescaling": rescaling,
    "Dropout": lambda g, c: None,  # nothing but in training
}


def convert(layers, weights):
    import onnx
    from onnx import TensorProto, helper

    shape = layers[0]["config"]["batch_shape"]
    graph = Graph(weights)
    graph.steps = shape[1]
    for layer in layers[1:]:
        if layer["class_name"] not in LAYERS:
            raise Failure(BAD_DATA, f"layers of class {layer['class_name']} are not known here")
        LAYERS[layer["class_name"]](graph, layer["config"])
    graph.nodes[-1].output[0] = "probabilities"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", *shape[1:]])
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", None])
    body = helper.make_graph(graph.nodes, "mnist_dist", [image], [answer], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="mnist_dist")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def images_file(folder, shape):
    """Images with noise of several strengths as an IDX file, its path; and as the input of the graph, [IMAGES, ...]."""
    import numpy as np

    draw = np.random.default_rng(1)
    pixels = draw.integers(0, 256, (IMAGES, *shape)) * np.linspace(0, 1, IMAGES).reshape(-1, *[1] * len(shape))
    pixels = pixels.astype(np.uint8)
    idx = pixels[..., 0] if len(shape) == 3 and shape[2] == 1 else pixels
    path = os.path.join(folder, "images-idx-ubyte")
    with open(path, "wb") as file:
        file.write(bytes([0, 0, 8, idx.ndim]) + np.array(idx.shape, ">u4").tobytes() + idx.tobytes())
    return path, pixels.astype(np.float32) / 255


def check(options, folder, layers, data):
    """Compares the graph's probabilities with the program's."""
    import numpy as np
    import onnx
    from onnx.reference import ReferenceEvaluator

    path, pixels = images_file(folder, layers[0]["config"]["batch_shape"][1:])
    rows = run_program(options, "predict", options.path, path, "--format", "csv", *model_words(options)).splitlines()
    first, end = (rows[0].split(",").index(name) for name in ("p0", "name"))
    asked = np.array([[float(value) for value in row.split(",")[first:end]] for row in rows[1:]])
    got = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"image": pixels})[0]
    largest = np.abs(got - asked).max()
    if not largest <= TOLERANCE:
        raise Failure(DIFFERS, f"the graph's probabilities differ from the program's by {largest:.2g}: nothing was written")
    return largest


def write(path, data):
    partial = f"{path}.partial"
    try:
        with open(partial, "wb") as file:
            file.write(data)
        os.replace(partial, path)
    except OSError as error:
        raise Failure(CANNOT_WRITE, f"{path}: {error.strerror}") from error


def main():
    options = parse(sys.argv[1:])
    try:
        import h5py  # noqa: F401
        import onnx  # noqa: F401
    except ImportError as missing:
        raise Failure(NO_INPUT, f"{missing}: see --help for how to install it") from missing
    with tempfile.TemporaryDirectory() as folder:
        archive = as_archive(options, folder)
        layers, weights = read_archive(archive)
        with weights:
            data = convert(layers, weights)
        largest = check(options, folder, layers, data)
    write(options.out, data)
    print(f"{options.out}: ONNX, opset {OPSET}, {len(data):,} bytes; within {largest:.1g} of mnist_dist predict")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        text = str(failure)
        print(text if text.startswith("mnist_dist: ") else f"export_onnx.py: {text}", file=sys.stderr)
        sys.exit(failure.code)
