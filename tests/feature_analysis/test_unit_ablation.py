import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

import xaiwidgets as xw
from tests.feature_analysis.ablated import ablated, labelled, precise_model
from tests.networks import image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import UnitAblation
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.methods.feature_analysis._ablation import run
from xaiwidgets.methods.feature_analysis._ablation.control_units import control_sets
from xaiwidgets.methods.feature_analysis._ablation.effects import sign_test
from xaiwidgets.methods.feature_analysis._ablation.true_class import classes_of
from xaiwidgets.models import ImageModel

# A large network looks at 500 scenes, so that there is time to press Pause.
WIDGET = "xw.UnitAblator(xw.load_model('efficientnet_lite0'), layer='_blocks.10', units=[1, 4], controls=4, top=3)"

SMALL = ["resnet", "vision_transformer", "functional_cnn", "channels_last", "lenet", "mlp"]
COUNTS = ("images", "right", "lost", "gained")


def example():
    """A tiny call for the contract suite: two batches."""
    concepts = labelled("lenet", 70, size=(1, 1))
    return UnitAblation("3", units=(1, 4), controls=2, top=3), (image_model("lenet"), concepts)


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 8)


def agree(value, expected, row):
    for name in COUNTS:
        part = getattr(value, name)
        np.testing.assert_array_equal(part if part.dim() == 1 else part[row], expected[name])
    np.testing.assert_allclose(value.score_change[row], expected["change"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(value.standard_error[row], expected["error"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("classes", [True, False], ids=["labels", "predictions"])
@pytest.mark.parametrize("name", SMALL)
def test_it_counts_what_one_image_after_the_other_shows(name, classes, in_small_batches):
    concepts = labelled(name, classes=classes)
    value = last(UnitAblation(layer_of(name), (3, 0), controls=2, top=4)(precise_model(name), concepts))
    assert value.truth == ("labels" if classes else "predictions")
    assert value.seen == 23
    assert value.removed == ((3,), (0,))
    for row, units in enumerate(value.removed):
        expected = ablated(name, concepts, units)
        agree(value, expected, row)
        agree(value.without, ablated(name, concepts, units, having=False), row)
        drops = len(expected["ids"][:4])
        np.testing.assert_array_equal(value.top.ids[row, :drops], expected["ids"][:4])
        np.testing.assert_allclose(value.top.changes[row, :drops], expected["drops"][:4], rtol=1e-9)
        np.testing.assert_allclose(value.class_sum[row], expected["by_class"], rtol=1e-9, atol=1e-12)
    for row, units in enumerate(value.control_units):
        agree(value.controls, ablated(name, concepts, units), row)
        agree(value.controls_without, ablated(name, concepts, units, having=False), row)


@pytest.mark.parametrize("name", ["resnet", "vision_transformer"])
def test_together_they_are_all_silent_at_once(name, in_small_batches):
    concepts = labelled(name)
    value = last(UnitAblation(layer_of(name), (5, 1, 5, 2), together=True, controls=3)(precise_model(name), concepts))
    assert value.removed == ((5, 1, 2),)
    agree(value, ablated(name, concepts, (1, 2, 5)), 0)
    assert {len(units) for units in value.control_units} == {3}
    for row, units in enumerate(value.control_units):
        assert not {1, 2, 5} & set(units)
        agree(value.controls, ablated(name, concepts, units), row)


def colour_network():
    """A unit for each channel of the image, their means, and known weights: units 0 and 3 both speak for red."""
    detect, head = nn.Conv2d(4, 5, 1).double(), nn.Linear(5, 3).double()
    with torch.no_grad():
        detect.weight.zero_()
        detect.bias.zero_()
        for unit in range(4):
            detect.weight[unit, unit] = 1
        detect.bias[4] = -1  # dead behind the ReLU
        head.weight.copy_(10 * torch.tensor([[1.0, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]))
        head.bias.copy_(torch.tensor([0.0, 0.1, 0.2], dtype=torch.float64))
    network = nn.Sequential(detect, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    return ImageModel(network, (4, 6, 6), None, ["Red", "Green", "Blue"])


def colours():
    """Eight images of each colour; every fourth red one is bright in the fourth channel too; some have a spot."""
    label = torch.arange(24) % 3
    images = torch.zeros(24, 4, 6, 6)
    images[torch.arange(24), label] = 1
    images[0:24:12, 3] = 1  # images 0 and 12, which are red
    spot = torch.zeros(24, 6, 6, dtype=torch.int64)
    spot[::2, 2, 3] = 1
    masks = {"color": (label + 1)[:, None, None].expand(-1, 6, 6), "thing": spot}
    return ConceptSet.from_arrays(images, masks, {"color": ["red", "GREEN", "blue"], "thing": ["spot"]})


def test_a_planted_unit_takes_exactly_its_class_along():
    model, concepts = colour_network(), colours()
    value = last(UnitAblation("1", (0, 1, 2, 3, 4), controls=0, top=6)(model, concepts))
    assert value.truth == "labels"
    assert value.accuracy_before.tolist() == [1, 1, 1, 1]
    # Unit 3 holds two of the eight red images; the spot is on four of each colour, on both of these among the red.
    np.testing.assert_array_equal(
        value.accuracy, [[2 / 8, 1, 1, 10 / 12], [1, 0, 1, 8 / 12], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    )
    assert value.lost[0].tolist() == [6, 0, 0, 2]
    assert not value.gained.any()
    e = math.exp
    before = e(10.1) / (1 + e(10.1) + e(0.2))
    np.testing.assert_allclose(value.score_change[1, 1], e(0.1) / (1 + e(0.1) + e(0.2)) - before, rtol=1e-12)
    # Blue is what the network answers where it sees nothing, so that blue images stay right but lose probability.
    np.testing.assert_allclose(
        value.score_change[2, 2], e(0.2) / (1 + e(0.1) + e(0.2)) - e(10.2) / (1 + e(0.1) + e(10.2)), rtol=1e-12
    )
    assert value.top.classes[0].tolist() == [0] * 6
    assert value.top.ids[0].tolist() == [3, 6, 9, 15, 18, 21]
    assert value.top.answers[0].tolist() == [2] * 6
    both = last(UnitAblation("1", (0, 3), together=True, controls=0)(model, concepts))
    np.testing.assert_array_equal(both.accuracy, [[0, 1, 1, 8 / 12]])
    assert both.p_value[0, 0] == pytest.approx(2 / 2**8)


def test_a_dead_unit_has_no_effect_at_all():
    value = last(UnitAblation("1", (4,), controls=0)(colour_network(), colours()))
    for part in (value, value.without):
        for name in ("lost", "gained", "change_sum", "square_sum"):
            assert not getattr(part, name).any()
    assert (value.p_value == 1).all()
    assert (value.top.ids == -1).all()
    # Before a batch normalisation another network runs than for the output alone; both passes must run the same one.
    network = image_model("resnet")
    with torch.no_grad():
        network.module[0].weight[2] = 0
    value = last(UnitAblation("0", (2, 3), controls=0)(network, labelled("resnet")))
    assert not value.change_sum[0].any()
    assert value.change_sum[1].any()


@pytest.mark.parametrize("batch", [1, 4, 7, 23])
def test_the_size_of_batches_changes_no_count(batch, monkeypatch):
    concepts, method = labelled("lenet"), UnitAblation("3", (2, 5), controls=2)
    whole = last(method(precise_model("lenet"), concepts))
    monkeypatch.setattr(_scan, "_LARGEST", batch)
    value = last(method(precise_model("lenet"), concepts))
    for one, two in ((value, whole), (value.without, whole.without), (value.controls, whole.controls)):
        assert all(torch.equal(getattr(one, name), getattr(two, name)) for name in COUNTS)
        torch.testing.assert_close(one.change_sum, two.change_sum)
    assert torch.equal(value.top.ids, whole.top.ids)


def test_every_batch_gives_the_answer_so_far_and_removals_lie_between(in_small_batches):
    concepts, method = labelled("lenet"), UnitAblation("3", (2, 5), controls=1)
    steps = list(method(precise_model("lenet"), concepts))
    assert [step.done for step in steps[:5]] == [0.5, 1, 1.5, 2, 4]
    assert len(steps) == 4 * 4  # batches of 2, 8, 8 and 5 images, each looked at once and three times without a unit
    assert steps[0].value.seen == 0
    assert steps[0].value.accuracy.isnan().all()
    for step in steps:
        seen = step.value.seen
        assert seen <= step.done
        if seen == step.done:
            alone = last(method(precise_model("lenet"), concepts[:seen]))
            assert all(torch.equal(getattr(step.value, name), getattr(alone, name)) for name in COUNTS)
    assert seen == 23


def test_once_an_image_has_its_class_as_label_only_such_images_are_told_of(in_small_batches):
    concepts = colours()
    batch = concepts.batch(slice(None))
    label = batch.layers[:, 0].long().clone()
    label[:13] = 0
    label[20] = 0
    label[21, 0, 0] = 0  # all but one pixel: not the whole image
    masks = {"color": label, "thing": (batch.layers[:, 1] > 0).long()}
    some = ConceptSet.from_arrays(batch.images, masks, {"color": ["red", "green", "blue"], "thing": ["spot"]})
    method = UnitAblation("1", (0, 1), controls=1)
    steps = list(method(colour_network(), some))
    assert [step.value.truth for step in steps if step.done in {2, 10, 18}] == ["predictions"] * 2 + ["labels"]
    value = steps[-1].value
    alone = last(method(colour_network(), some.subset([13, 14, 15, 16, 17, 18, 19, 22, 23])))
    assert (value.seen, value.counted) == (24, 9)
    assert all(torch.equal(getattr(value, name), getattr(alone, name)) for name in COUNTS)
    assert torch.equal(value.top.ids, alone.top.ids)


def test_with_predictions_as_truth_nothing_is_gained_and_no_test_is_made():
    value = last(UnitAblation("3", (0, 1, 2))(image_model("lenet"), labelled("lenet", classes=False)))
    assert value.truth == "predictions"
    present = value.present > 0
    assert (value.accuracy_before[present] == 1).all()
    assert not value.gained.any()
    assert value.p_value.isnan().all()


def test_a_label_names_a_class_whatever_its_capitals_and_several_name_none():
    found = classes_of(
        (("hot  dog", "a"), ("HOT_DOG", "b"), ("crane", "a"), ("cat", "c")), ["crane", "Hot-dog", "crane"]
    )
    assert found.tolist() == [1, 1, -1, -1]
    concepts = ConceptSet.from_arrays(
        torch.rand(3, 4, 6, 6),
        {"a": torch.tensor([1, 1, 0])[:, None, None], "b": torch.tensor([2, 1, 1])[:, None, None]},
        {"a": ["red"], "b": ["RED", "blue"]},
    )
    value = last(UnitAblation("1", (0,), controls=0)(colour_network(), concepts))
    assert value.counted == 2  # the first image is called red and blue
    assert value.present.tolist() == [1, 2, 0]


def test_probabilities_are_taken_as_they_are():
    model, concepts = precise_model("lenet"), labelled("lenet")
    ended = ImageModel(nn.Sequential(*model.module, nn.Softmax(1)), (1, 28, 28), model.raw_normalize, model.class_names)
    method = UnitAblation("3", (0, 7), controls=1)
    torch.testing.assert_close(last(method(ended, concepts)).change_sum, last(method(model, concepts)).change_sum)


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


def test_the_sign_test_is_scipys():
    lost, gained = torch.meshgrid(torch.arange(40), torch.arange(40), indexing="ij")
    expected = [[scipy.stats.binomtest(a, a + b).pvalue if a + b else 1.0 for b in range(40)] for a in range(40)]
    np.testing.assert_allclose(sign_test(lost, gained), expected, rtol=1e-9)
    many = torch.tensor([[5000, 30000], [1, 29500]])
    expected = [scipy.stats.binomtest(a, a + b).pvalue for a, b in many.T.tolist()]
    np.testing.assert_allclose(sign_test(*many), expected, rtol=1e-7)


def test_controls_are_random_others_that_the_seed_alone_draws():
    drawn = control_sets((3, 5), 1, 6, 20, seed=1)
    assert len(set(drawn)) == 6
    assert not {(3,), (5,)} & set(drawn)
    assert drawn == control_sets((3, 5), 1, 6, 20, seed=1) != control_sets((3, 5), 1, 6, 20, seed=2)
    ((first,), *others) = drawn
    assert control_sets((3, 5, first), 1, 5, 20, seed=1) == tuple(others)  # the others stay
    assert sorted(control_sets((0, 1), 1, 9, 4, seed=0)) == [(2,), (3,)]  # there are no more
    assert sorted(control_sets((0, 1), 2, 9, 5, seed=0)) == [(2, 3), (2, 4), (3, 4)]
    assert control_sets((0, 1, 2), 3, 9, 5, seed=0) == ()
    drawn = control_sets((0, 1, 2), 3, 7, 12, seed=4)
    assert len(set(drawn)) == 7
    assert len({unit for units in drawn[:3] for unit in units}) == 9  # no unit twice before all were taken


def test_what_a_unit_does_is_told_apart_from_what_any_unit_does():
    images = xw.data.fashion_mnist_small("test")
    labels = {"class": (images.labels + 1)[:, None, None]}
    concepts = ConceptSet.from_arrays(images, labels, {"class": images.class_names})
    value = last(UnitAblation("relu2", (3, 12))(xw.load_model("lenet"), concepts))
    shirt = value.place_of("Shirt", "class")
    assert value.present[shirt] == 100
    assert value.accuracy[0, shirt] < value.accuracy_before[shirt] - 0.1
    assert value.p_value[0, shirt] < 1e-3
    assert value.as_harmful[0, shirt] == 0
    assert value.score_change[0, shirt] < 3 * value.without.score_change[0, shirt] < 0
    assert len(value.control_units) == 8
    assert value.controls.score_change.shape == (8, 10)


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
