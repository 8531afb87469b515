"""The worker of ONNX Runtime and OpenVINO: forward passes of the graph of tools/export_onnx.py, for one size of batches.

The next batch is given when the answer of the last one is there.
"""
from __future__ import annotations

import argparse
from typing import Any, Callable

import numpy as np

from peers.protocol import Task
from peers.reference import weights_of
from peers.worker import Framework, Program, channels_last, full_batches, samples, serve


class OnnxRuntime:
    """A session, its inputs and its output in memory of their own."""

    def __init__(self, task: Task, threads: int):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_free_dimension_override_by_name("N", task.batch)
        self.session = onnxruntime.InferenceSession(
            f"{task.reference}/model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self.place = onnxruntime.OrtValue.ortvalue_from_numpy

    def run(self, image: Any) -> Any:
        return self.session.run_with_ort_values(["probabilities"], {"image": image})[0]

    def numpy(self, output: Any) -> np.ndarray:
        return output.numpy()


class OpenVino:
    def __init__(self, task: Task, threads: int):
        import openvino

        core = openvino.Core()
        model = core.read_model(f"{task.reference}/model.onnx")
        shape = model.inputs[0].partial_shape
        shape[0] = task.batch
        model.reshape(shape)
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": task.precision,
        }
        compiled = core.compile_model(model, "CPU", settings)
        used = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if used != task.precision:
            raise RuntimeError(f"OpenVINO computes in {used} on this processor, not in {task.precision}")
        self.request = compiled.create_infer_request()
        self.place = lambda array: openvino.Tensor(array, shared_memory=True)

    def run(self, image: Any) -> Any:
        self.request.set_input_tensor(image)
        self.request.start_async()
        self.request.wait()
        return self.request.get_output_tensor()

    def numpy(self, output: Any) -> np.ndarray:
        return output.data.copy()


RUNTIMES: dict[str, Callable[[Task, int], Any]] = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}


class Inference(Program):
    gives_probabilities = True

    def __init__(self, task: Task, runtime: Any):
        self.task, self.runtime = task, runtime
        self.images = np.ascontiguousarray(channels_last(samples(task)[0], task))
        starts = range(0, task.steps * task.batch, task.batch)
        self.batches = [runtime.place(self.images[at : at + task.batch]) for at in starts]

    def logits(self, weights: str, images: np.ndarray) -> np.ndarray:
        """Of the graph, which was made of these weights."""
        assert weights == weights_of(self.task.reference)
        run, place, numpy = self.runtime.run, self.runtime.place, self.runtime.numpy
        parts = [channels_last(part, self.task) for part in full_batches(images, self.task.batch)]
        return np.concatenate([numpy(run(place(part))) for part in parts])[: len(images)]

    def reset(self) -> None:
        pass

    def step(self, batch: int) -> None:
        self.output = self.runtime.run(self.batches[batch])

    def finish(self) -> float:
        return float(self.runtime.numpy(self.output).sum())


class Runtime(Framework):
    def __init__(self, name: str, threads: int):
        self.make, self.threads = RUNTIMES[name], threads
        self.versions = {name: __import__(name).__version__}

    def program(self, task: Task) -> Program:
        return Inference(task, self.make(task, self.threads))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", choices=RUNTIMES, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    serve(Runtime(options.runtime, options.threads))


main()
