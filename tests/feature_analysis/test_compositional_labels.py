import numpy as np
import pytest
import torch
from torch import nn

from tests.feature_analysis.dissected import activations, convolution, some_concepts, upsampled
from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import CompositionalLabels
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.methods.feature_analysis._composition import marked, search
from xaiwidgets.methods.feature_analysis._composition.formula import Formula
from xaiwidgets.methods.feature_analysis._dissection import regions
from xaiwidgets.models import ImageModel

WIDGET = (
    "xw.CompositionalLabeler(xw.load_model('efficientnet_lite0'), xw.data.scenes(800, size=112), layer='_blocks.8')"
)

JOIN = {"AND": lambda f, c: f & c, "OR": lambda f, c: f | c, "AND NOT": lambda f, c: f & ~c}


def example():
    """A tiny call for the contract suite: two batches in each pass."""
    concepts = some_concepts(260, size=(8, 8), labels=(4, 4))
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
    return CompositionalLabels("0", (0, 3), length=2, quantile=0.05, top=2), (ImageModel(network, (3, 8, 8)), concepts)


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 4)


def masks_and_labels(model, concepts, threshold):
    """M (unit, image, row, column) and L (concept, image, row, column), from the definition."""
    shape = concepts.label_shape
    even = [(np.arange(n) + 0.5) / n for n in model.layer("1").layout.grid]
    up = upsampled(activations(model, concepts), shape, *even)
    masks = up > np.asarray(threshold, float)[None, :, None, None]
    batch = concepts.batch(slice(None))
    labels = np.stack([(batch.layers == i + 1).any(1).numpy() for i in range(len(concepts.concepts))])
    return masks.swapaxes(0, 1), labels | batch.whole.numpy().T[:, :, None, None]


def moved(masks):
    """Each image's masks laid over the image that follows."""
    return np.concatenate([np.zeros_like(masks[:, :1]), masks[:, :-1]], 1)


def iou_of(mask, formula):
    return (mask & formula).sum() / max(1, (mask | formula).sum())


def exhaustive(mask, labels, length):
    """The largest IoU of all formulas of each length, and of shorter ones."""
    formulas, best = list(labels), []
    for _ in range(length):
        best.append(max(iou_of(mask, formula) for formula in formulas))
        formulas = [join(f, c) for f in formulas for join in JOIN.values() for c in labels]
    return np.maximum.accumulate(best)


def plain_search(mask, labels, names, length, width):
    """The beam search, formula by formula: words, |L|, |M ∩ L| and IoU of each in the beam, by length."""
    beam, beams = [], []
    for n in range(1, length + 1):
        if n == 1:
            new = [((1, c), Formula(c, names[c]), label) for c, label in enumerate(labels)]
        else:
            new = [
                ((n, *order[1:], c, i), Formula(c, names[c], f, name), join(here, label))
                for order, f, here in beam
                if len(f) == n - 1
                for i, (name, join) in enumerate(JOIN.items())
                for c, label in enumerate(labels)
            ]
        ranked = sorted(beam + new, key=lambda entry: (-iou_of(mask, entry[2]), entry[0]))
        beam, counts = [], set()
        for entry in ranked:
            count = (entry[2].sum(), (mask & entry[2]).sum())
            if count[1] and count not in counts and len(beam) < width:
                counts.add(count)
                beam.append(entry)
        beams.append(beam)
    return beams


def best_of(beams, mask):
    return [iou_of(mask, beam[0][2]) if beam else 0 for beam in beams]


@pytest.mark.parametrize("seed", range(3))
def test_with_a_wide_beam_nothing_better_is_left(seed, in_small_batches):
    model, concepts = convolution(seed=seed), some_concepts(seed=seed)
    method = CompositionalLabels("1", (3, 0), quantile=0.05, beam=1000, upsampling="plain")
    value = last(method(model, concepts))
    threshold = torch.zeros(5).index_copy(0, torch.tensor([3, 0]), value.threshold)
    masks, labels = masks_and_labels(model, concepts, threshold)
    for row, unit in enumerate((3, 0)):
        for found, mask in ((value.iou_by_length, masks[unit]), (value.iou_chance, moved(masks)[unit])):
            np.testing.assert_allclose(found[row], exhaustive(mask, labels, 3), rtol=1e-12)
        assert value.mask_size[row] == masks[unit].sum()
    assert torch.equal(value.iou, value.iou_by_length[:, -1])


@pytest.mark.parametrize("beam", [1, 3, 7])
def test_the_beam_is_that_of_a_plain_search(beam, in_small_batches):
    model, concepts = convolution(seed=beam), some_concepts(seed=beam)
    method = CompositionalLabels("1", quantile=0.05, beam=beam, length=4, upsampling="plain")
    value = last(method(model, concepts))
    masks, labels = masks_and_labels(model, concepts, value.threshold)
    names = [name for name, _ in concepts.concepts]
    for unit in (~value.dead).nonzero()[:, 0].tolist():
        beams = plain_search(masks[unit], labels, names, 4, beam)
        assert value.beams[unit] == tuple(formula for _, formula, _ in beams[-1])
        here = np.stack([mask for _, _, mask in beams[-1]])
        size, both = here.sum((1, 2, 3)), (here & masks[unit]).sum((1, 2, 3))
        np.testing.assert_array_equal(value.formula_size[unit, : len(here)], size)
        np.testing.assert_array_equal(value.intersection[unit, : len(here)], both)
        union = masks[unit].sum() + size - both
        np.testing.assert_allclose(value.beam_iou[unit, : len(here)], both / union, rtol=1e-12)
        np.testing.assert_allclose(value.iou_by_length[unit], best_of(beams, masks[unit]), rtol=1e-12)
        elsewhere = moved(masks)[unit]
        chance = plain_search(elsewhere, labels, names, 4, beam)
        np.testing.assert_allclose(value.iou_chance[unit], best_of(chance, elsewhere), rtol=1e-12)


def planted(weights, biases, count=30):
    """Units of four channels, each of which is a concept."""
    generator = torch.Generator().manual_seed(0)
    on = torch.rand(count, 4, 8, 8, generator=generator) < 0.3
    masks = {f"kind {i}": on[:, i].long() for i in range(4)}
    concepts = ConceptSet.from_arrays(on.float(), masks, {f"kind {i}": ["abcd"[i]] for i in range(4)})
    network = nn.Sequential(nn.Conv2d(4, len(weights), 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(weights)[..., None, None])
        network[0].bias.copy_(torch.tensor(biases))
    return ImageModel(network, (4, 8, 8)), concepts


def test_planted_formulas_are_found():
    weights = [[1.0, 0, 1, 0], [0, 1, 0, -1], [1, 1, 0, 0], [0, 1, 1, -2], [0, 0, 0, 1], [0, 0, 0, 0]]
    model, concepts = planted(weights, [-0.5, -0.5, -1.5, -0.5, -0.5, -0.5])
    value = last(CompositionalLabels("0", thresholds=torch.zeros(6))(model, concepts))
    words = ["a OR c", "b AND NOT d", "a AND b", "(b OR c) AND NOT d", "d", "None"]
    assert [str(formula) for formula in value.formulas] == words
    assert value.iou.tolist() == [1, 1, 1, 1, 1, 0]
    assert value.dead.tolist() == [False] * 5 + [True]
    assert value.beams[5] == ()
    assert (value.iou_chance[:5] < 0.5).all()
    assert (value.gain[:4] > value.gain_by_chance[:4] + 0.2).all()
    lengths = (value.iou_by_length == 1).long().argmax(1) + 1
    assert lengths.tolist()[:5] == [2, 2, 2, 3, 1]


def test_more_concepts_are_never_worse_and_for_chance_too(in_small_batches):
    value = last(CompositionalLabels("1", quantile=0.05, length=5)(convolution(), some_concepts()))
    for by_length in (value.iou_by_length, value.iou_chance):
        assert (by_length.diff(dim=1) >= 0).all()
        assert (by_length[:, -1] > by_length[:, 0]).all()


def test_a_random_network_gains_what_chance_gains():
    value = last(CompositionalLabels("1", quantile=0.05)(convolution(), some_concepts(400)))
    assert value.gain.mean() < 2 * value.gain_by_chance.mean()


def test_neither_batches_nor_parts_change_anything(monkeypatch):
    model, concepts = convolution(), some_concepts()
    method = CompositionalLabels("1", (1, 2), quantile=0.05, beam=3)
    whole = last(method(model, concepts))
    for batch, numbers, pixels, keys in ((1, 100, 1, 1), (7, 1000, 500, 40), (39, 1 << 23, 1 << 23, 1 << 62)):
        monkeypatch.setattr(_scan, "_LARGEST", batch)
        monkeypatch.setattr(search, "_MOST_NUMBERS", numbers)
        monkeypatch.setattr(marked, "_MOST_PIXELS", pixels)
        monkeypatch.setattr(regions, "_MOST_KEYS", keys)
        value = last(method(model, concepts))
        assert value.beams == whole.beams
        for name in ("intersection", "formula_size", "iou_by_length", "iou_chance"):
            assert torch.equal(getattr(value, name), getattr(whole, name))


def test_labels_of_the_whole_image_and_several_a_pixel_count(in_small_batches):
    generator = torch.Generator().manual_seed(3)
    first = torch.randint(0, 4, (30, 12, 10), generator=generator)
    second = torch.where(first > 0, first % 3 + 1, 0)
    scene = torch.randint(1, 3, (30,), generator=generator)[:, None, None].expand(-1, 12, 10)
    names = {"color": ["red", "green", "blue"], "light": ["green", "blue", "red"], "scene": ["day", "night"]}
    masks = {"color": first, "light": second, "scene": scene}
    concepts = ConceptSet.from_arrays(some_concepts(30).batch(slice(None)).images, masks, names)
    model = convolution()
    method = CompositionalLabels("1", quantile=0.05, beam=1000, length=2, upsampling="plain")
    value = last(method(model, concepts))
    here, labels = masks_and_labels(model, concepts, value.threshold)
    for unit in range(5):
        np.testing.assert_allclose(value.iou_by_length[unit], exhaustive(here[unit], labels, 2), rtol=1e-12)
    words = " ".join(str(formula) for beam in value.beams for formula in beam)
    assert "(color)" in words
    assert "(light)" not in words  # each light covers what a colour covers, and the first of both is taken
    assert "day" in words
    assert "(scene)" not in words  # no other concept is called so


def test_every_batch_gives_the_answer_so_far(in_small_batches):
    model, concepts = convolution(), some_concepts()
    steps = list(CompositionalLabels("1", quantile=0.05, length=3, beam=2)(model, concepts))
    assert [step.done for step in steps] == list(range(4, 161, 4))
    assert [step.value.provisional for step in steps] == [True] * 10 + [False] * 30
    assert [step.value.length for step in steps] == [1] * 20 + [2] * 10 + [3] * 10
    assert [step.value.seen for step in steps] == list(range(4, 41, 4)) * 4
    for step in steps:
        value = step.value
        assert value.threshold.isfinite().all()
        assert value.iou_by_length[:, : value.length].isfinite().all()
        assert value.iou_by_length[:, value.length :].isnan().all()
        assert torch.equal(value.iou, value.iou_by_length[:, value.length - 1])
        assert value.length == 1 or all(value.formulas)
    threshold = steps[-1].value.threshold
    single = CompositionalLabels("1", thresholds=threshold, length=1, beam=2)
    for i, step in enumerate(single(model, concepts)):
        assert torch.equal(step.value.intersection, steps[10 + i].value.intersection)
        assert torch.equal(step.value.iou_chance[:, 0], steps[10 + i].value.iou_chance[:, 0])
        alone = last(single(model, concepts[: int(step.done)]))
        assert alone.beams == step.value.beams
        assert torch.equal(alone.iou_chance, step.value.iou_chance)
        assert torch.equal(alone.top.ids, step.value.top.ids)


def test_given_thresholds_skip_the_first_pass_and_chance_can_be_left_out():
    model, concepts = convolution(), some_concepts()
    method = CompositionalLabels("1", (2, 4), quantile=0.05)
    value = last(method(model, concepts))
    given = list(method.replace(thresholds=value.threshold, chance=False)(model, concepts))
    assert given[-1].total == 120
    assert given[-1].value.beams == value.beams
    assert torch.equal(given[-1].value.top.ids, value.top.ids)
    assert torch.equal(given[-1].value.mask(1, 0), value.mask(1, 0))
    assert given[-1].value.iou_chance.isnan().all()
    assert given[-1].value.gain_by_chance.isnan().all()
    assert given[-1].value.rank_error.isnan().all()
    assert value.mask(1, 0).any()


def test_where_nothing_longer_is_better_the_passes_end():
    model, concepts = planted([[1.0, 0, 0, 0]], [-0.5])
    batch = concepts.batch(slice(None))
    only = ConceptSet.from_arrays(batch.images, {"kind": (batch.layers[:, 0] > 0).long()}, {"kind": ["a"]})
    steps = list(CompositionalLabels("0", thresholds=torch.zeros(1), length=5)(model, only))
    assert [step.done for step in steps] == [30, 60, 150]
    value = steps[-1].value
    assert str(value.formulas[0]) == "a"
    assert value.iou_by_length.tolist() == [[1.0] * 5]
    assert (value.iou_chance == value.iou_chance[:, :1]).all()


def test_a_formula_has_words_an_order_and_a_mask():
    names = "abc"

    def made(first, *others):
        formula = Formula(names.index(first), first)
        for operation, name in others:
            formula = Formula(names.index(name), name, formula, operation)
        return formula

    words = {
        "a": made("a"),
        "a OR b OR c": made("a", ("OR", "b"), ("OR", "c")),
        "(a OR b) AND c": made("a", ("OR", "b"), ("AND", "c")),
        "(a AND b) OR c": made("a", ("AND", "b"), ("OR", "c")),
        "a AND NOT b AND c": made("a", ("AND NOT", "b"), ("AND", "c")),
        "((a OR b) AND NOT c) OR a": made("a", ("OR", "b"), ("AND NOT", "c"), ("OR", "a")),
    }
    for said, formula in words.items():
        assert str(formula) == said
    assert [len(formula) for formula in words.values()] == [1, 3, 3, 3, 3, 4]
    order = [made("a"), made("c"), made("a", ("AND", "b")), made("a", ("OR", "b")), made("a", ("AND", "c"))]
    assert sorted((order[i] for i in (3, 1, 4, 0, 2)), key=lambda formula: formula.order) == order
    layers = torch.tensor([[[[1, 0, 1, 0]], [[2, 2, 0, 0]]]])
    whole = torch.tensor([[False, False, True]])
    expected = {
        "a": [1, 0, 1, 0],
        "a OR b OR c": [1, 1, 1, 1],
        "(a OR b) AND c": [1, 1, 1, 0],
        "(a AND b) OR c": [1, 1, 1, 1],
        "a AND NOT b AND c": [0, 0, 1, 0],
        "((a OR b) AND NOT c) OR a": [1, 0, 1, 0],
    }
    for said, formula in words.items():
        assert formula.mask(layers, whole)[0, 0].long().tolist() == expected[said]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_network_is_labelled(name):
    model = image_model(name)
    images = torch.rand(6, *model.picture_shape, generator=torch.Generator().manual_seed(0))
    masks = {"part": (images.mean(1) > 0.5).long() + 1}
    concepts = ConceptSet.from_arrays(images, masks, {"part": ["light", "dark"]})
    value = last(CompositionalLabels(layer_of(name), (0, 2), length=2, quantile=0.1)(model, concepts))
    assert value.iou.shape == (2,)
    assert value.seen == 6
    assert value.mask_size.sum() > 0


def test_broken_images_stop_a_run_or_are_skipped(tmp_path, in_small_batches):
    concepts, model = some_concepts(), convolution()
    folder = concepts.save(tmp_path / "set")
    rows = [line.split(",") for line in (folder / "index.csv").read_text().splitlines()[1:]]
    names = {next(cell.split(";")[0] for cell in row[6:] if cell) for row in rows[20:24]}
    for name in names:  # a whole batch
        (folder / "images" / name).unlink()
    method = CompositionalLabels("1", quantile=0.05, length=2)
    with pytest.raises(XaiwidgetsError, match=next(iter(sorted(names)))):
        last(method(model, ConceptSet.from_broden(folder)))
    value = last(method(model, ConceptSet.from_broden(folder, broken="skip")))
    whole = ConceptSet.from_broden(concepts.save(tmp_path / "whole"))
    kept = last(method(model, whole.subset([*range(20), *range(24, 40)])))
    assert value.seen == 36
    assert len(value.skipped) == 4
    assert value.beams == kept.beams
    assert torch.equal(value.iou_chance, kept.iou_chance)


def test_what_cannot_be_labelled_is_refused_in_words():
    model, concepts = convolution(), some_concepts()
    with pytest.raises(XaiwidgetsError, match="has no layer '9'"):
        last(CompositionalLabels("9")(model, concepts))
    with pytest.raises(XaiwidgetsError, match="Unit 7 was asked for; layer '1' has 5 units, 0 to 4"):
        last(CompositionalLabels("1", (7,))(model, concepts))
    with pytest.raises(XaiwidgetsError, match=r"Tensor was given as concepts; give an xw\.ConceptSet"):
        last(CompositionalLabels("1")(model, torch.rand(3, 3, 24, 20)))
    with pytest.raises(XaiwidgetsError, match=r"thresholds of shape \(5,\) were given for 2 units; give one number"):
        last(CompositionalLabels("1", (0, 1), thresholds=torch.zeros(5))(model, concepts))
    grey = ConceptSet.from_arrays(torch.rand(2, 1, 24, 20), {"a": torch.ones(2, 4, 4).long()}, {"a": ["b"]})
    with pytest.raises(
        XaiwidgetsError, match=r"images of 1 channels, and Sequential looks at 3; give concepts\.fitted"
    ):
        last(CompositionalLabels("1")(model, grey))
    for wrong in ({"length": 0}, {"beam": 0}, {"quantile": 0.9}, {"upsampling": "cubic"}, {"chance": 3}):
        with pytest.raises(InvalidSettingError, match=f"{next(iter(wrong))}="):
            CompositionalLabels("1", **wrong)
