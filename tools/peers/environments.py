"""The virtual environments of the peers: made once for each state of a requirements file."""
from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

REQUIREMENTS = Path(__file__).parent / "requirements"
# What an installed environment takes, measured; PyTorch's packages for Linux bring the libraries of GPUs along.
GIB = {"torch": 5.5, "tensorflow": 2.0, "jax": 0.7, "onnxruntime": 0.3, "openvino": 0.4}
INSTALL_S = 3600


def folder_of(name: str, below: Path) -> Path:
    content = (REQUIREMENTS / f"{name}.txt").read_bytes()
    return below / f"venv-{name}-{hashlib.sha256(content).hexdigest()[:12]}"


def missing(names: list[str], below: Path) -> list[str]:
    return [name for name in names if not (folder_of(name, below) / "complete").exists()]


def announce(names: list[str], below: Path, say: Callable[[str], None]) -> None:
    """Says what will be downloaded before anything is."""
    if names:
        sizes = ", ".join(f"{name} (about {GIB[name]:g} GB)" for name in names)
        free = shutil.disk_usage(next(place for place in (below, *below.parents) if place.exists())).free
        say(f"to be installed by pip below {below}, once: {sizes}; {free / 2**30:.0f} GB are free there")
        say("stop here with Ctrl-C; --peers takes fewer of them, --venv an environment that you have")


def make(name: str, below: Path) -> Path:
    """The environment's Python. Raises RuntimeError with pip's last words."""
    folder = folder_of(name, below)
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS / f"{name}.txt"]
        for step in [sys.executable, "-m", "venv", folder], pip:
            done = subprocess.run(
                [str(word) for word in step], capture_output=True, text=True, timeout=INSTALL_S, check=False
            )
            if done.returncode:
                words = (done.stderr + done.stdout).strip().splitlines() or ["no word"]
                raise RuntimeError(f"the environment of {name} could not be made: {words[-1]}")
        (folder / "complete").touch()
    return folder / "bin/python"
