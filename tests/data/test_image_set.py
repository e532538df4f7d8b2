"""Sets of images: from arrays, folders and data sets, and what is refused in words."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, TensorDataset

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set, photograph_set, photographs


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Two classes of two pictures, and what is no picture."""
    for place, name in enumerate(["cat/b.png", "cat/a.png", "dog/deep/c.jpg", "dog/d.png"]):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(20 + place, 30, 3, seed=place)).save(path)
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


class Pairs(Dataset):
    """Pillow images with labels, as torchvision's data sets have them."""

    def __len__(self):
        return 3

    def __getitem__(self, place):
        return Image.fromarray(noise(8, 6, 3, seed=place)), 2 - place


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        (noise(5, 3, 8, 6), (3, 8, 6)),
        (noise(5, 8, 6, 3), (3, 8, 6)),
        (noise(5, 8, 6), (1, 8, 6)),
        (noise(5, 7, 8, 6), (7, 8, 6)),
        (torch.rand(5, 3, 8, 6, dtype=torch.float64), (3, 8, 6)),
        (TensorDataset(torch.rand(5, 3, 8, 6), torch.arange(5)), (3, 8, 6)),
        ([Image.fromarray(noise(8, 6, seed=place)) for place in range(5)], (1, 8, 6)),
    ],
)
def test_arrays_of_every_layout_become_images_in_the_unit_interval(given, shape):
    images = ImageSet(given)
    assert len(images) == 5
    assert images.shape == shape
    part = images.batch([3, 0])
    assert part.shape == (2, *shape)
    assert part.is_floating_point()
    assert 0 <= part.min() < part.max() <= 1


def test_bytes_are_divided_by_255_and_channels_lie_where_they_belong():
    pixels = noise(4, 8, 6, 3)
    expected = torch.from_numpy(pixels.astype(np.float32).transpose(0, 3, 1, 2) / 255)
    assert torch.equal(ImageSet(pixels).batch(slice(None)), expected)


def test_what_is_read_may_be_written_to():
    given = torch.rand(3, 1, 4, 4)
    images = ImageSet(given)
    images.batch(slice(None)).zero_()
    assert images.batch(slice(None)).max() > 0


def test_labels_follow_their_images_into_subsets():
    images = ImageSet(noise(6, 1, 4, 4), [5, 4, 3, 2, 1, 0], list("abcdef"), source="made")
    part = images[1:5][::2]
    assert part.labels.tolist() == [4, 2]
    assert [part.label_name(place) for place in range(2)] == ["e", "c"]
    assert torch.equal(part.batch([0, 1]), images.batch([1, 3]))
    assert part.source == "made[1:5][::2]"
    assert images.subset([2, 0]).source == "made.subset([2, 0])"
    image, label = images[-1]
    assert (label, image.shape) == (0, (1, 4, 4))


def test_a_data_set_of_pairs_gives_its_labels():
    images = ImageSet(Pairs())
    assert images.shape == (3, 8, 6)
    assert images.labels.tolist() == [2, 1, 0]
    expected = torch.from_numpy(noise(8, 6, 3, seed=1)).permute(2, 0, 1) / 255
    assert torch.allclose(images[1][0], expected)


def test_folders_are_classes(folder):
    images = ImageSet.from_folder(folder, size=16)
    assert (len(images), images.shape, images.class_names) == (4, (3, 16, 16), ("cat", "dog"))
    assert images.labels.tolist() == [0, 0, 1, 1]
    again = eval(images.source, {"xw": __import__("xaiwidgets")})  # noqa: S307 - our own
    assert torch.equal(again.batch(slice(None)), images.batch(slice(None)))
    assert ImageSet.from_folder(folder / "cat", size=(8, 12), channels=1).shape == (1, 8, 12)
    assert ImageSet.from_folder(folder / "cat").labels is None


def test_another_shape_is_the_middle_resized():
    striped = torch.zeros(1, 1, 8, 16)
    striped[..., 4:12] = 1  # the middle square
    assert torch.equal(ImageSet(striped).fitted((3, 8, 8)).batch([0]), torch.ones(1, 3, 8, 8))
    colors = torch.rand(1, 3, 4, 4)
    grey = ImageSet(colors).fitted((1, 4, 4)).batch([0])
    assert torch.allclose(grey[0, 0], 0.299 * colors[0, 0] + 0.587 * colors[0, 1] + 0.114 * colors[0, 2])
    assert ImageSet(colors, source="made").fitted((3, 2, 2)).source == "made.fitted((3, 2, 2))"


def test_a_thumbnail_is_small_and_keeps_its_proportions():
    images = ImageSet(noise(2, 3, 40, 80))
    assert images.thumbnail(1, 20).shape == (10, 20, 3)
    assert ImageSet(noise(1, 5, 8, 8)).thumbnail(0).shape == (8, 8, 1)


def test_the_photographs_as_a_set_are_the_photographs():
    assert torch.equal(photograph_set(32).batch(slice(None)), photographs(32))


def test_a_set_is_a_set_already():
    images = ImageSet(noise(2, 1, 4, 4))
    assert as_image_set(images) is images
    assert len(as_image_set(torch.rand(2, 1, 4, 4))) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ImageSet(torch.zeros(0, 3, 4, 4)), "No images were given"),
        (lambda: ImageSet(torch.rand(4)), "Images of shape .4,. were given; give .image, channel"),
        (lambda: ImageSet(torch.full((1, 1, 2, 2), 7.0)), "from 7 to 7 were given; give numbers in .0, 1."),
        (lambda: ImageSet(torch.full((1, 1, 2, 2), torch.nan)), "were given; give numbers in .0, 1."),
        (lambda: ImageSet(torch.zeros(1, 1, 2, 2, dtype=torch.int32)), "Images of int32"),
        (lambda: ImageSet(3), "int was given as images"),
        (lambda: ImageSet("photos"), "use ImageSet.from_folder"),
        (lambda: ImageSet(torch.rand(2, 1, 2, 2), [1]), "1 labels were given for 2 images; give one for each"),
        (lambda: ImageSet(torch.rand(2, 1, 2, 2), [0, -1]), "whole numbers of at least 0"),
        (lambda: ImageSet(torch.rand(2, 1, 2, 2), [0.5, 1]), "whole numbers of at least 0"),
        (lambda: ImageSet(torch.rand(2, 1, 2, 2), [0, 3], ["a"]), "1 class names were given, but a label is 3"),
        (lambda: ImageSet(torch.rand(2, 1, 2, 2)).subset([5]), "Image 5 was asked for; there are 2, 0 to 1"),
        (lambda: ImageSet(torch.rand(2, 2, 2, 2)).fitted((3, 2, 2)).batch([0]), "2 channels were given where 3"),
        (lambda: ImageSet.from_folder("no such"), "'no such' is no folder"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(make, words):
    with pytest.raises(XaiwidgetsError, match=words):
        make()


def test_an_empty_folder_and_a_false_picture_are_named(tmp_path):
    with pytest.raises(XaiwidgetsError, match="holds no pictures"):
        ImageSet.from_folder(tmp_path)
    (tmp_path / "fake.png").write_bytes(b"hello")
    with pytest.raises(XaiwidgetsError, match=r"'fake.png' is no picture"):
        ImageSet.from_folder(tmp_path)


def test_images_of_different_shapes_in_a_data_set_are_named():
    images = ImageSet([np.zeros((4, 4), np.uint8), np.zeros((5, 4), np.uint8)])
    with pytest.raises(XaiwidgetsError, match=r"Image 1 of the data set has shape \(1, 5, 4\), the first has"):
        images.batch([1])


def test_two_sets_become_one():
    first, second = ImageSet(torch.rand(3, 1, 2, 2), [0, 1, 0], ["a", "b"]), ImageSet(torch.rand(2, 1, 2, 2), [1, 1])
    both = first.joined(second)
    whole = torch.cat([first.batch(slice(None)), second.batch(slice(None))])
    assert torch.equal(both.batch([4, 0, 3, 2, 0]), whole[[4, 0, 3, 2, 0]])
    assert both.labels.tolist() == [0, 1, 0, 1, 1]
    assert both.class_names == ("a", "b")
    assert both.key not in {first.key, second.key, second.joined(first).key}
    assert both.key == first.joined(second).key
    assert first.joined(ImageSet(torch.rand(1, 1, 2, 2))).labels is None
    with pytest.raises(XaiwidgetsError, match="cannot follow images of"):
        first.joined(ImageSet(torch.rand(1, 1, 3, 2)))
