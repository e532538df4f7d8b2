import numpy as np
import pytest
import torch
from torch import nn

import xaiwidgets as xw
from tests.feature_analysis.test_compositional_labels import planted
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.feature_analysis._composition.formula import Formula
from xaiwidgets.widgets.feature_analysis._labeler.agreement import BOTH, LEGEND, ONE, FormulaMasks, agreement_picture
from xaiwidgets.widgets.feature_analysis._labeler.formula_plot import lines_of
from xaiwidgets.widgets.parts.publisher import get_publisher


@pytest.fixture
def view():
    """Unit 0 is "a OR c"; unit 1 has an empty mask; unit 2 is "(b OR c) AND NOT d"."""
    model, concepts = planted([[1.0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 1, -2]], [-0.5, -0.5, -0.5])
    made = xw.CompositionalLabeler(
        model, concepts, layer="0", units=[0, 1, 2], thresholds=torch.zeros(3), length=2, top=4
    )
    yield made
    made.dispose()


def told(view):
    """The answer, with all that stands around it brought up to date."""
    value = view.run().wait(60)
    with get_publisher().lock:
        view.draw(view.shown)
    return value


def test_formulas_stand_in_words_beside_what_one_concept_and_chance_give(view):
    value = told(view)
    said = view.evidence.value
    assert "30 of 30 images were counted for formulas of 2 concepts." in said
    best = value.formulas_by_length[0][0]
    single, chance = float(value.iou_by_length[0, 0]), float(value.iou_chance[0, 1])
    assert (
        f"<b>unit 0: a OR c</b><br>IoU 1.000; the best single concept, {best}, {single:.3f}; by chance {chance:.3f}"
        in said
    )
    assert "<b>unit 1</b> has an empty mask." in said
    assert f"more concepts gain <b>{float(value.gain.mean()):.3f}</b> over one" in said
    assert f"and <b>{float(value.gain_by_chance.mean()):.3f}</b> by chance" in said
    assert view.notes(view.shown) == [
        "1.000",
        "",
        "",
        "",
        "0.000",
        "",
        "",
        "",
        f"{float(value.iou[2]):.3f}",
        "",
        "",
        "",
    ]
    assert [cell["label"] for cell in view.frame.cells][3:5] == ["unit 0 · 4", "unit 1"]
    lines = lines_of(value)
    assert list(lines.x) == [0, 1, 2]
    np.testing.assert_allclose(lines.values, np.pad(value.iou_by_length, [(0, 0), (1, 0)]))
    assert lines.level == float(value.iou_chance.max())


def test_without_chance_nothing_is_said_of_it(view):
    view.set(chance=False)
    told(view)
    assert "chance" not in view.evidence.value
    assert lines_of(view.result).level is None


def test_pictures_show_the_unit_alone_or_beside_its_formula(view):
    value = told(view)
    assert view.legend.value.count(LEGEND[ONE]) == 1
    alone = view.pixels(view.shown)
    image = view.concepts.images.batch(value.top.ids[0, :1])[0].mean(0)
    mask = value.mask(0, 0)
    expected = (image * torch.where(mask, 1.0, 0.2) * 255).round()
    np.testing.assert_allclose(alone[0, ..., 0], expected, atol=1)
    view.part.value = BOTH
    assert view.legend.value.count(LEGEND[BOTH]) == 1
    both = view.pixels(view.shown)
    np.testing.assert_allclose(both[0], np.repeat(alone[0], 3, -1), atol=1)  # the formula is the unit's very mask
    assert (np.ptp(both[8].astype(int), axis=-1) > 20).any()  # the other one's is not: there is colour


def test_a_chosen_picture_has_a_sentence(view):
    value = told(view)
    view.selection = 1
    with get_publisher().lock:
        view.draw(view.shown)
    assert view.foot.sentence == (
        f"image {int(value.top.ids[0, 1])} · unit 0 reaches {float(value.top.activation[0, 1]):.3g} · "
        "100% of where it is on here is a OR c"
    )
    view.selection = 4
    with get_publisher().lock:
        view.draw(view.shown)
    assert view.foot.sentence.endswith("unit 1 reaches -0.5")


def test_agreement_is_told_apart_without_colour():
    image = torch.full((3, 56, 56), 0.5)
    unit, formula = torch.tensor([[1, 1], [0, 0]]).bool(), torch.tensor([[1, 0], [1, 0]]).bool()
    drawn = agreement_picture(image, unit, formula)
    both, only_unit, only_formula, neither = (drawn[:, r : r + 28, c : c + 28] for r in (0, 28) for c in (0, 28))
    assert torch.equal(both, image[:, :28, :28])
    assert torch.equal(neither, 0.2 * image[:, :28, :28])
    assert only_unit.mean(0).unique().numel() == 2  # stripes
    assert only_formula.mean(0).unique().numel() == 1
    assert only_unit[0].max() > only_unit[2].max()  # orange
    assert only_formula[2].max() > only_formula[0].max()  # blue
    grey = agreement_picture(image[:1], unit, formula)
    torch.testing.assert_close(grey, drawn)


def test_masks_of_formulas_come_by_id_from_parts_of_a_set_too():
    _, concepts = planted([[1.0, 0, 0, 0]], [0.0])
    part = concepts.subset([20, 7, 3])
    batch, formula = concepts.batch([7]), Formula(1, "b", Formula(0, "a"), "OR")
    masks = FormulaMasks(part)
    assert torch.equal(masks(formula, 7), formula.mask(batch.layers, batch.whole)[0])
    assert not masks(None, 7).any()


def test_a_network_of_vectors_and_other_units_are_shown_too():
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 6))
    _, concepts = planted([[1.0, 0, 0, 0]], [0.0])
    batch = concepts.batch(slice(None))
    three = xw.ConceptSet.from_arrays(batch.images[:, :3], {"kind": (batch.layers[:, 0] > 0).long()}, {"kind": ["a"]})
    view = xw.CompositionalLabeler(xw.ImageModel(network, (3, 8, 8)), three, layer="1", units=[1], quantile=0.3, top=2)
    view.run().wait(60)
    assert view.pixels(view.shown).shape == (2, 8, 8, 3)
    view.set(units=(2, 5))
    assert view.run().wait(60).units == (2, 5)
    view.dispose()


def test_what_does_not_fit_is_refused_in_words():
    model, concepts = planted([[1.0, 0, 0, 0]], [0.0])
    with pytest.raises(XaiwidgetsError, match=r"Tensor was given as concepts; give an xw\.ConceptSet"):
        xw.CompositionalLabeler(model, torch.rand(2, 4, 8, 8))
    with pytest.raises(XaiwidgetsError, match="looks at images of 4 channels, and the painted scenes have 3"):
        xw.CompositionalLabeler(model)
    with pytest.raises(XaiwidgetsError, match="CompositionalLabeler has no setting 'depth'"):
        xw.CompositionalLabeler(model, concepts, depth=3)
    with pytest.raises(XaiwidgetsError, match="length=0 was given"):
        xw.CompositionalLabeler(model, concepts, length=0)
