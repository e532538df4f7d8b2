"""Small data sets that everybody knows, read from their official files."""

import gzip
import math
import os
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._downloads import ARCHIVES, Archive, fetch
from xaiwidgets.data.image_set import ImageSet

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_COUNTS = {"train": 60_000, "test": 10_000}
_IDX_BYTES = b"\0\0\x08"  # how a file of unsigned bytes begins


def fashion_mnist(split: str = "test") -> ImageSet:
    """Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, MIT): 60,000 "train" and 10,000 "test" images of 1×28×28.

    The files are looked for under ``XAIWIDGETS_DATA`` and downloaded there at first use (30 MB).
    """
    return _idx_set("fashion_mnist", split, FASHION_CLASSES)


def mnist(split: str = "test") -> ImageSet:
    """MNIST (LeCun, Cortes and Burges 1998): 60,000 "train" and 10,000 "test" images of 1×28×28.

    The files are looked for under ``XAIWIDGETS_DATA`` and downloaded there at first use (11 MB).
    """
    return _idx_set("mnist", split, tuple(map(str, range(10))))


def cifar10(split: str = "test") -> ImageSet:
    """CIFAR-10 (Krizhevsky 2009): 50,000 "train" and 10,000 "test" images of 3×32×32.

    The binary files are looked for under ``XAIWIDGETS_DATA`` and downloaded there at first use (162 MB).
    """
    _refuse_split(split)
    names = ["test_batch.bin"] if split == "test" else [f"data_batch_{i}.bin" for i in range(1, 6)]
    paths = [_found("cifar10", f"cifar-10-batches-bin/{name}") for name in names]
    rows = np.concatenate([_cifar_rows(path) for path in paths])
    images = torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32))
    return ImageSet(images, rows[:, 0].astype(np.int64), CIFAR10_CLASSES, source=f"xw.data.cifar10({split!r})")


def fashion_mnist_small(split: str = "test") -> ImageSet:
    """The first 400 "train" and 100 "test" images of each class of Fashion-MNIST; they lie in the package."""
    _refuse_split(split)
    folder = files("xaiwidgets.data").joinpath("fashion_mnist_small")
    images = _idx(folder.joinpath(f"{split}-images-idx3-ubyte.gz").read_bytes(), "images")
    labels = _idx(folder.joinpath(f"{split}-labels-idx1-ubyte.gz").read_bytes(), "labels")
    return ImageSet(images, labels.astype(np.int64), FASHION_CLASSES, source=f"xw.data.fashion_mnist_small({split!r})")


def data_folder() -> Path:
    """Where data sets are looked for: ``XAIWIDGETS_DATA``, else the user's cache."""
    import pooch

    return Path(os.environ.get("XAIWIDGETS_DATA") or pooch.os_cache("xaiwidgets"))


def _idx_set(name: str, split: str, classes: tuple[str, ...]) -> ImageSet:
    _refuse_split(split)
    stem = {"train": "train", "test": "t10k"}[split]
    paths = {
        "images": _found(name, f"{stem}-images-idx3-ubyte.gz"),
        "labels": _found(name, f"{stem}-labels-idx1-ubyte.gz"),
    }
    images, labels = (_idx(path.read_bytes(), str(path)) for path in paths.values())
    count = _COUNTS[split]
    for path, values, shape in zip(paths.values(), (images, labels), ((count, 28, 28), (count,)), strict=True):
        if values.shape != shape:
            raise XaiwidgetsError(
                f"{path} holds an array of shape {values.shape} where {shape} was wanted; remove the file to download "
                "it anew."
            )
    return ImageSet(images, labels.astype(np.int64), classes, source=f"xw.data.{name}({split!r})")


def _found(name: str, file: str) -> Path:
    """The path of a file, downloaded where it is not there yet."""
    path = data_folder() / name / file
    if not path.exists():
        archive: Archive = ARCHIVES[name]
        fetch(archive, data_folder() / name, file)
    return path


def _idx(content: bytes, name: str) -> np.ndarray:
    """The array in a file of the format IDX: two zeros, type, number of axes, their sizes, bytes."""
    try:
        raw = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        shape = tuple(np.frombuffer(raw, ">u4", raw[3], offset=4).tolist())
        values = np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])
    except (ValueError, IndexError, OSError, EOFError, zlib.error):
        shape, values, raw = (), np.zeros(0, np.uint8), b""
    if raw[:3] != _IDX_BYTES or len(values) != math.prod(shape):
        raise XaiwidgetsError(f"{name} is damaged; remove the file to download it anew.")
    return values.reshape(shape)


def _cifar_rows(path: Path) -> np.ndarray:
    """Rows of 3,073 bytes: the label, then red, green and blue."""
    content = np.frombuffer(path.read_bytes(), np.uint8)
    if len(content) != 10_000 * 3073 or content.reshape(-1, 3073)[:, 0].max() > 9:  # noqa: PLR2004
        raise XaiwidgetsError(
            f"{path} has {len(content):,} bytes where 10,000 images of 3,073 were wanted; remove the file to download "
            "it anew."
        )
    return content.reshape(-1, 3073)


def _refuse_split(split: str) -> None:
    if split not in _COUNTS:
        raise XaiwidgetsError(f"split={split!r} was given; give 'train' or 'test'.")
