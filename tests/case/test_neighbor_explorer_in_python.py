"""The explorer of nearest neighbours, without a browser."""

import io
import time

import numpy as np
import pytest
import torch
from PIL import Image

import xaiwidgets as xw
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import NearestNeighbors
from xaiwidgets.widgets.case._nearest.strip import EACH


@pytest.fixture
def make():
    made = []

    def maker(**settings):
        train = xw.data.fashion_mnist_small("train")[::10]
        made.append(xw.NeighborExplorer(xw.load_model("lenet"), train, **({"k": 10} | settings)))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


def answered(view):
    value = view.wait(60)
    view.draw(view.shown)
    return value


def test_the_cells_are_the_nearest_of_each_layer(make):
    view = make(chosen=17)
    value = answered(view.run())
    assert value.layers == ("conv2", "head")
    cells = value.indices[:, 0, :EACH].flatten().tolist()
    expected = (view.train.batch(cells) * 255 + 0.5).byte().permute(0, 2, 3, 1)
    np.testing.assert_array_equal(view.pixels(view.shown), expected)
    notes = view.notes(view.shown)
    for cell, (place, note) in enumerate(zip(cells, notes, strict=True)):
        label = view.train.label_name(place)
        tick = "✓" if int(view.train.labels[place]) == int(value.predictions[0]) else "≠"
        assert note == f"{tick} {label} {float(value.distances.flatten(1)[cell // EACH, cell % EACH]):.2g}"


def test_a_query_is_not_among_its_own_neighbours_and_the_trail_leads_back(make):
    view = make(chosen=3)
    answered(view.run())
    first = int(view.result.indices[1, 0, 0])
    view.frame.selected = EACH  # the nearest in the head
    value = answered(view)
    assert view.asked.name == f"training image {first:,}"
    assert first not in value.indices.flatten().tolist()
    assert view.frame.selected == -1
    second = int(value.indices[0, 0, 1])
    view.walk_to(second)
    answered(view)
    assert [asked.place for asked in view.trail.steps] == [3, first, second]
    view.back()
    assert answered(view).indices.tolist() == value.indices.tolist()
    view.trail.frame.selected = 0
    answered(view)
    assert view.asked.kind == "test"
    assert [asked.place for asked in view.trail.steps] == [3]
    with pytest.raises(XaiwidgetsError, match="The trail begins here"):
        view.back()


def test_the_same_image_twice_is_one_step_of_the_trail(make):
    view = make(chosen=3)
    view.choose_test(3)
    view.choose_test(4)
    view.choose_test(4)
    assert [asked.place for asked in view.trail.steps] == [3, 4]
    for place in range(5, 25):
        view.choose_test(place)
    assert [asked.place for asked in view.trail.steps] == list(range(13, 25))


def test_what_is_said_is_what_was_counted(make):
    view = make(chosen=17)
    value = answered(view.run())
    said = view.evidence.value
    assert f"{float(value.conformity[0]):.0%} of the neighbours in 2 layers are" in said
    assert f"Credibility <b>{float(value.credibility[0]):.2f}</b>" in said
    assert f"of {value.calibrated:,} unseen images" in said
    assert f"AUROC {value.conformity_auroc:.2f}, softmax with {value.softmax_auroc:.2f}" in said
    assert f"{float(value.conformity[0]):.2f}" in view.panel.facts.value
    source = view.plot_of(view.shown).select_one({"name": "classes"}).data
    for name, share, softmax, p in zip(*(source[column] for column in ("name", "share", "softmax", "p")), strict=True):
        label = view.train.class_names.index(name)
        assert [share, softmax, p] == [
            float(of[0, label]) for of in (value.label_shares, value.probabilities, value.p_values)
        ]


def test_a_picture_of_ones_own_is_asked_about(make):
    view = make()
    answered(view.run())
    buffer = io.BytesIO()
    Image.fromarray((view.test.batch([5])[0, 0] * 255).round().byte().numpy()).save(buffer, "PNG")
    view._take_file("shoe.png", buffer.getvalue())
    own = answered(view)
    assert view.asked.name == "shoe.png"
    view.choose_test(5)
    assert torch.equal(answered(view).indices, own.indices)
    view._take_file("words.txt", b"no picture")
    assert view.asked.place == 5
    view.ask_about(view.test.batch([5]))
    assert torch.equal(answered(view).indices, own.indices)
    assert "query = ..." in view.as_code()


def test_layers_and_k_are_answered_at_once_and_come_back_with_a_run(make):
    view = make(chosen=17)
    first = answered(view.run())
    view.set(layers=("head",), k=4)
    second = answered(view)
    assert second.indices.shape == (1, 1, 4)
    assert view.frame.cells[0]["alt"] == "neighbour 1 in head"
    view.choose_test(2)
    answered(view)
    view.bring_back(min(view.history.ids))
    assert view.result is first
    assert view.layer_choice.layers == ("conv2", "head")
    assert view.asked.place == 17
    view.layer_choice.part.value = ("pool1",)
    assert answered(view).layers == ("pool1",)


def test_the_next_mistake_is_one(make):
    view = make()
    answered(view.run())
    view.atlas._job.wait(60)
    view.draw(view.shown)
    predictions = last(NearestNeighbors(k=1)(view.model, view.train, view.test)).predictions
    wrong = (predictions != view.test.labels).nonzero().flatten().tolist()
    view.next_mistake()
    assert view.asked.place == wrong[0]
    view.next_mistake()
    assert view.asked.place == wrong[1]


def test_the_map_chooses_queries_and_examples(make):
    view = make()
    answered(view.run())
    view.atlas._job.wait(60)
    view.draw(view.shown)
    view._on_map([7])
    assert answered(view) is not None
    assert view.asked.name == "training image 7"
    view._on_map([len(view.train) + 9])
    assert view.asked.name == "test image 9"
    seen = []
    view.observe(lambda change: seen.append(change["new"]), "examples")
    view._on_map([3, 5, len(view.train) + 2])
    assert view.examples == [3, 5]
    assert seen == [[3, 5]]
    answered(view)
    assert "2 training images are in" in view.evidence.value
    view.atlas.map.points._choose({"chosen": [5], "gathered": True})
    assert view.examples == [5]
    assert view.asked.name == "test image 9"
    view.atlas.map.points._choose({"chosen": [5]})
    assert view.asked.name == "training image 5"


def test_it_is_refused_in_words(make):
    view = make()
    for call, words in (
        (lambda: view.choose_test(1000), "Test image 1000 was asked for; there are 1,000, 0 to 999"),
        (lambda: view.walk_to(-1), "Training image -1 was asked for; there are 400"),
        (lambda: view.set(layers=("conv9",)), "has no layer 'conv9'"),
        (view.next_mistake, "No mistake is known yet"),
        (lambda: make(k=401).run().wait(60), "k=401 neighbours were asked for among 400"),
    ):
        with pytest.raises(XaiwidgetsError, match=words):
            call()
    with pytest.raises(XaiwidgetsError, match="No test images were given"):
        xw.NeighborExplorer(xw.load_model("efficientnet_lite0"), ImageSet(torch.rand(4, 3, 224, 224), [0, 1, 2, 3]))


def test_a_pause_and_a_look_back_do_not_end_the_map(make):
    view = make()
    answered(view.run())
    view.atlas._job.wait(60)
    view.draw(view.shown)
    view.atlas.map.choice.value = "t-SNE"
    job = view.atlas.map._jobs["t-SNE"]
    while job.status == "queued":
        time.sleep(0.01)
    view.pause()
    assert job.status == "paused"
    view.choose_test(3)
    answered(view)
    assert job.status in {"queued", "running", "done"}
    view.bring_back(min(view.history.ids))
    assert job.status != "cancelled"


def test_a_network_with_more_outputs_than_names_is_asked_about(make):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 16), torch.nn.ReLU(), torch.nn.Linear(16, 40)
    )
    images = xw.data.fashion_mnist_small("train")[::20]
    view = xw.NeighborExplorer(xw.ImageModel(network.eval(), (1, 28, 28)), images, images, k=5)
    try:
        value = answered(view.run())
        assert value.label_shares.shape == (1, 40)
        assert len(view.names) == 40
        assert view.evidence.value
    finally:
        view.dispose()
