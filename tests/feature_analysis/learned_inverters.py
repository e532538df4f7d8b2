"""The learned inverter that most tests look at: few steps, and 64 images."""

import xaiwidgets as xw
from xaiwidgets.data import fashion_mnist_small
from xaiwidgets.widgets.parts.publisher import get_publisher

FEW = {"steps": 6, "batch": 8, "every": 2}


def pixels_of(view):
    return view.pixels(view.shown)


def inverter():
    """An inverter of a layer of LeNet, disposed of after its test, in which nothing may have failed unseen."""
    get_publisher().errors.clear()  # those of tests before
    view = xw.LearnedInverter(xw.load_model("lenet"), fashion_mnist_small("train")[:64], layer="fc1", **FEW)
    yield view
    view.dispose()
    assert not get_publisher().errors
