"""The beam of formulas is that of a plain search, and a wide one leaves nothing better, by trying all."""

import numpy as np
import pytest
import torch

from tests.feature_analysis.dissected import activations, convolution, some_concepts, upsampled
from xaiwidgets.core import last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import CompositionalLabels
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.methods.feature_analysis._composition.formula import Formula

JOIN = {"AND": lambda f, c: f & c, "OR": lambda f, c: f | c, "AND NOT": lambda f, c: f & ~c}


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
