"""The samples: what lies in the package, what is found in a folder, and what is downloaded."""

import gzip
import hashlib
import http.server
import tarfile
import threading
from functools import partial

import numpy as np
import pytest
import torch

from xaiwidgets.apps.train_lenet import accuracy, train
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import _downloads, cifar10, fashion_mnist, fashion_mnist_small, mnist
from xaiwidgets.data._downloads import Archive
from xaiwidgets.models import load_model


def idx(values):
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.astype(np.uint8).tobytes()


def official(count, side=28, seed=0):
    """Files as MNIST has them, by their names."""
    draw = np.random.default_rng(seed)
    images, labels = draw.integers(0, 256, (count, side, side)), draw.integers(0, 10, count)
    return {
        "t10k-images-idx3-ubyte.gz": gzip.compress(idx(images), mtime=0),
        "t10k-labels-idx1-ubyte.gz": gzip.compress(idx(labels), mtime=0),
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XAIWIDGETS_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def served(tmp_path):
    """A server of files, on this machine alone: its folder and its address."""
    place = tmp_path / "served"
    place.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=place))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield place, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def write(place, contents):
    place.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (place / name).write_bytes(content)


def test_the_packaged_images_are_of_every_class_alike():
    for split, each in (("train", 400), ("test", 100)):
        images = fashion_mnist_small(split)
        assert images.labels.bincount().tolist() == [each] * 10
        assert images.shape == (1, 28, 28)
        assert len(images.class_names) == 10


def test_files_that_are_there_are_read_with_their_labels(folder):
    contents = official(10_000)
    write(folder / "mnist", contents)
    images = mnist()
    assert len(images) == 10_000
    raw = gzip.decompress(contents["t10k-images-idx3-ubyte.gz"])
    assert torch.equal(images.batch([7])[0, 0], torch.tensor(list(raw[16 + 7 * 784 : 16 + 8 * 784])).view(28, 28) / 255)
    labels = gzip.decompress(contents["t10k-labels-idx1-ubyte.gz"])
    assert images.labels.tolist() == list(labels[8:])


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (official(9_999), r"shape \(9999, 28, 28\) where \(10000, 28, 28\) was wanted; remove the file"),
        ({name: content[:5000] for name, content in official(10_000).items()}, "is damaged; remove the file"),
        (dict.fromkeys(official(1), b"hello"), "is damaged; remove the file"),
    ],
)
def test_files_of_another_shape_or_count_are_refused(folder, contents, words):
    write(folder / "fashion_mnist", contents)
    with pytest.raises(XaiwidgetsError, match=words):
        fashion_mnist()


def test_cifar_is_read_red_green_blue(folder):
    rows = np.random.default_rng(0).integers(0, 10, (10_000, 3073)).astype(np.uint8)
    write(folder / "cifar10" / "cifar-10-batches-bin", {"test_batch.bin": rows.tobytes()})
    images = cifar10()
    assert images.labels.tolist() == rows[:, 0].tolist()
    assert images.batch([3])[0, 2, 31, 31] == rows[3, 3072] / np.float32(255)
    (folder / "cifar10" / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"short")
    with pytest.raises(XaiwidgetsError, match="5 bytes where 10,000 images"):
        cifar10()


def test_an_unknown_split_is_refused():
    with pytest.raises(XaiwidgetsError, match="give 'train' or 'test'"):
        mnist("validation")


def test_what_is_missing_is_downloaded_once_and_checked(folder, served, monkeypatch, capfd):
    place, address = served
    contents = official(10_000)
    write(place, contents)
    sums = {name: f"md5:{hashlib.md5(content).hexdigest()}" for name, content in contents.items()}  # noqa: S324 - as published
    monkeypatch.setitem(_downloads.ARCHIVES, "mnist", Archive(address, sums))
    assert len(mnist()) == 10_000
    assert "%" in capfd.readouterr().err  # a bar of progress
    for path in place.iterdir():
        path.unlink()
    assert len(mnist()) == 10_000


def test_a_download_that_is_not_what_was_wanted_is_refused_and_not_kept(folder, served, monkeypatch):
    place, address = served
    write(place, official(10_000))
    sums = dict.fromkeys(official(1), "md5:" + "0" * 32)
    monkeypatch.setitem(_downloads.ARCHIVES, "mnist", Archive(address, sums))
    with pytest.raises(XaiwidgetsError, match="could not be downloaded"):
        mnist()
    assert list((folder / "mnist").glob("*.gz")) == []


def test_an_archive_is_unpacked_whole(folder, served, monkeypatch, tmp_path):
    place, address = served
    inner = tmp_path / "cifar-10-batches-bin"
    write(inner, {"test_batch.bin": bytes(3073 * 10_000)})
    with tarfile.open(place / "cifar-10-binary.tar.gz", "w:gz") as tar:
        tar.add(inner, inner.name)
    checksum = hashlib.md5((place / "cifar-10-binary.tar.gz").read_bytes()).hexdigest()  # noqa: S324 - as published
    archive = Archive(address, {"cifar-10-binary.tar.gz": f"md5:{checksum}"}, packed=True)
    monkeypatch.setitem(_downloads.ARCHIVES, "cifar10", archive)
    assert len(cifar10()) == 10_000
    assert [path.name for path in (folder / "cifar10").iterdir()] == ["cifar-10-batches-bin"]


def test_where_nothing_can_be_downloaded_it_says_what_to_do(folder, monkeypatch):
    monkeypatch.setitem(
        _downloads.ARCHIVES, "mnist", Archive("http://127.0.0.1:9/", _downloads.ARCHIVES["mnist"].checksums)
    )
    with pytest.raises(XaiwidgetsError, match="Put the official file there, or set XAIWIDGETS_DATA"):
        mnist()


def test_the_packaged_network_is_what_its_script_trains():
    trained = train(fashion_mnist_small("train")).state_dict()
    packaged = load_model("lenet").module.state_dict()
    assert trained.keys() == packaged.keys()
    difference = max((trained[name] - packaged[name]).abs().max().item() for name in trained)
    assert difference < 1e-5


def test_the_packaged_network_knows_the_packaged_test_images():
    assert accuracy(load_model("lenet").module, fashion_mnist_small("test")) > 0.87
