"""Guided backpropagation: the pattern in an image that drove a unit."""

from dataclasses import dataclass

from xaiwidgets.core import Method
from xaiwidgets.methods.feature_analysis._backprop import RectifierBackprop
from xaiwidgets.methods.feature_analysis._rectifiers import Guided


@dataclass(frozen=True, eq=False)
class GuidedBackprop(RectifierBackprop, Method):
    """The pattern in each image that drove each unit, by guided backpropagation (Springenberg et al. 2015).

    The unit's gradient goes back to the image, but at each rectifier with upstream R and input f only
    max(R, 0) · [f > 0] passes: what came through and helped. Called with a model and images it yields `Patterns`: first
    the pictures beside the plain gradient, then how much of both is left when the weights are random, stage by stage
    (Adebayo et al. 2018). Guided backpropagation keeps much of it: it shows the image's edges more than what the
    network learned (Nie et al. 2018), so read ``similarity`` beside the picture.

    Departures: a rectifier with an upper bound (ReLU6) passes what lies between its bounds; other nonlinearities keep
    their derivative; rectifiers are found as modules, functions and in place, clamps at zero among them; one that
    is spelt out (``where(x > 0, x, 0)``, ``x * (x > 0)``, a leaky one of slope 0) keeps its derivative.
    Raises `XaiwidgetsError` for a layer or unit that is not there, images that the network cannot look at,
    a network without rectifiers up to the layer, and one whose rectifiers cannot be seen (compiled, or in a function
    of its own).
    """

    rule = Guided
