import pytest
import torch
from torch import nn

import xaiwidgets as xw
from tests.model_inspection import heads
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods import InfluenceFunctions
from xaiwidgets.methods.model_inspection._influence import tiers

GOOD = heads.rows(30)


def explain(train=GOOD, test=None, model=None, **settings):
    return last(
        InfluenceFunctions(damping=1e-2, **settings)(model, train, heads.rows(2, seed=1) if test is None else test)
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"test": (GOOD[0][:1], torch.tensor([7]))},
            r"The test label 7 \(example 0\) is out of range; there are 3 classes",
        ),
        ({"train": (GOOD[0], -GOOD[1])}, "The training label -1"),
        (
            {"train": (GOOD[0].masked_fill(GOOD[0] > 2, torch.nan), GOOD[1])},
            "training features of row .* no finite numbers",
        ),
        ({"train": (GOOD[0], GOOD[1] + 40)}, "There are 43 classes, but only 30 training examples"),
        ({"train": (GOOD[0], GOOD[1] * 0)}, "All training examples have one label"),
        ({"train": (GOOD[0][:0], GOOD[1][:0])}, "No training examples were given"),
        ({"train": (GOOD[0][:, :3], GOOD[1])}, "3 features were given for training and 5 for testing"),
        ({"train": (GOOD[0], GOOD[1][:4])}, r"with labels of shape \(4,\) were given"),
        ({"train": (GOOD[0], GOOD[1].float())}, "Training labels of torch.float32 were given"),
        ({"train": GOOD[0]}, r"Tensor was given as training examples without a model; give two tensors: \(features"),
        ({"solver": "ekfac"}, "EK-FAC is for a network; give a model"),
    ],
)
def test_features_that_do_not_fit_are_refused_in_words(given, words):
    with pytest.raises(XaiwidgetsError, match=words):
        explain(**given)


def images(count=20, **known):
    generator = torch.Generator().manual_seed(0)
    return xw.data.ImageSet(torch.rand(count, 1, 28, 28, generator=generator), torch.arange(count) % 10, **known)


def test_a_head_that_is_no_linear_is_refused():
    ends_in_relu = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.ReLU())
    with pytest.raises(XaiwidgetsError, match="ends in '2', a ReLU, but a Linear is wanted as its head; name a layer"):
        explain(images(), images(2), xw.ImageModel(ends_in_relu, (1, 28, 28)))
    single = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
    with pytest.raises(XaiwidgetsError, match="The head '1' of Sequential has a single output"):
        explain(images(), images(2), xw.ImageModel(single, (1, 28, 28)))
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'; nearest: "):
        explain(images(), images(2), xw.load_model("lenet"), layer="conv9")


def test_images_without_labels_or_with_strange_ones_are_refused():
    lenet = xw.load_model("lenet")
    with pytest.raises(XaiwidgetsError, match="The training images have no labels"):
        explain(torch.rand(20, 1, 28, 28), images(2), lenet)
    with pytest.raises(XaiwidgetsError, match="The test images have no labels"):
        explain(images(), torch.rand(2, 1, 28, 28), lenet)
    strange = xw.data.ImageSet(torch.rand(20, 1, 28, 28), torch.arange(20))
    with pytest.raises(XaiwidgetsError, match=r"The training label 10 \(example 10\) is out of range; there are 10"):
        explain(strange, images(2), lenet)


class Shuffled(torch.utils.data.Dataset):
    """Gives other images each time."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(0)

    def __len__(self):
        return 20

    def __getitem__(self, place):
        return torch.rand(1, 28, 28, generator=self.generator), place % 10


def test_a_data_set_that_shuffles_itself_is_refused():
    with pytest.raises(XaiwidgetsError, match="gave other images when it was read a second time; turn shuffling"):
        explain(Shuffled(), images(2), xw.load_model("lenet"))


class DividesByZero(nn.Module):
    """Its features are no numbers for dark images."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(784, 10)

    def forward(self, x):
        return self.head(x.flatten(1) / (x.mean((1, 2, 3)) > 0.3).float()[:, None])


def test_features_that_are_no_numbers_are_refused():
    dark = images().batch(range(20))
    dark[3] = 0
    with pytest.raises(
        XaiwidgetsError, match=r"gives features that are no finite numbers for image 3 \(layer 'head'\)"
    ):
        explain(xw.data.ImageSet(dark, torch.arange(20) % 10), images(2), xw.ImageModel(DividesByZero(), (1, 28, 28)))


def test_what_cannot_be_removed_is_refused():
    found = explain()
    with pytest.raises(XaiwidgetsError, match="Training example 30 was asked for; there are 30"):
        found.retrain_without([30])
    with pytest.raises(XaiwidgetsError, match="All 10 examples of class 1 were chosen to be removed"):
        found.retrain_without(range(1, 30, 3))
    with pytest.raises(XaiwidgetsError, match="give their places as whole numbers"):
        found.retrain_without([0.5])
    with pytest.raises(XaiwidgetsError, match="No examples were given to be left out"):
        found.leave_one_out(0, [])
    with pytest.raises(XaiwidgetsError, match="subsets=2 was given; give at least 3"):
        found.lds(2)
    first = next(InfluenceFunctions(batch=4)(xw.load_model("lenet"), images(), images(2))).value
    with pytest.raises(XaiwidgetsError, match="Only a head can be fitted again in no time"):
        first.retrain_without([0])
    RESULTS.clear()
    begun = next(InfluenceFunctions()(None, GOOD, GOOD)).value
    with pytest.raises(XaiwidgetsError, match="The head is not at its optimum yet"):
        begun.retrain_without([0])
    with pytest.raises(XaiwidgetsError, match="Test example 2 was asked for; there are 2"):
        found.leave_one_out(2)
    assert len(found.leave_one_out(-1, range(30)).examples) == 30


def test_what_takes_too_much_memory_is_refused_or_solved_otherwise(monkeypatch):
    RESULTS.clear()  # an inverse that is there takes no more memory
    monkeypatch.setattr(tiers, "free_memory", lambda _device: 10_000)
    assert explain().tier == "conjugate gradients"
    with pytest.raises(
        XaiwidgetsError, match=r"The exact inverse for 15 parameters takes .* are free; choose solver='cg'"
    ):
        explain(solver="exact")
    monkeypatch.setattr(tiers, "free_memory", lambda _device: 900)
    with pytest.raises(
        XaiwidgetsError, match="The effects of 30 training on 2 test examples take 480 bytes, 900 bytes"
    ):
        explain()
