"""A check for ReFrame (reframe-hpc.readthedocs.io): does mnist_dist still train as fast as in a scaling study?

  MNIST_DIST_STUDY=runs/scaling-strong/scaling.csv reframe --checkpath jobs/reframe_mnist_dist.py --run --performance-report

Each point of the study, which tools/scaling.py has measured on the same system, is a case; its images a second are the
reference. A case fails where its rate is lower by more than `tolerance`. Without a study some points are measured, and their
rates only reported. Variables, for --setvar: program, tolerance, steps, options (of bench, with commas between them).
"""

import csv
import os

import reframe as rfm
import reframe.utility.sanity as sn
import reframe.utility.typecheck as typing
from reframe.core.builtins import (
    parameter,
    performance_function,
    run_after,
    run_before,
    sanity_function,
    variable,
)


def points():
    """(model, size, batch, ranks, threads, images a second or 0)"""
    study = os.environ.get("MNIST_DIST_STUDY")
    if not study:
        layouts = [(1, 1), (2, 1), (4, 1)]
        return [(model, 128, 128, r, t, 0) for model in ("cnn", "lstm") for r, t in layouts]
    with open(study, encoding="utf-8") as file:
        return [
            (
                p["model"],
                *(int(p[name]) for name in ("size", "batch", "ranks", "threads")),
                float(p["images_per_second"]),
            )
            for p in csv.DictReader(file)
        ]


def words(point):
    return f"{point[0]}, batch {point[2]}, {point[3]}x{point[4]}"


@rfm.simple_test
class mnist_dist_training(rfm.RunOnlyRegressionTest):
    descr = "Training steps of mnist_dist"
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    tags = {"performance"}

    point = parameter(points(), fmt=words)
    program = variable(str, value=os.environ.get("JOB_PROGRAM", "mnist_dist"))
    tolerance = variable(float, value=0.1)
    steps = variable(int, value=100)
    options = variable(typing.List[str], value=[])

    @run_after("setup")
    def set_layout(self):
        model, _, batch, ranks, threads, rate = self.point
        self.num_tasks, self.num_cpus_per_task = ranks, threads
        self.executable = self.program
        self.executable_opts = [
            "bench",
            f"--model='{model}'",
            f"--batch-size={batch}",
            f"--threads={threads}",
            f"--max-steps={self.steps}",
            *self.options,
        ]
        if rate:
            self.reference = {"*": {"images_per_second": (rate, -self.tolerance, None, "images/s")}}

    @run_before("run")
    def leave_threads_free(self):
        if self.job.launcher.registered_name.startswith("mpirun"):
            self.job.launcher.options = ["--bind-to", "none"]

    @sanity_function
    def ran_on_its_layout(self):
        _, _, _, ranks, threads, _ = self.point
        return sn.assert_found(rf'"ranks":\s*{ranks},\s*"threads":\s*{threads},', self.stdout)

    @performance_function("images/s")
    def images_per_second(self):
        return sn.extractsingle(r'"images_per_second":\s*([0-9.e+]+)', self.stdout, 1, float)
