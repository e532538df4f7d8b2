"""Dissectors that are made for a test and disposed of after it, and the one that most tests look at."""

import time

import xaiwidgets as xw
from tests.feature_analysis.dissected import convolution, some_concepts
from xaiwidgets.widgets.parts.publisher import get_publisher


def told(view):
    """Until the publisher has told all there is to tell."""
    deadline = time.monotonic() + 10
    while view.due() is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.05)


def dissectors():
    """What makes dissectors; nothing may have failed unseen in them."""
    get_publisher().errors.clear()  # those of tests before
    views = []

    def make(*arguments, **named):
        views.append(xw.Dissector(*arguments, **named))
        return views[-1]

    yield make
    for view in views:
        view.dispose()
    assert not get_publisher().errors


def detailed(made):
    """A dissector of twelve units with a low threshold, so that many detect a concept."""
    return made(convolution(12), some_concepts(), layer="1", quantile=0.02, iou_threshold=0.005)
