import numpy as np
import pytest
import torch
from torch import nn

from tests.feature_analysis.dissected import (
    activations,
    convolution,
    dissected,
    same,
    some_concepts,
    steps_of,
    upsampled,
)
from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import NetworkDissection
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.models import ImageModel

WIDGET = (
    "xw.Dissector(xw.load_model('efficientnet_lite0'), xw.data.scenes(1000, size=112), layer='_blocks.4', "
    "denominator='all')"
)


def example():
    """A tiny call for the contract suite: two batches in each pass."""
    concepts = some_concepts(260, size=(8, 8), labels=(4, 4))
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
    return NetworkDissection("0", quantile=0.05, top=2), (ImageModel(network, (3, 8, 8)), concepts)


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 4)


@pytest.mark.parametrize("upsampling", ["plain", "receptive_field"])
@pytest.mark.parametrize("denominator", ["original", "lite", "all"])
def test_counts_are_those_of_the_definition(denominator, upsampling, in_small_batches):
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05, denominator=denominator, upsampling=upsampling)
    value = last(method(model, concepts))
    maps = activations(model, concepts)
    # A kernel of 3 at stride 2 with one pixel of padding: position i looks at pixels 2i - 1 to 2i + 1.
    middles = [(2 * np.arange(n) + 0.5) / (2 * n) for n in (12, 10)]
    rows, columns = middles if upsampling == "receptive_field" else [(np.arange(n) + 0.5) / n for n in (12, 10)]
    up = upsampled(maps, (12, 10), rows, columns)
    both, size, area, iou = dissected(up, value.threshold, concepts, denominator)
    counts = value.counts.whole()
    np.testing.assert_array_equal(counts.intersection[0], both)
    np.testing.assert_array_equal(counts.labels[0], area)
    category = value.category
    masks = {"original": counts.masks, "lite": counts.touching, "all": counts.anywhere[..., None]}[denominator][0]
    np.testing.assert_array_equal(masks.expand(-1, 2)[:, category], size)
    np.testing.assert_allclose(value.iou, iou, rtol=1e-12)
    assert value.labels == tuple(concepts.concepts[i] for i in iou.argmax(1))


def test_the_denominators_differ_and_none_needs_a_pass():
    model, concepts = convolution(), some_concepts()
    given = {
        name: last(NetworkDissection("1", quantile=0.05, denominator=name)(model, concepts))
        for name in ("original", "lite", "all")
    }
    assert not torch.equal(given["original"].iou, given["lite"].iou)
    assert not torch.equal(given["original"].iou, given["all"].iou)
    for name, value in given.items():
        assert torch.equal(given["original"].rescored(denominator=name).iou, value.iou)


def test_labels_of_the_whole_image_and_several_a_pixel_are_counted(tmp_path):
    generator = torch.Generator().manual_seed(3)
    first = torch.randint(0, 4, (30, 12, 10), generator=generator)
    second = torch.where(first > 0, first % 3 + 1, 0)
    scene = torch.randint(1, 3, (30,), generator=generator)[:, None, None].expand(-1, 12, 10)
    concepts = some_concepts(30)
    images = concepts.batch(slice(None)).images
    masks = {"color": first, "color again": second, "scene": scene}
    names = {"color": ["red", "green", "blue"], "color again": ["green", "blue", "red"], "scene": ["day", "night"]}
    concepts = ConceptSet.from_arrays(images, masks, names)
    model = convolution()
    value = last(NetworkDissection("1", quantile=0.05, upsampling="plain")(model, concepts))
    up = upsampled(activations(model, concepts), (12, 10), *[(np.arange(n) + 0.5) / n for n in (12, 10)])
    both, _, area, iou = dissected(up, value.threshold, concepts, "original")
    np.testing.assert_array_equal(value.counts.whole().intersection[0], both)
    np.testing.assert_array_equal(value.counts.whole().labels[0], area)
    np.testing.assert_allclose(value.iou, iou, rtol=1e-12)
    assert area[-2:].sum() == 30 * 120


def test_a_dead_first_unit_changes_nothing_for_the_others():
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05)
    before = last(method(model, concepts))
    with torch.no_grad():
        model.module[0].weight[0] = 0
        model.module[0].bias[0] = -1
    after = last(method(model, concepts))
    assert after.dead.tolist() == [True] + 4 * [False]
    for quantile in before.levels:
        one, other = (value.rescored(quantile=quantile) for value in (before, after))
        assert torch.equal(one.iou[1:], other.iou[1:])


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_saturated_unit_has_an_empty_mask(kind):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Hardtanh(-1, 0.1)).to(kind)
    value = last(NetworkDissection("1")(ImageModel(network, (3, 24, 20)), some_concepts()))
    assert value.dead.all()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_network_is_dissected(name):
    model = image_model(name)
    channels, height, width = model.picture_shape
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(6, channels, height, width, generator=generator)
    masks = {"part": (images.mean(1) > 0.5).long() + 1}
    value = last(NetworkDissection(layer_of(name))(model, ConceptSet.from_arrays(images, masks, {"part": ["a", "b"]})))
    assert value.iou.shape == (model.layer(layer_of(name)).units, 2)
    assert value.seen == 6
    assert value.counts.anywhere.sum() > 0


def test_provisional_answers_come_first_and_leave_no_trace(in_small_batches):
    model, concepts = convolution(), some_concepts()
    steps = steps_of(NetworkDissection("1", quantile=0.05), model, concepts)
    assert [step.done for step in steps] == list(range(4, 81, 4))
    assert [step.value.provisional for step in steps] == [True] * 10 + [False] * 10
    assert [step.value.seen for step in steps] == list(range(4, 41, 4)) * 2
    assert all(step.value.threshold.isfinite().all() and step.value.iou.isfinite().all() for step in steps)
    final = steps[-1].value
    given = steps_of(NetworkDissection("1", quantile=0.05, thresholds=final.threshold), model, concepts)
    assert [step.done for step in given] == list(range(4, 41, 4))
    assert torch.equal(given[-1].value.iou, final.iou)
    assert torch.equal(given[-1].value.top.ids, final.top.ids)


def test_another_quantile_needs_one_pass_or_none(in_small_batches):
    model, concepts = convolution(), some_concepts()
    value = last(NetworkDissection("1", quantile=0.05)(model, concepts))
    for quantile in (0.01, 0.03):
        anew = last(NetworkDissection("1", quantile=quantile)(model, concepts))
        steps = steps_of(NetworkDissection("1", quantile=quantile), model, concepts, start=value)
        assert steps[0].done == 44  # the first pass is not made again
        assert same(steps[-1].value, anew)
        if quantile in value.levels:
            assert torch.equal(value.rescored(quantile=quantile).iou, anew.iou)
    with pytest.raises(XaiwidgetsError, match=r"quantile=0\.03 was asked for; counts are kept at 0\.001"):
        value.rescored(quantile=0.03)


def test_thresholds_may_be_a_list_or_an_array():
    model, concepts = convolution(), some_concepts()
    given = [0.1, 0.2, 0.3, 0.4, 0.5]
    values = [
        last(NetworkDissection("1", thresholds=kind(given))(model, concepts)).iou
        for kind in (list, np.array, torch.tensor)
    ]
    assert torch.equal(values[0], values[2])
    assert torch.equal(values[1], values[2])
    with pytest.raises(InvalidSettingError, match="thresholds='half' was given; give a tensor or None"):
        NetworkDissection("1", thresholds="half")
    with pytest.raises(XaiwidgetsError, match="The threshold of unit 2 is NaN"):
        last(NetworkDissection("1", thresholds=[0.1, 0.2, np.nan, 0.4, 0.5])(model, concepts))


def flat_colors(count=60, side=16):
    """Images in four flat quarters, of which one in fifty is red."""
    generator = torch.Generator().manual_seed(0)
    colors = torch.tensor([[0.1, 0.2, 0.8], [0.2, 0.7, 0.2], [0.5, 0.5, 0.5], [0.9, 0.1, 0.1]])
    which = torch.randint(0, 3, (count, 2, 2), generator=generator)
    which.view(count, -1)[torch.arange(0, count, 12), 1] = 3
    which = which.repeat_interleave(side // 2, 1).repeat_interleave(side // 2, 2)
    shade = 1 - 0.2 * torch.rand(count, 1, side, side, generator=generator)
    return ConceptSet.from_arrays(
        colors[which].permute(0, 3, 1, 2) * shade, {"color": which + 1}, {"color": ["blue", "green", "grey", "red"]}
    )


def test_a_planted_colour_detector_is_found_and_a_dead_unit_is_dead():
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, -1, -1], [0, 0, 0], [-1.0, -1, 1]])[..., None, None])
        network[0].bias.copy_(torch.tensor([0.0, -1, 0]))
    concepts = flat_colors()
    share = float((concepts.batch(slice(None)).layers == 4).double().mean())
    value = last(NetworkDissection("1", quantile=share)(ImageModel(network, (3, 16, 16)), concepts))
    assert value.labels[0] == ("red", "color")
    assert value.best_iou[0] >= 0.99
    assert value.labels[2] == ("blue", "color")
    assert value.dead.tolist() == [False, True, False]
    assert value.labels[1] is None
    assert not value.iou[1].any()
    assert value.threshold[1] == 0


def test_a_dead_unit_is_dead_whatever_its_constant():
    network = nn.Sequential(nn.Conv2d(3, 4, 1))
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].bias.copy_(torch.tensor([2.9997, -0.3, 0.0, 1e-9]))
    value = last(NetworkDissection("0")(ImageModel(network, (3, 16, 16)), flat_colors()))
    assert value.dead.all()
    assert value.labels == (None,) * 4
    assert value.unique_detectors == 0


def test_a_planted_offset_is_centred_by_the_receptive_field():
    # A kernel of 9 without padding at stride 4 looks 4.5 pixels to the right and below of its corner.
    network = nn.Sequential(nn.Conv2d(1, 1, 9, stride=4))
    with torch.no_grad():
        network[0].weight.fill_(1 / 81)
        network[0].bias.zero_()
    images = torch.zeros(1, 1, 65, 65)
    images[..., 28:37, 20:29] = 1
    concepts = ConceptSet.from_arrays(images, {"part": (images[:, 0] > 0).long()}, {"part": ["square"]})
    middles = {}
    for mode in ("receptive_field", "plain"):
        method = NetworkDissection("0", thresholds=torch.tensor([0.4]), upsampling=mode)
        value = last(method(ImageModel(network, (1, 65, 65)), concepts))
        mask = value.mask(0, 0)
        middles[mode] = [float(axis.double().mean()) + 0.5 for axis in mask.nonzero(as_tuple=True)]
    assert np.abs(np.subtract(middles["receptive_field"], (32.5, 24.5))).max() <= 0.5
    assert np.abs(np.subtract(middles["plain"], (32.5, 24.5))).max() > 0.5


def axis_aligned():
    """Units that each respond to one channel of the image; each channel is a concept, apart from the others."""
    generator = torch.Generator().manual_seed(0)
    on = torch.rand(200, 6, 4, 4, generator=generator) < 1 / 6
    images = 0.8 * on + 0.1 * torch.rand(200, 6, 4, 4, generator=generator)
    masks = {f"band {i}": on[:, i].long() for i in range(6)}
    network = nn.Sequential(nn.Conv2d(6, 6, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(6)[..., None, None])
    return ImageModel(network, (6, 4, 4)), ConceptSet.from_arrays(images, masks, {name: ["on"] for name in masks})


def test_a_rotated_basis_loses_detectors_and_an_untrained_copy_too():
    model, concepts = axis_aligned()
    method = NetworkDissection("0", quantile=1 / 6, iou_threshold=0.6)
    found = [
        int(last(method.replace(rotation=share)(model, concepts)).detectors.sum()) for share in (0.0, 0.1, 0.5, 1.0)
    ]
    assert found[0] == found[1] == 6
    assert found[0] > found[2] >= found[3]
    assert last(method(model, concepts)).unique_detectors == 6
    assert last(method.replace(weights="untrained")(model, concepts)).unique_detectors < 6


def test_an_interval_covers_what_more_images_give_and_chance_is_doubtful():
    model = convolution()
    truth = last(NetworkDissection("1", quantile=0.05)(model, some_concepts(1500, seed=9)))
    inside = []
    for seed in range(8):
        value = last(NetworkDissection("1", quantile=0.05)(model, some_concepts(120, seed=seed)))
        at = truth.iou.gather(1, value.best[:, None])[:, 0]
        inside += ((value.interval[:, 0] <= at) & (at <= value.interval[:, 1])).tolist()
    # The best of several is chosen by chance too, so that fewer than 95 % are to be expected.
    assert np.mean(inside) > 0.7
    random = value.rescored(iou_threshold=float(value.best_iou.min()) - 1e-6)
    assert random.doubtful.any()
    planted, concepts = axis_aligned()
    sure = last(NetworkDissection("0", quantile=1 / 6)(planted, concepts))
    assert not sure.doubtful.any()
    assert (sure.stability == 1).all()
    assert (sure.interval[:, 0] <= sure.best_iou).all()
    assert (sure.best_iou <= sure.interval[:, 1]).all()


def test_every_twentieth_image_has_an_interval_too():
    model, concepts = convolution(), some_concepts(400)
    value = last(NetworkDissection("1", quantile=0.05)(model, concepts.subset(slice(0, 400, 20))))
    assert value.counts.images.tolist() == [1] * 20
    assert value.interval[value.best >= 0].isfinite().all()


def test_live_settings_score_anew_without_counting_again():
    model, concepts = convolution(), some_concepts()
    steps = NetworkDissection("1", quantile=0.05)(model, concepts)
    next(steps)
    value = steps.send({"iou_threshold": 0.5, "denominator": "all"}).value
    assert value.iou_threshold == 0.5
    assert value.denominator == "all"


def test_broken_images_stop_a_run_or_are_skipped_and_nothing_counted_is_lost(tmp_path, in_small_batches):
    concepts, model = some_concepts(), convolution()
    folder = concepts.save(tmp_path / "set")
    read = ConceptSet.from_broden(folder)
    method = NetworkDissection("1", quantile=0.05)
    whole = last(method(model, read))
    broken = folder / "images" / _label_file(folder, 22)
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    steps, before = method(model, read), []
    with pytest.raises(XaiwidgetsError, match=broken.name):
        before.extend(steps)
    newest = before[-1]
    assert newest.done == 20
    broken.write_bytes(content)
    assert same(last(method(model, read, start=newest.value)), whole)
    broken.unlink()
    skipping = last(method(model, ConceptSet.from_broden(folder, broken="skip")))
    assert skipping.seen == 39
    assert len(skipping.skipped) == 1
    assert broken.name in skipping.skipped[0]
    for path in (folder / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(XaiwidgetsError, match="None of the 40 images could be read"):
        last(method(model, ConceptSet.from_broden(folder, broken="skip")))


def _label_file(folder, row):
    """The first label file that a row of the index names."""
    line = (folder / "index.csv").read_text().splitlines()[1 + row]
    return next(cell.split(";")[0] for cell in line.split(",")[6:] if cell)


def test_what_cannot_be_dissected_is_refused_in_words():
    model, concepts = convolution(), some_concepts()
    with pytest.raises(XaiwidgetsError, match="has no layer '9'"):
        last(NetworkDissection("9")(model, concepts))
    with pytest.raises(XaiwidgetsError, match=r"Tensor was given as concepts; give an xw\.ConceptSet"):
        last(NetworkDissection("1")(model, torch.rand(3, 3, 24, 20)))
    with pytest.raises(XaiwidgetsError, match=r"thresholds of shape \(3,\) were given for 5 units"):
        last(NetworkDissection("1", thresholds=torch.zeros(3))(model, concepts))
    grey = ConceptSet.from_arrays(torch.rand(2, 1, 24, 20), {"a": torch.ones(2, 4, 4).long()}, {"a": ["b"]})
    with pytest.raises(
        XaiwidgetsError, match=r"images of 1 channels, and Sequential looks at 3; give concepts\.fitted"
    ):
        last(NetworkDissection("1")(model, grey))
    with pytest.raises(InvalidSettingError, match="denominator='some' was given"):
        NetworkDissection("1", denominator="some")
    with pytest.raises(XaiwidgetsError, match="denominator='some' was given"):
        last(NetworkDissection("1")(model, concepts)).rescored(denominator="some")
    with pytest.raises(XaiwidgetsError, match="iou_threshold='a' was given; give a number from 0 to 1"):
        last(NetworkDissection("1")(model, concepts)).rescored(iou_threshold="a")
    network = nn.Sequential(nn.Conv2d(3, 2, 1))
    with torch.no_grad():
        network[0].bias.fill_(torch.nan)
    with pytest.raises(XaiwidgetsError, match="unit 0 a value that is not a finite number"):
        last(NetworkDissection("0")(ImageModel(network, (3, 24, 20)), concepts))
