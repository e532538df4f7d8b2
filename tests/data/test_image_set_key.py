"""The key of a set tells its images: equal images, equal keys; other images, other keys."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

import xaiwidgets as xw
from xaiwidgets.data import ImageSet


def noise(count=6, height=8, width=6):
    return torch.rand((count, 3, height, width), generator=torch.Generator().manual_seed(0))


def test_equal_images_have_equal_keys_whatever_made_them():
    images = noise()
    keys = {ImageSet(given).key for given in (images, images.clone(), images.numpy(), images.permute(0, 2, 3, 1))}
    assert len(keys) == 1
    strided = noise(12)[::2].contiguous(), noise(12)[::2]
    assert ImageSet(strided[0]).key == ImageSet(strided[1]).key


def test_labels_and_names_change_no_key():
    images = noise()
    assert ImageSet(images, labels=range(6), class_names=list("abcdef")).key == ImageSet(images).key


def changed(images):
    other = images.clone()
    other[3, 1, 4, 2] = torch.nextafter(other[3, 1, 4, 2], torch.tensor(2.0))
    return other


@pytest.mark.parametrize(
    "other",
    [
        lambda images: images.flip(0),
        lambda images: images[:5],
        changed,
        lambda images: images.reshape(6, 3, 6, 8),
        lambda images: (255 * images).byte(),
    ],
    ids=["another order", "fewer", "one number", "another shape", "bytes"],
)
def test_other_images_have_other_keys(other):
    assert ImageSet(other(noise())).key != ImageSet(noise()).key


def test_images_that_were_written_to_have_another_key():
    images = noise()
    known = ImageSet(images)
    before = known.key
    images[2] = 0
    assert torch.equal(known.batch([2]), torch.zeros(1, 3, 8, 6))
    assert known.key != before
    assert known.key == ImageSet(images.clone()).key


def test_an_array_that_was_written_to_has_another_key_or_was_copied():
    images = noise().numpy().copy()
    known = ImageSet(images)
    before, first = known.key, known.batch([2])
    images[2] = 0
    assert (known.key != before) == (not torch.equal(known.batch([2]), first))


def test_parts_and_other_sizes_are_told_by_what_they_hold():
    known = ImageSet(noise())
    assert known[1:4].key == known.subset([1, 2, 3]).key
    assert known[1:4].key == known[1:][:3].key
    assert known.without([0, 4, 5]).key == known[1:4].key
    assert known.fitted((3, 4, 4)).key == ImageSet(noise()).fitted((3, 4, 4)).key
    keys = [known.key, known[1:4].key, known.subset([3, 2, 1]).key, known.fitted((3, 4, 4)).key]
    assert len({*keys, known.fitted((3, 5, 4)).key}) == 5
    assert known.fitted((3, 8, 6)).key == known.key


def test_files_are_told_by_name_size_and_time(tmp_path):
    for name in ("a", "b"):
        Image.fromarray((255 * noise(1)[0, 0].numpy()).astype(np.uint8)).save(tmp_path / f"{name}.png")
    key = ImageSet.from_folder(tmp_path, size=8).key
    assert ImageSet.from_folder(tmp_path, size=8).key == key
    assert ImageSet.from_folder(tmp_path, size=9).key != key
    Image.fromarray(np.zeros((8, 6), np.uint8)).save(tmp_path / "b.png")
    assert ImageSet.from_folder(tmp_path, size=8).key != key


def test_a_set_of_files_that_change_under_it_has_another_key(tmp_path):
    Image.fromarray(np.full((8, 6), 9, np.uint8)).save(tmp_path / "a.png")
    known = ImageSet.from_folder(tmp_path, size=8)
    before, first = known.key, known.batch([0])
    Image.fromarray(np.full((16, 12), 200, np.uint8)).save(tmp_path / "a.png")
    assert not torch.equal(known.batch([0]), first)
    assert known.key != before


def test_a_data_set_may_give_anything_so_only_the_same_set_has_the_same_key():
    pairs = TensorDataset(noise(), torch.arange(6))
    known = ImageSet(pairs)
    assert known.key == known.key
    assert known[:3].key == known[:3].key
    assert known.key != ImageSet(pairs).key


def test_the_packaged_images_are_the_same_each_time():
    keys = {name: xw.data.fashion_mnist_small(name).key for name in ("train", "test")}
    assert keys == {name: xw.data.fashion_mnist_small(name).key for name in ("train", "test")}
    assert keys["train"] != keys["test"]
