import pytest
import torch
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import Counterfactual, CounterfactualSwap

ROWS = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.zeros(30, dtype=torch.int64)
IMAGES = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def function(rows):
    return torch.stack([rows.sum(1), rows[:, 0]], 1)


def explain(model=function, train=(ROWS, LABELS), query=ROWS[0], **settings):
    return last(Counterfactual(**settings)(model, train, query))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"query": ROWS[0] * torch.nan}, "The query features of row 0 are no finite numbers"),
        ({"train": (ROWS.where(ROWS < 2, torch.nan), LABELS)}, "The training features of row .* no finite numbers"),
        ({"query": ROWS[0, :3]}, r"A query of shape \(1, 3\) was given for 4 features; give one row"),
        ({"query": ROWS[:2]}, r"A query of shape \(2, 4\)"),
        ({"target": 2}, "target=2 was given, but function knows 2 classes, 0 to 1; give one of them, or None"),
        ({"target": -1}, "target=-1 was given"),
        (
            {"frozen": torch.ones(3, dtype=torch.bool)},
            r"A frozen mask of shape \(3,\) was given for 4; give one number",
        ),
        ({"frozen": torch.ones(4, dtype=torch.bool)}, "All 4 features are frozen, so that nothing can change"),
        ({"frozen": (0, 1, 2, 3)}, "All 4 features are frozen"),
        ({"frozen": (0, 4)}, r"frozen=\[0, 4\] was given for 4 features; .* places from 0 to 3"),
        ({"frozen": torch.rand(4)}, "give a mask of booleans, or places"),
        ({"region": "top"}, "region='top' was given for a table, which has no regions"),
        ({"train": (ROWS[:9], LABELS[:9])}, "9 training examples were given; give at least 10"),
        ({"model": None}, "NoneType was given as the model of a table; give a module or a function of rows"),
        ({"model": lambda rows: rows.sum(1)}, r"gives an output of shape \(1,\); a row of numbers"),
        ({"model": lambda rows: rows.detach().numpy()}, "gave ndarray for rows; a function of torch tensors is wanted"),
        ({"model": lambda rows: rows / 0}, "gives outputs that are no finite numbers"),
    ],
)
def test_what_a_table_cannot_be_asked_is_refused_in_words(given, words):
    with pytest.raises(XaiwidgetsError, match=words):
        explain(**given)


@pytest.mark.parametrize(
    ("given", "settings", "words"),
    [
        ({"query": IMAGES[:2]}, {}, "2 query images were given; give one"),
        ({"query": torch.rand(1, 3, 28, 28)}, {}, "Images of 3×28×28 were given; LeNet looks at 1×28×28"),
        ({"train": torch.rand(20, 1, 9, 9)}, {}, "Images of 1×9×9 were given"),
        ({"query": IMAGES[:1] * torch.nan}, {}, "(?i)nan|finite"),
        ({"train": IMAGES[:4]}, {}, "4 training examples were given; give at least 10"),
        ({}, {"target": 10}, "target=10 was given, but LeNet knows 10 classes, 0 to 9"),
        ({}, {"frozen": torch.zeros(27, 28, dtype=torch.bool)}, r"mask of shape \(27, 28\) was given for 1×28×28"),
        ({}, {"frozen": torch.ones(28, 28, dtype=torch.bool)}, "All 784 features are frozen"),
        ({}, {"layer": "fc9"}, "no layer 'fc9'; nearest: 'fc"),
    ],
)
def test_what_a_network_cannot_be_asked_is_refused_in_words(given, settings, words):
    given = {"train": IMAGES, "query": IMAGES[:1]} | given
    with pytest.raises(XaiwidgetsError, match=words):
        last(Counterfactual(**settings)(xw.load_model("lenet"), given["train"], given["query"]))


def test_settings_out_of_range_are_refused():
    for wrong in ({"moves": "pixels"}, {"distance": "l0"}, {"region": "corner"}, {"floor": 0}, {"growth": 1}):
        with pytest.raises(InvalidSettingError, match=f"{next(iter(wrong))}=.* was given; give"):
            Counterfactual(**wrong)


class Flat(nn.Module):
    """No map at all."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Linear(784, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.relu(self.first(x.flatten(1))))


TEST = xw.data.fashion_mnist_small("test").batch(range(10))


@pytest.mark.parametrize(
    ("layer", "given", "settings", "words"),
    [
        ("fc1", {}, {}, "Layer 'fc1' of LeNet has no map of cells to swap; choose one that has: .*'pool2'"),
        ("conv9", {}, {}, "no layer 'conv9'; nearest: 'conv"),
        ("pool2", {"query": TEST[:2]}, {}, "2 query images were given; give one"),
        ("pool2", {"images": torch.rand(2, 1, 9, 9)}, {}, "Images of 1×9×9 were given"),
        ("pool2", {"images": TEST[2:3]}, {}, r"None of the 1 images is answered otherwise than the query \(1\)"),
        ("pool2", {}, {"target": 1}, "The query is answered with class 1 already"),
        ("pool2", {}, {"target": 12}, "target=12 was given, but LeNet knows 10 classes, 0 to 9"),
        ("pool2", {"images": TEST[:1]}, {"target": 3}, "None of the 1 images is answered with class 3"),
        ("pool2", {"query": TEST[2:3] * torch.nan}, {}, "(?i)nan|finite"),
    ],
)
def test_what_cannot_be_swapped_is_refused_in_words(layer, given, settings, words):
    given = {"query": TEST[2:3], "images": TEST} | given
    with pytest.raises(XaiwidgetsError, match=words):
        last(CounterfactualSwap(layer, **settings)(xw.load_model("lenet"), given["query"], given["images"]))


def test_a_network_without_any_map_is_refused_in_words():
    torch.manual_seed(0)  # one that does not give all of these images the same answer
    model = xw.ImageModel(Flat(), (1, 28, 28))
    with pytest.raises(XaiwidgetsError, match="Layer 'first' of Flat has no map of cells to swap"):
        last(CounterfactualSwap("first")(model, ImageSet(TEST[:1]), ImageSet(TEST)))
    with pytest.raises(XaiwidgetsError, match="Flat has no layer with a map of 2 to 400 cells"):
        xw.RegionSwapper(model, ImageSet(TEST))
