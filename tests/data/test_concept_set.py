import numpy as np
import pytest
import torch

import xaiwidgets as xw
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet, ImageSet

NAMES = {"color": ["red", "blue"], "part": ["wheel"]}


def masks(count=5, size=(6, 4)):
    generator = torch.Generator().manual_seed(0)
    return {
        "color": torch.randint(0, 3, (count, *size), generator=generator),
        "part": torch.randint(0, 2, (count, *size), generator=generator),
    }


def some_set(count=5):
    return ConceptSet.from_arrays(torch.rand(count, 3, 12, 8), masks(count), NAMES)


def test_labels_of_a_category_stand_behind_those_of_the_one_before():
    concepts = some_set()
    assert concepts.concepts == (("red", "color"), ("blue", "color"), ("wheel", "part"))
    assert concepts.categories == ("color", "part")
    batch = concepts.batch([3, 1])
    assert batch.ids.tolist() == [3, 1]
    assert torch.equal(batch.layers[:, 0].long(), masks()["color"][[3, 1]])
    assert torch.equal(batch.layers[:, 1].long(), 3 * masks()["part"][[3, 1]])
    assert not batch.whole.any()
    assert (len(concepts), concepts.shape, concepts.label_shape) == (5, (3, 12, 8), (6, 4))


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16])
def test_masks_may_be_arrays_of_any_whole_numbers(kind):
    given = {name: mask.numpy().astype(kind) for name, mask in masks().items()}
    images = (np.random.default_rng(0).random((5, 12, 8, 3)) * 255).astype(np.uint8)
    concepts = xw.ConceptSet.from_arrays(images, given, NAMES)
    assert torch.equal(concepts.batch(slice(None)).layers, some_set().batch(slice(None)).layers)
    assert concepts.batch(slice(None)).images.max() <= 1


def test_a_part_of_a_set_keeps_its_ids():
    concepts = some_set()
    part = concepts[1:].subset([0, 3])
    assert part.ids.tolist() == [1, 4]
    assert torch.equal(part.batch(slice(None)).images, concepts.batch([1, 4]).images)
    assert part.origin is concepts.origin
    assert part.origin_size == 5
    assert torch.equal(part.images.batch([4]), concepts.batch([4]).images)


def test_images_and_labels_are_cropped_alike():
    images, square = torch.zeros(1, 3, 16, 16), torch.zeros(1, 8, 8, dtype=torch.long)
    images[..., 4:12, 6:10], square[:, 2:6, 3:5] = 1, 1
    concepts = ConceptSet.from_arrays(images, {"part": square}, {"part": ["box"]}).fitted((3, 32, 16))
    batch = concepts.batch(slice(None))
    assert concepts.shape == (3, 32, 16)
    assert concepts.label_shape == (8, 4)
    assert torch.equal(batch.layers[0, 0].long(), square[0, :, 2:6])
    seen = torch.nn.functional.interpolate(batch.images, (8, 4), mode="area")[0, 0] > 0.5
    assert torch.equal(seen, batch.layers[0, 0] > 0)
    assert concepts.fitted((3, 32, 16)) is concepts


def test_an_image_set_can_be_labelled():
    images = ImageSet(torch.rand(5, 3, 12, 8))
    concepts = ConceptSet.from_arrays(images, masks(), NAMES)
    assert torch.equal(concepts.batch([2]).images, images.batch([2]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": {"color": ["red", "blue"]}}, "give both for each of the same categories"),
        ({"masks": {}, "names": {}}, "at least one"),
        ({"masks": masks()["color"]}, "give a dict of each by category"),
        ({"names": ["red", "blue"]}, "give a dict of each by category"),
        ({"names": NAMES | {"color": ["red", "red"]}}, "each once"),
        ({"masks": masks() | {"part": None}}, "are NoneType; give an array of whole numbers"),
        ({"masks": masks() | {"part": np.full((5, 6, 4), "a")}}, "are ndarray; give an array of whole numbers"),
        ({"names": NAMES | {"part": "wheel"}}, "give a list with a name or more"),
        ({"names": NAMES | {"color": ["red"]}}, "have labels from 0 to 2; there are 1 names"),
        ({"masks": masks() | {"part": torch.rand(5, 6, 4)}}, r"give whole numbers of shape \(5, height, width\)"),
        ({"masks": masks() | {"part": torch.zeros(5, 0, 4).long()}}, r"of shape \(5, 0, 4\); give whole numbers"),
        ({"masks": masks() | {"part": masks(4)["part"]}}, r"of shape \(4, 6, 4\); give whole numbers of shape \(5,"),
        ({"masks": masks() | {"part": masks(5, (3, 2))["part"]}}, "several sizes"),
        ({"masks": masks() | {"part": masks()["part"] - 1}}, "have labels from -1 to 0"),
        ({"images": torch.rand(5, 3, 12, 8) * 3}, r"give numbers in \[0, 1\]"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_words(change, said):
    given = {"images": torch.rand(5, 3, 12, 8), "masks": masks(), "names": NAMES} | change
    with pytest.raises(XaiwidgetsError, match=said):
        ConceptSet.from_arrays(**given)


def test_a_flag_for_each_image_chooses_among_them():
    concepts = some_set()
    for flags in (torch.arange(5) > 2, np.arange(5) > 2, [False, False, False, True, True]):
        assert concepts.subset(flags).ids.tolist() == [3, 4]
    for wrong in ([0.5], "a", torch.tensor([True, False]), [[1, 2]]):
        with pytest.raises(XaiwidgetsError, match="give a slice, places as whole numbers, or a flag for each image"):
            concepts.subset(wrong)


@pytest.mark.parametrize("shape", [(3, 16), "a", (3, 0, 16), 16, (3.0, 16, 16)])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(XaiwidgetsError, match=r"give \(channel, height, width\)"):
        some_set().fitted(shape)


def test_a_set_is_no_sequence_and_says_so():
    with pytest.raises(XaiwidgetsError, match="give a slice, or use batch"):
        some_set()[3]
    with pytest.raises(XaiwidgetsError, match="read in batches"):
        next(iter(some_set()))
    with pytest.raises(XaiwidgetsError, match=r"ndarray was given; use ConceptSet\.from_arrays"):
        ConceptSet(np.zeros(3))


def test_an_image_that_is_not_there_is_refused():
    with pytest.raises(XaiwidgetsError, match="Image 7 was asked for; there are 5"):
        some_set().batch([7])
    with pytest.raises(XaiwidgetsError, match="a set of concepts has at least one"):
        some_set()[5:]
