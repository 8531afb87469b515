"""The file format of MNIST: IDX, plain or gzip.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section on file
formats."""

from __future__ import annotations

import gzip
import os
import struct
import urllib.parse
from pathlib import Path
from typing import Sequence, Union

import numpy as np
import numpy.typing as npt

from .errors import BrokenRun, MissingInput

LABELS, IMAGES, COLOUR_IMAGES = 0x801, 0x803, 0x804
DIMENSIONS = {LABELS: 1, IMAGES: 3, COLOUR_IMAGES: 4}
FILES = {
    ("train", IMAGES): ("train-images", ("idx3-ubyte", "idx4-ubyte")),
    ("train", LABELS): ("train-labels", ("idx1-ubyte",)),
    ("test", IMAGES): ("t10k-images", ("idx3-ubyte", "idx4-ubyte")),
    ("test", LABELS): ("t10k-labels", ("idx1-ubyte",)),
}
# Where the program looks when no folder is named, in this order, behind $MNIST_DIR.
SEARCHED = (
    "data/mnist",
    "data/MNIST/raw",
    "/usr/share/datasets/mnist",
    "/usr/share/datasets/fashion-mnist",
)


def _find(folder: Path, split: str, kind: int) -> Path:
    """The first of its names that is there, in the program's order."""
    stem, rests = FILES[split, kind]
    for end in ("", ".gz"):
        for rest in rests:
            for mark in "-.":
                path = folder / f"{stem}{mark}{rest}{end}"
                if path.is_file():
                    return path
    raise MissingInput(f"{folder}: no {stem}-{rests[0]} or .gz")


def read(path: Path, kind: int) -> npt.NDArray[np.uint8]:
    """The elements of a file: labels [N], images [N, H, W], or colour images [N, H, W, C]."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            data = file.read()
    except (OSError, EOFError) as error:
        raise BrokenRun(f"{path}: cannot be read ({error})") from error
    found = int.from_bytes(data[:4], "big")
    head = 4 + 4 * DIMENSIONS.get(found, 0)
    if (found == LABELS) != (kind == LABELS) or found not in DIMENSIONS or len(data) < head:
        raise BrokenRun(f"{path}: no IDX file of {'labels' if kind == LABELS else 'images'}")
    shape = struct.unpack(f">{DIMENSIONS[found]}I", data[4:head])
    if len(data) - head != int(np.prod(shape)):
        raise BrokenRun(f"{path}: holds {len(data) - head} bytes, not those of {shape}")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def read_split(
    folder: Path, split: str, files: Sequence[str] = ()
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Images [N, H, W], or [N, H, W, C] in colour, 0 to 255, and labels [N] of `split`: "train" (with the validation part) or
    "test". files: their names in the folder, as config.json has them: images and labels for training, then those of the test
    set; without them, those of MNIST."""
    if files:
        place = folder if folder.is_dir() else folder.parent
        at = 0 if split == "train" else 2
        paths = [place / path_of(name) for name in files[at : at + 2]]
    else:
        paths = [_find(folder, split, kind) for kind in (IMAGES, LABELS)]
    images, labels = (read(path, kind) for path, kind in zip(paths, (IMAGES, LABELS)))
    if paths[0].name.startswith("emnist-"):  # EMNIST's images lie on their side
        images = images.swapaxes(1, 2)
    if len(images) != len(labels):
        raise BrokenRun(f"{folder}: {len(images)} images and {len(labels)} labels ({split})")
    return images, labels


def count(folder: Path, split: str) -> int:
    """How many images a split has, from the head of its file of labels."""
    path = _find(folder, split, LABELS)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            kind, number = struct.unpack(">2I", file.read(8))
    except (OSError, EOFError, struct.error) as error:
        raise BrokenRun(f"{path}: cannot be read ({error})") from error
    if kind != LABELS:
        raise BrokenRun(f"{path}: no IDX file of labels")
    return number


def write_images(path: Path, images: npt.NDArray[np.uint8]) -> None:
    """Images [N, H, W] or [N, H, W, C] as a plain IDX file."""
    kind = IMAGES if images.ndim == 3 else COLOUR_IMAGES
    head = struct.pack(f">{1 + images.ndim}I", kind, *images.shape)
    path.write_bytes(head + images.tobytes())


def path_of(text: str) -> Path:
    """The path that stands in JSON as `text`: bytes that are not UTF-8 are written as %XX there."""
    return Path(os.fsdecode(urllib.parse.unquote_to_bytes(text)))


def folders(named: str) -> list[Path]:
    """Folders that may hold the data of a run whose `data` setting is `named`, the likeliest
    first."""
    if named:
        return [path_of(named)]
    given = os.environ.get("MNIST_DIR")
    return [Path(folder) for folder in ((given,) if given else ()) + SEARCHED]


Split = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


def _found(named: str) -> Path:
    """The first of the folders that holds a data set."""
    for folder in folders(named):
        try:
            _find(folder, "test", LABELS)
            return folder
        except MissingInput:
            continue
    raise MissingInput(f"no data set in {' or '.join(map(str, folders(named)))}: tools/get_data.sh gets it")


def is_there(named: str = "") -> bool:
    """A data set is in the folder `named`, or else where the program looks."""
    try:
        return bool(_found(named))
    except MissingInput:
        return False


def load_data(data: Union[str, "os.PathLike[str]"] = "") -> tuple[Split, Split]:
    """(images, labels) for training, and (images, labels) of the test set, from the folder `data` or
    else from where the program looks. Images are bytes [N, H, W], or [N, H, W, C] in colour, 0
    (paper) to 255 (ink); labels are [N]. The validation images are the last of the training images."""
    folder = _found(os.fspath(data))
    return read_split(folder, "train"), read_split(folder, "test")
