"""Label checkers that are made for a test and disposed of after it, and one of images with wrong labels."""

import xaiwidgets as xw
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._label_errors.planted import flipped


def few(make, *, noise=0.1, **settings):
    """A checker of 400 images, a tenth of whose labels is wrong, and their true labels."""
    images = xw.data.fashion_mnist_small("train").subset(range(0, 4000, 10))
    noisy = ImageSet(images.batch(slice(None)), flipped(images.labels, noise, 0), images.class_names)
    if settings.pop("told", True):
        settings["truth"] = images.labels
    return make(xw.load_model("lenet"), noisy, **settings), images.labels


def run(view):
    value = view.run().wait(60)
    view.draw(view.shown)
    return value


def checkers():
    """What makes label checkers."""
    made = []

    def maker(*arguments, **settings):
        made.append(xw.LabelChecker(*arguments, **settings))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()
