"""keras_maker.py FOLDER: files in the layouts of Keras 2 and 3, made with h5py and zipfile alone: no Keras is needed.

Unless a name says otherwise they hold the same model with the same values: conv2d 4 3 relu; maxpool 2; flatten; dense 10.
"""
import io
import json
import os
import sys
import zipfile

import h5py
import numpy as np

FOLDER = sys.argv[1]
draw = np.random.default_rng(11)


def values(*shape):
    return (draw.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[:-1])))).astype("f4")


CONV, DENSE = [values(3, 3, 1, 4), values(4)], [values(676, 10), values(10)]
TREE = {"vars": [], "layers/conv2d/vars": CONV, "layers/max_pooling2d/vars": [], "layers/flatten/vars": [], "layers/dense/vars": DENSE}


def at(name):
    return os.path.join(FOLDER, name)


def fill(file, tree, **how):
    for path, arrays in tree.items():
        group = file.require_group(path)
        for number, array in enumerate(arrays):
            group.create_dataset(str(number), data=array, **(how if np.ndim(array) else {}))


def weights(name, tree=None, libver=None, **how):
    with h5py.File(at(name + ".weights.h5"), "w", libver=libver) as file:
        fill(file, TREE if tree is None else tree, **how)


def each(change):
    return {path: [change(array) for array in arrays] for path, arrays in TREE.items()}


def renamed(prefix):
    return {path.replace("layers/", prefix): arrays for path, arrays in TREE.items()}


weights("plain")
weights("latest", libver="latest")
weights("gzip", compression="gzip", shuffle=True, fletcher32=True)
weights("chunks", chunks=True)
weights("lzf", compression="lzf")
weights("big_endian", each(lambda a: a.astype(">f4")))
weights("float64", each(lambda a: a.astype("f8")))
weights("keras_2_13", renamed("_layer_checkpoint_dependencies/"))
weights("windows", renamed("layers\\"))
weights("dropout", {**TREE, "layers/dropout/seed_generator/vars": [np.array([1, 0], "u4")]})
weights("augmented", {**TREE, "layers/sequential/layers/random_flip/seed_generator/vars": [np.array([1, 0], "u4")]})
weights("compiled", {**TREE, "metrics/mean/vars": [np.float32(1)], "optimizer/vars": [np.array(5, "i8"), np.float32(0.001)]})
with h5py.File(at("compiled.weights.h5"), "a") as file:
    file["remark"] = "trained at home"
weights("halved", each(lambda a: a.astype("f2").astype("f4")))
weights("float16", each(lambda a: a.astype("f2")))


def bfloat16(array):
    return (array.view("u4") >> 16).astype("<u2")


weights("cut", each(lambda a: (bfloat16(a).astype("u4") << 16).view("f4")))
weights("bfloat16", each(lambda a: bfloat16(a).view("V2")))
with h5py.File(at("bfloat16.weights.h5"), "a") as file:
    for path, arrays in TREE.items():
        for number in range(len(arrays)):
            file[f"{path}/{number}"].attrs["dtype"] = "bfloat16"
weights("own_class", {"vars": [], "conv1/vars": CONV, "dense1/vars": DENSE})
weights("no_bias", {**TREE, "layers/conv2d/vars": CONV[:1]})


# ---- whole models ----
def layer(kind, name=None, **config):
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name or kind.lower(), **config}, "registered_name": None}


def conv(**more):
    common = {"filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "valid", "data_format": "channels_last",
              "dilation_rate": [1, 1], "groups": 1, "activation": "relu", "use_bias": True}
    return layer("Conv2D", **{**common, **more})


def dense(**more):
    return layer("Dense", **{"units": 10, "activation": "softmax", "use_bias": True, **more})


POOL = layer("MaxPooling2D", pool_size=[2, 2], strides=[2, 2], padding="valid", data_format="channels_last")
REST = [POOL, layer("Flatten"), dense()]


def model(layers, kind="Sequential", **config):
    return json.dumps({"module": "keras", "class_name": kind, "config": {"name": "model", "layers": layers, **config}})


def archive(name, layers, tree=None, how=zipfile.ZIP_STORED, folder="", text=None):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file, TREE if tree is None else tree)
    with zipfile.ZipFile(at(name + ".keras"), "w", how) as out:
        out.writestr(folder + "metadata.json", json.dumps({"keras_version": "3.9.0"}))
        out.writestr(folder + "config.json", text or model(layers))
        out.writestr(folder + "model.weights.h5", buffer.getvalue())


INPUT = layer("InputLayer", batch_shape=[None, 28, 28, 1], dtype="float32")
CHAIN = [INPUT, conv(), *REST]
archive("plain", CHAIN)
archive("deflated", CHAIN, how=zipfile.ZIP_DEFLATED)
archive("folder", CHAIN, folder="my_model/")
archive("keras2", [layer("InputLayer", batch_input_shape=[None, 28, 28, 1]), conv(), *REST])
archive("no_input", [conv(batch_input_shape=[None, 28, 28, 1]), *REST])
archive("dropout", [INPUT, conv(), layer("Dropout", rate=0.4, seed=None, noise_shape=None), *REST])
archive("random", [INPUT, layer("RandomZoom", height_factor=0.1), conv(), *REST])
archive("tanh", [INPUT, conv(activation="tanh"), *REST])
archive("bytes", [INPUT, layer("Rescaling", scale=1 / 255, offset=0.0), conv(), *REST])
archive("dilated", [INPUT, conv(dilation_rate=[2, 2]), *REST])
archive("unknown", [INPUT, conv(), layer("Permute", dims=[2, 1, 3]), *REST])
archive("argument", [INPUT, conv(turned=3), *REST])
archive("sigmoid", [INPUT, conv(), POOL, layer("Flatten"), dense(activation="sigmoid")])
archive("broken", CHAIN, text="{")
archive("subclass", CHAIN, text=model(CHAIN, kind="MyModel"))


def reads(entry, *sources):
    history = [{"class_name": "__keras_tensor__", "config": {"keras_history": [source, 0, 0]}} for source in sources]
    return {**entry, "inbound_nodes": [{"args": [history], "kwargs": {}}] if sources else []}


GRAPH = [reads(INPUT), reads(conv(), "inputlayer"), reads(POOL, "conv2d"), reads(layer("Flatten"), "maxpooling2d"), reads(dense(), "flatten")]
archive("functional", [], text=model(GRAPH, kind="Functional", output_layers=["dense", 0, 0]))
archive("heads", [], text=model([*GRAPH, reads(dense(name="other"), "flatten")], kind="Functional"))
archive("merged", [], text=model([*GRAPH[:2], reads(layer("Add"), "conv2d", "inputlayer"), *GRAPH[2:]], kind="Functional"))


def whole(name, text, fixed):
    """model.save(NAME.h5) of Keras 2"""
    with h5py.File(at(name + ".h5"), "w") as file:
        file.attrs["model_config"] = text.encode() if fixed else text
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"conv2d", b"dense"]
        for key, arrays in (("conv2d", CONV), ("dense", DENSE)):
            below = group.create_group(key)
            names = [f"{key}/kernel:0", f"{key}/bias:0"]
            below.attrs["weight_names"] = [n.encode() for n in names]
            for n, array in zip(names, arrays):
                below[n] = array


whole("whole", model(CHAIN), True)
whole("whole_text", model(CHAIN), False)
weights("named_wrong")
os.rename(at("named_wrong.weights.h5"), at("weights_inside.keras"))
archive("named_wrong", CHAIN)
os.rename(at("named_wrong.keras"), at("archive_inside.h5"))
