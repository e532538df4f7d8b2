"""The feature visualizer that most tests look at, and what its code makes."""

import xaiwidgets as xw
from tests.networks import image_model
from xaiwidgets.widgets.parts.publisher import get_publisher


def run_code(code):
    names = {}
    exec(code, names)  # noqa: S102 - the widget's own code
    return names


def visualizer():
    """A visualizer of three units, disposed of after its test, in which nothing may have failed unseen."""
    view = xw.FeatureVisualizer(image_model("resnet"), layer="3", units=[1, 2, 3], steps=20)
    yield view
    view.dispose()
    assert not get_publisher().errors
