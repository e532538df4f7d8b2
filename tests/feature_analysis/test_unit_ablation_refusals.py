"""What cannot be ablated is refused in words, and what cannot be read or would be too much is left out."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.feature_analysis.ablated import labelled, precise_model
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import UnitAblation
from xaiwidgets.methods.feature_analysis._ablation import run
from xaiwidgets.models import ImageModel


def test_the_changes_of_all_classes_cancel_and_are_left_out_where_they_are_many(monkeypatch):
    model, concepts = precise_model("lenet"), labelled("lenet")
    value = last(UnitAblation("3", (0, 7), controls=1)(model, concepts))
    present = value.present > 0
    assert value.class_change[:, present].sum(2).abs().max() < 1e-12
    assert value.class_change[:, ~present].isnan().all()
    of_class = [value.place_of(f"class_{i}") for i in range(10)]
    own = value.class_change[:, of_class, range(10)]
    np.testing.assert_allclose(own, value.score_change[:, of_class], rtol=1e-9)
    monkeypatch.setattr(run, "_MOST_CHANGES", 2 * 13 * 10 - 1)
    without = last(UnitAblation("3", (0, 7), controls=1)(model, concepts))
    assert without.class_change is None
    assert torch.equal(without.change_sum, value.change_sum)


def test_broken_images_are_left_out_and_named(tmp_path):
    folder = labelled("resnet").save(tmp_path / "set")
    method, model = UnitAblation("3", (0, 1), controls=0), image_model("resnet")
    whole = last(method(model, ConceptSet.from_broden(folder, broken="skip")))
    first = (folder / "index.csv").read_text().splitlines()[1].split(",")[0]
    (folder / "images" / first).unlink()
    value = last(method(model, ConceptSet.from_broden(folder, broken="skip")))
    assert (whole.seen, whole.counted, whole.skipped) == (23, 23, ())
    assert (value.seen, value.counted) == (23, 22)
    assert first in value.skipped[0]


def test_what_cannot_be_ablated_is_refused_in_words():
    model, concepts = image_model("lenet"), labelled("lenet")
    for layer in ("", "9"):
        with pytest.raises(XaiwidgetsError, match=rf"Layer '{layer}' is the output of Sequential: without a unit"):
            last(UnitAblation(layer, (0,))(model, concepts))
    with pytest.raises(XaiwidgetsError, match="Unit 16 was asked for; layer '3' has 16 units, 0 to 15"):
        last(UnitAblation("3", (16,))(model, concepts))
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'"):
        last(UnitAblation("conv9", (0,))(model, concepts))
    with pytest.raises(XaiwidgetsError, match=r"Tensor was given as concepts; give an xw\.ConceptSet"):
        last(UnitAblation("3", (0,))(model, torch.rand(3, 1, 28, 28)))
    with pytest.raises(XaiwidgetsError, match=r"give a tensor \(image, 1, height, width\)"):
        last(UnitAblation("3", (0,))(model, labelled("resnet")))
    with pytest.raises(InvalidSettingError, match="controls=65 was given"):
        UnitAblation("3", (0,), controls=65)
    with pytest.raises(XaiwidgetsError, match="No concept has the name 'moon'"):
        last(UnitAblation("3", (0,))(model, concepts)).place_of("moon")


@pytest.mark.parametrize(
    ("network", "came"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)), r"\(2, 8, 8\)"),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(256, 1)), r"\(1,\)"),
    ],
    ids=["maps", "one number"],
)
def test_a_network_without_classes_is_refused_in_words(network, came):
    concepts = ConceptSet.from_arrays(torch.rand(2, 3, 8, 8), {"a": torch.ones(2, 1, 1).long()}, {"a": ["b"]})
    with pytest.raises(XaiwidgetsError, match=f"gives an output of shape {came} for each image; unit ablation asks"):
        last(UnitAblation("0", (0,))(ImageModel(network, (3, 8, 8)), concepts))


def test_an_output_that_is_no_number_is_refused_in_words():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 3, 1), nn.Linear(3, 2)

        def forward(self, x):
            mean = self.conv(x).mean((2, 3))
            return self.head(mean / mean[:, 1:2].abs())

    concepts = ConceptSet.from_arrays(torch.rand(2, 1, 8, 8), {"a": torch.ones(2, 1, 1).long()}, {"a": ["b"]})
    with pytest.raises(
        XaiwidgetsError, match="gave a value that is not a finite number without unit 1 of layer 'conv'"
    ):
        last(UnitAblation("conv", (1,), controls=0)(ImageModel(Odd(), (1, 8, 8)), concepts))
