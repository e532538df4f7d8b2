"""The model, the labelled images and the attributes of a run, once they are known to fit."""

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._failures.attributes import CONFIDENCE, DISTANCE, KINDS, MARGIN
from xaiwidgets.methods.model_inspection._failures.pictures import COLOUR
from xaiwidgets.models import ImageModel


def refuse_labels(images: ImageSet, clusters: int) -> None:
    """Raise where there are no labels, or fewer images than groups."""
    if images.labels is None:
        raise XaiwidgetsError(
            "The images have no labels, so that nobody knows which answers are wrong; give "
            "xw.data.ImageSet(images, labels)."
        )
    if len(images) < clusters:
        raise XaiwidgetsError(
            f"{len(images)} image{'s were' if len(images) != 1 else ' was'} given and clusters={clusters}; give more "
            "images, or lower clusters."
        )


def names_of(given: str, attributes: Tensor | None, count: int) -> tuple[str, ...]:
    """The names of attributes that were given; raises where names, numbers and images do not fit together."""
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    known = {*KINDS, CONFIDENCE, MARGIN, DISTANCE, *COLOUR}
    taken = [name for i, name in enumerate(names) if name in known or name in names[:i]]
    if taken:
        raise XaiwidgetsError(f"An attribute is called {taken[0]!r} as another one is; give it another name.")
    refuse_attributes(attributes, len(names), count)
    return names


def refuse_attributes(attributes: Tensor | None, names: int, count: int) -> None:
    """Raise for numbers that are no table (image, attribute) of finite numbers."""
    shape = (0, 0) if attributes is None else tuple(attributes.shape)
    if (attributes is None and names) or (attributes is not None and shape != (count, names)):
        raise XaiwidgetsError(
            f"attributes of shape {shape} were given with {names} names for {count} images; give a number for each "
            "image and name, and the names in attribute_names with commas between."
        )
    if attributes is not None and not bool(attributes.isfinite().all()):
        raise XaiwidgetsError("attributes hold values that are no finite numbers; fill or leave out what is missing.")


def as_numbers(attributes: Tensor | None, count: int, model: ImageModel) -> Float[Tensor, "image attribute"]:
    """What was given, on the model's device; a table without columns where nothing was."""
    if attributes is None:
        return torch.zeros(count, 0, dtype=torch.double, device=model.device)
    return attributes.to(model.device, torch.double)
