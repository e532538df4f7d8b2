"""Official files, downloaded once and checked; pooch does the work."""

import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from xaiwidgets.core import XaiwidgetsError


@dataclass(frozen=True)
class Archive:
    """Where the files of a data set are, and the checksum of each download; ``packed`` ones hold several files."""

    url: str
    checksums: dict[str, str]
    packed: bool = False


# Addresses and MD5 sums as their authors, and torchvision for MNIST's mirror, publish them.
ARCHIVES = {
    "fashion_mnist": Archive(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "mnist": Archive(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "cifar10": Archive(
        "https://www.cs.toronto.edu/~kriz/",
        {"cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530"},
        packed=True,
    ),
}


def fetch(archive: Archive, folder: Path, file: str) -> None:
    """Put ``file`` into ``folder``, with a bar of progress; raises a sentence where it cannot be had."""
    import pooch

    name = next(iter(archive.checksums)) if archive.packed else file
    folder.mkdir(parents=True, exist_ok=True)
    try:
        pooch.retrieve(archive.url + name, archive.checksums[name], name, folder, progressbar=True)
    except Exception as error:
        raise XaiwidgetsError(
            f"{file} is not in {folder} and could not be downloaded from {archive.url} ({error}). Put the official "
            "file there, or set XAIWIDGETS_DATA to a folder that has it."
        ) from error
    if archive.packed:
        _unpack(folder / name, folder)
    if not (folder / file).exists():
        raise XaiwidgetsError(f"The archive from {archive.url} holds no {file}; put the official file into {folder}.")


def _unpack(path: Path, folder: Path) -> None:
    """Unpack beside and move when whole, so that a half unpacked archive is never taken for a whole one."""
    with tempfile.TemporaryDirectory(dir=folder) as beside, tarfile.open(path) as tar:
        tar.extractall(beside, filter="data")
        for entry in sorted(Path(beside).rglob("*")):
            target = folder / entry.relative_to(beside)
            if entry.is_dir():
                target.mkdir(exist_ok=True)
            elif not target.exists():
                shutil.move(entry, target)
    path.unlink()
