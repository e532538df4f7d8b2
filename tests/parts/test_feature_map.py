"""The map of features: its layouts, what it says of them, and what it shows beside a point."""

import time

import numpy as np
import pytest
import torch

from tests.parts.test_frame_view import wait_for
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._plane import principal_plane
from xaiwidgets.widgets.parts._point_map.layout_words import layout_words
from xaiwidgets.widgets.parts.feature_map import FeatureMap
from xaiwidgets.widgets.parts.publisher import get_publisher

COUNT = 60


def images():
    drawn = torch.Generator().manual_seed(0)
    labels = torch.arange(COUNT) % 3
    return ImageSet(torch.rand(COUNT, 1, 4, 4, generator=drawn), labels, ["cat", "dog", "hen"])


def features(size=12, seed=1):
    drawn = torch.Generator().manual_seed(seed)
    return 5 * torch.eye(size)[torch.arange(COUNT) % 3] + torch.randn(COUNT, size, generator=drawn)


@pytest.fixture
def map_of_images():
    get_publisher().errors.clear()
    made = FeatureMap(images(), title="Map of the test images", noun="test image")
    yield made
    made.dispose()
    assert not get_publisher().errors


def shown(view, given=None, **marks):
    given = features() if given is None else given
    view.show(given, **marks)
    wait_for(lambda: view.layout_shown is not None and view.layout_shown.kept is not None)
    return given


def test_principal_axes_are_shown_with_labels_and_crosses(map_of_images):
    given = shown(map_of_images, marked=[4, 9], marked_name="answered wrongly")
    points = map_of_images.points
    assert np.allclose(points.places, principal_plane(given), atol=1e-5)
    facts = points._cloud.facts
    assert (facts["names"], facts["noun"]) == (["cat", "dog", "hen"], "test image")
    assert points._cloud.categories.tolist() == [i % 3 for i in range(COUNT)]
    assert points._cloud.crosses.nonzero()[0].tolist() == [4, 9]
    assert "cross: answered wrongly; click one" in map_of_images.heading.value


def test_what_is_kept_stands_below_it(map_of_images):
    shown(map_of_images)
    kept = map_of_images.layout_shown.kept
    said = f"Of the 10 test images nearest to each by the features, {kept.share:.0%} are among its 10 nearest"
    wait_for(lambda: said in map_of_images.words.value)
    assert f"({10 / 59:.1%} by chance)" in map_of_images.words.value


def test_tsne_goes_on_from_there_and_rests_while_pca_is_looked_at(map_of_images):
    given = shown(map_of_images)
    first = map_of_images.points.places
    map_of_images.choice.value = "t-SNE"
    wait_for(lambda: map_of_images.layout_shown.method == "t-SNE")
    map_of_images.choice.value = "PCA"
    wait_for(lambda: map_of_images.layout_shown.method == "PCA")
    assert np.array_equal(map_of_images.points.places, first)
    job = map_of_images._jobs["t-SNE"]
    assert job.status in {"paused", "done"}
    map_of_images.choice.value = "t-SNE"
    assert map_of_images._jobs["t-SNE"] is job
    job.wait(60)
    wait_for(lambda: map_of_images.layout_shown is job.latest.value)
    assert not np.allclose(map_of_images.points.places, first)
    wait_for(lambda: "% by PCA" in map_of_images.words.value)
    assert "far distances, axes and the sizes of groups mean nothing" in map_of_images.words.value
    assert "% done" not in map_of_images.words.value
    map_of_images.show(given)
    assert map_of_images._jobs["t-SNE"] is job  # the same features again change nothing


def test_other_features_begin_again(map_of_images):
    shown(map_of_images)
    before = map_of_images.points.places
    map_of_images.points.selected = [3]
    map_of_images.show(features(seed=2))
    wait_for(lambda: not np.allclose(map_of_images.points.places, before))
    assert map_of_images.points.selected == []


def test_marks_made_before_the_places_are_known_are_shown_with_them(map_of_images):
    map_of_images.highlight(5, [6, 7], [5, 8])
    shown(map_of_images)
    assert map_of_images.points._marks == {"query": 5, "neighbours": [6, 7], "trail": [5, 8]}
    map_of_images.highlight()
    assert map_of_images.points._marks["query"] == -1


def test_a_choice_of_none_calls_nobody(map_of_images):
    heard = []
    map_of_images.on_choose(heard.append)
    shown(map_of_images)
    points = map_of_images.points
    for chosen in ([2], [], [5, 1]):
        points._receive(points, {"type": "choose", "view": "a", "epoch": points._epoch, "chosen": chosen}, [])
    assert heard == [[2], [5, 1]]


def test_the_picture_of_a_point_is_its_image(map_of_images):
    map_of_images._tell = lambda place: f"answered {place}"
    shown(map_of_images)
    given = {}
    map_of_images.points.show_picture = lambda *answer: given.update([("answer", answer)])
    points = map_of_images.points
    points._receive(points, {"type": "hover", "view": "a", "epoch": points._epoch, "index": 7}, [])
    wait_for(lambda: "answer" in given)
    place, picture, words = given["answer"]
    assert (place, words) == (7, "answered 7")
    assert np.array_equal(picture, map_of_images.images.thumbnail(7, 96))


def test_without_the_library_pca_stays_and_it_says_what_to_install(map_of_images, monkeypatch):
    shown(map_of_images)
    before = map_of_images.points.places
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    map_of_images.choice.value = "t-SNE"
    wait_for(lambda: "pip install &#x27;xaiwidgets[app]&#x27;" in map_of_images.words.value)
    assert np.array_equal(map_of_images.points.places, before)
    map_of_images.choice.value = "PCA"
    wait_for(lambda: "axes of largest variance" in map_of_images.words.value)


def test_clear_takes_all_away(map_of_images):
    shown(map_of_images)
    map_of_images.clear()
    time.sleep(0.1)
    assert (len(map_of_images.points), map_of_images.layout_shown) == (0, None)
    assert "Run to draw it" in map_of_images.heading.value


def test_a_sample_is_told_of():
    from xaiwidgets.methods._tsne import Layout

    said = layout_words(Layout(torch.zeros(9000, 2), "t-SNE", 5000), 0.5, None, "image")
    assert "t-SNE, 50% done" in said
    assert "5,000 of 9,000 images, drawn at random, were laid out" in said


def test_nothing_is_left_after_dispose():
    view = FeatureMap(images())
    view.show(features())
    job = view.jobs[0]
    view.dispose()
    wait_for(lambda: job.finished)
    assert not any(task in (view, view.points) for task in get_publisher()._tasks)
    assert view.comm is None
