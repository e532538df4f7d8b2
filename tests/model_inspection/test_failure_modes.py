from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import xaiwidgets as xw
from tests.model_inspection.planted_failures import DARK, planted_images, planted_model
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import FailureModes
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import read_features

WIDGET = "xw.FailureFinder(xw.load_model('lenet'), null=9)"
SHORT = True


def example():
    """A tiny call for the contract suite: two batches, about a tenth of which is right."""
    images = torch.rand(70, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return FailureModes(clusters=2, null=1), (image_model("lenet"), ImageSet(images, torch.arange(70) % 10))


@pytest.fixture(scope="module")
def planted():
    return last(FailureModes(clusters=1)(planted_model(), planted_images(900, seed=0)))


@pytest.fixture(scope="module")
def fashion():
    return last(FailureModes()(xw.load_model("lenet"), xw.data.fashion_mnist_small("test")))


def test_a_planted_failure_is_found_and_named(planted):
    words = planted.words(0)
    assert words.startswith("predicted bread, brightness under 0.")
    assert planted.rules[0].attributes == ("predicted", "brightness") or planted.rules[0].attributes[::-1] == (
        "predicted",
        "brightness",
    )
    (brightness,) = [one for one in planted.rules[0].conditions if one.attribute == "brightness"]
    assert DARK <= brightness.high <= 0.5  # no bread is darker than 0.5
    assert float(planted.held.precision[0]) >= 0.95
    assert float(planted.held.recall[0]) >= 0.95
    assert float(planted.held.interval[0, 0]) > 5 * planted.held.base
    assert float(planted.p_value[0]) == 1 / 20
    assert float(planted.null.held_out.mean()) < 2 < float(planted.held.lift[0])


def test_flags_hold_on_fresh_images(planted):
    fresh = planted_images(600, seed=1)
    flags = planted.flags(planted_model(), fresh)
    wrong = (fresh.labels == 0) & (fresh.batch(slice(None)).flatten(1).mean(1) < DARK)
    assert torch.equal(flags.wrong, wrong)
    assert int(wrong.sum()) > 20
    assert float(flags.rates.precision[-1]) >= 0.95
    assert float(flags.rates.recall[-1]) >= 0.95
    end = flags.selective
    assert float(end.kept[-1]) == 1 - float(flags.flagged.double().mean())
    assert float(end.accuracy[-1]) > 0.995 > float(end.accuracy[0])
    # This network is as sure of its failures as of anything, so that its confidence does not tell them.
    assert float(end.confident_accuracy[-1]) < 0.97
    assert end.p_value < 1e-4
    assert end.only_flagged > 20 * end.only_unsure


def test_flags_of_the_same_images_are_those_of_the_sheet(fashion):
    flags = fashion.flags(xw.load_model("lenet"), xw.data.fashion_mnist_small("test"))
    assert torch.equal(flags.covered, fashion.covered)
    assert torch.equal(flags.numbers, fashion.numbers)
    unlabelled = fashion.flags(xw.load_model("lenet"), xw.data.fashion_mnist_small("test").batch(range(70)))
    assert torch.equal(unlabelled.flagged, fashion.flagged[:70])
    with pytest.raises(XaiwidgetsError, match="These images have no labels"):
        unlabelled.rates  # noqa: B018 - the access is the test


def test_the_sheet_counts_what_one_image_after_the_other_shows(fashion):
    images = xw.data.fashion_mnist_small("test")
    answers = xw.load_model("lenet")(images.batch(slice(None)))
    predicted, labels = answers.argmax(1).tolist(), images.labels.tolist()
    wrong = [answer != label for answer, label in zip(predicted, labels, strict=True)]
    assert fashion.errors.tolist() == [i for i in range(1000) if wrong[i]]
    np.testing.assert_allclose(fashion.confidence, answers.double().softmax(1).max(1).values, rtol=1e-6)
    held = fashion.held_out.tolist()
    assert sum(held) == 499
    assert sum(held[i] for i in range(1000) if wrong[i]) == 60  # of 121
    for rule, covered in enumerate(fashion.covered.tolist()):
        under = [i for i in range(1000) if covered[i] and held[i]]
        errors = [i for i in under if wrong[i]]
        assert int(fashion.held.covered[rule]) == len(under)
        assert int(fashion.held.wrong[rule]) == len(errors)
        assert float(fashion.held.lift[rule]) == pytest.approx(len(errors) / len(under) / (60 / 499))
        unsure = sorted((i for i in range(1000) if held[i]), key=lambda i: float(fashion.confidence[i]))[: len(under)]
        assert int(fashion.confident.wrong[rule]) == sum(wrong[i] for i in unsure)


def test_a_rule_covers_what_it_says(fashion):
    images = xw.data.fashion_mnist_small("test").batch(slice(None)).double().numpy()[:, 0]
    columns = {"brightness": images.mean((1, 2)), "contrast": images.std((1, 2)), "confidence": fashion.confidence}
    for rule, covered in zip(fashion.rules, fashion.covered, strict=True):
        inside = np.ones(1000, bool)
        for one in rule.conditions:
            if one.attribute == "predicted":
                inside &= (fashion.predicted == one.label).numpy()
            elif one.attribute in columns:
                column = np.asarray(columns[one.attribute])
                inside &= (column >= one.low) & (column < one.high)
        assert not (covered.numpy() & ~inside).any()
    told = {name for rule in fashion.rules for name in rule.attributes}
    assert told & {*columns, "predicted"}


def test_what_is_claimed_is_less_than_what_was_found(fashion):
    """On real errors the rules hold, though less well than where they were found; on random errors they do not."""
    assert float(fashion.null.found.mean()) > 3
    assert float(fashion.null.held_out.mean()) == pytest.approx(1, abs=0.3)
    assert float(fashion.held.lift.mean()) < float(fashion.found.lift.mean())
    assert float(fashion.held.lift.mean()) > float(fashion.null.held_out.max())
    assert len(fashion.null.best) == 19


def test_errors_that_nothing_tells_get_no_rule_that_holds():
    images = ImageSet(xw.data.fashion_mnist_small("test").batch(slice(None)))
    model = xw.load_model("lenet")
    answers = model(images.batch(slice(None))).argmax(1)
    lies = torch.rand(1000, generator=torch.Generator().manual_seed(5)) < 0.1
    labelled = ImageSet(images.batch(slice(None)), (answers + lies.long() * 3) % 10)
    value = last(FailureModes(null=19)(model, labelled))
    assert float(value.found.lift.min()) > 2
    assert float(value.p_value.min()) > 0.05
    assert float(value.held.lift.mean()) == pytest.approx(1, abs=0.5)


def test_confusions_are_the_most_frequent_pairs(fashion):
    value = last(
        FailureModes(groups="confusions", clusters=3, null=0)(
            xw.load_model("lenet"), xw.data.fashion_mnist_small("test")
        )
    )
    known = [i for i in value.errors.tolist() if not value.held_out[i]]
    pairs = [(int(value.labels[i]), int(value.predicted[i])) for i in known]
    counts = sorted({pair: pairs.count(pair) for pair in pairs}.values(), reverse=True)[:3]
    for cluster, count in enumerate(counts):
        members = value.members(cluster).tolist()
        assert len({(int(value.labels[i]), int(value.predicted[i])) for i in members}) == 1
        assert len([i for i in members if not value.held_out[i]]) == count
    assert int((value.cluster == -1).sum()) == len(value.errors) - sum(len(value.members(c)) for c in range(3))


def test_without_confidence_no_rule_speaks_of_it():
    value = last(
        FailureModes(words="without confidence", null=0)(xw.load_model("lenet"), xw.data.fashion_mnist_small("test"))
    )
    assert not {"confidence", "margin"} & {name for rule in value.rules for name in rule.attributes}


def test_given_attributes_are_spoken_of(planted):
    """An attribute that no picture shows, and that tells all errors."""
    images = planted_images(300, seed=2)
    wet = (planted.flags(planted_model(), images).wrong).double()
    table = torch.stack([torch.arange(300) % 2, wet], 1)
    method = FailureModes(clusters=1, null=0, attributes=table, attribute_names="odd, wet")
    value = last(method(planted_model(), images))
    assert value.words(0) == "wet at least 1"
    assert float(value.held.precision[0]) == float(value.held.recall[0]) == 1
    assert torch.equal(value.flags(planted_model(), images, table).covered, value.covered)
    with pytest.raises(XaiwidgetsError, match=r"attributes of shape \(0, 0\) were given with 2 names for 300 images"):
        value.flags(planted_model(), images)


def test_a_network_without_errors_is_a_result():
    value = last(FailureModes()(planted_model(dark=0.0), planted_images(90, seed=0)))
    assert (len(value.errors), len(value.rules), value.seen) == (0, 0, 90)
    assert value.covered.shape == (0, 90)
    assert value.selective.kept.tolist() == [1]
    assert value.selective.accuracy.tolist() == [1]
    assert not value.flags(planted_model(), planted_images(9, seed=1)).flagged.any()


@pytest.mark.parametrize("errors", [1, 2, 3])
def test_a_few_errors_claim_little(errors):
    images = planted_images(90, seed=0)
    labels = images.labels.clone()
    labels[40 : 40 + errors] = (labels[40 : 40 + errors] + 1) % 3
    value = last(FailureModes(null=3)(planted_model(dark=0.0), ImageSet(images.batch(slice(None)), labels)))
    assert len(value.errors) == errors
    assert len(value.rules) <= errors
    assert value.held.errors == errors // 2
    assert bool(value.held.lift.isfinite().all())


def test_a_known_set_is_read_in_the_same_steps():
    method, (model, images) = example()
    RESULTS.clear()
    first = [(step.done, len(step.value.errors)) for step in method(model, images)]
    again = [(step.done, len(step.value.errors)) for step in method(model, images)]
    assert first == again
    assert [done for done, _ in first[:3]] == [45 * 64 / 70, 45, 50]


def test_progress_never_stands_still_where_settings_change():
    method, (model, images) = example()
    steps, dones = method(model, images), []
    for i, step in enumerate(steps):
        dones.append(step.done)
        if i in {8, 14}:
            dones.append(steps.send({"clusters": 2 + i % 5}).done)
    assert all(a < b for a, b in pairwise(dones))
    assert dones[-1] == 100


def test_what_cannot_be_told_is_refused_in_words():
    model, images = planted_model(), planted_images(30, seed=0)
    pixels = images.batch(slice(None))
    with pytest.raises(XaiwidgetsError, match=r"have no labels, so that nobody knows which answers are wrong; give xw"):
        last(FailureModes()(model, pixels))
    with pytest.raises(XaiwidgetsError, match=r"Image 4 has the label 7, but FailsInTheDark knows 3 classes, 0 to 2"):
        last(FailureModes()(model, ImageSet(pixels, [0, 1, 2, 0, 7] + [0] * 25)))
    with pytest.raises(
        XaiwidgetsError, match="3 images were given and clusters=4; give more images, or lower clusters"
    ):
        last(FailureModes()(model, images[:3]))
    with pytest.raises(XaiwidgetsError, match="answers all 30 images wrongly"):
        last(FailureModes()(planted_model(dark=0.0), ImageSet(pixels, (images.labels + 1) % 3)))
    with pytest.raises(XaiwidgetsError, match=r"Images of 1×8×8 were given; FailsInTheDark looks at 1×6×9"):
        last(
            FailureModes()(
                ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(54, 3)), (1, 6, 9), name="FailsInTheDark"),
                ImageSet(torch.rand(9, 1, 8, 8), [0] * 9),
            )
        )
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'"):
        last(FailureModes(layer="conv9")(model, images))
    with pytest.raises(XaiwidgetsError, match=r"An attribute is called 'brightness' as another one is"):
        last(FailureModes(attributes=torch.rand(30, 1), attribute_names="brightness")(model, images))
    with pytest.raises(XaiwidgetsError, match="attributes hold values that are no finite numbers"):
        last(FailureModes(attributes=torch.full((30, 1), torch.nan), attribute_names="wet")(model, images))
    with pytest.raises(
        XaiwidgetsError, match=r"gives an output of shape \(1,\) for each image; one number for each of several classes"
    ):
        last(FailureModes()(ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(54, 1)), (1, 6, 9)), images))
    with pytest.raises(InvalidSettingError, match="clusters=13 was given"):
        FailureModes(clusters=13)
    with pytest.raises(XaiwidgetsError, match="This sheet has no rules yet"):
        next(FailureModes()(model, images)).value.flags(model, images)
    sheet = last(FailureModes(null=0)(model, images))
    with pytest.raises(
        XaiwidgetsError, match="Sequential knows 10 classes, but the sheet is of a network that knows 3"
    ):
        sheet.flags(image_model("lenet"), torch.rand(2, 1, 28, 28))


def test_distances_are_in_units_of_the_usual_one(fashion):
    distance = fashion.numbers[:, fashion.names.index("distance")]
    assert float(distance[~fashion.held_out].median()) == 1
    features = list(read_features(xw.load_model("lenet"), xw.data.fashion_mnist_small("test")))[
        -1
    ].value.values.double()
    middles = [features[(fashion.labels == c) & ~fashion.held_out].mean(0) for c in range(10)]
    plain = torch.stack([(features - middle).norm(dim=1) for middle in middles], 1).min(1).values
    np.testing.assert_allclose(distance, plain / plain[~fashion.held_out].median(), rtol=1e-9)
