"""Deconvolution: the pattern in an image that drove a unit."""

from dataclasses import dataclass

from xaiwidgets.core import Method
from xaiwidgets.methods.feature_analysis._backprop import RectifierBackprop
from xaiwidgets.methods.feature_analysis._rectifiers import Deconvolved


@dataclass(frozen=True, eq=False)
class Deconvolution(RectifierBackprop, Method):
    """The pattern in each image that drove each unit, by a deconvolutional network (Zeiler and Fergus 2014).

    The unit's activation is passed down through the transposed layers, each pooling back to where its maximum was, and
    at each rectifier with upstream R the signal is rectified itself: max(R, 0), whatever came up. Called with a model
    and images it yields `Patterns`: first the pictures beside the plain gradient, then how much of both is left when
    the weights are random, stage by stage (Adebayo et al. 2018). Deconvolution keeps much of it: it shows the image
    more than what the network learned (Nie et al. 2018), so read ``similarity`` beside the picture. Without maximum
    pooling nothing ties the picture to the image but the unit's position, and it is a texture (Springenberg et
    al. 2015).

    Departures: the signal starts as 1, not as the activation, which only scales the picture; all other layers pass
    their gradient back; rectifiers are found as modules, functions and in place, clamps at zero among them; one that
    is spelt out (``where(x > 0, x, 0)``, ``x * (x > 0)``, a leaky one of slope 0) keeps its derivative.
    Raises `XaiwidgetsError` for a layer or unit that is not there, images that the network cannot look at,
    a network without rectifiers up to the layer, and one whose rectifiers cannot be seen (compiled, or in a function
    of its own).
    """

    rule = Deconvolved
