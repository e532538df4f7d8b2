"""What stands in the rows of pictures: the images, the errors in their order, and a line above each row."""

from typing import Any

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._failures.inputs import refuse_labels
from xaiwidgets.methods.model_inspection._failures.result import SpecificationSheet
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.model_inspection._failures.words import heading_of
from xaiwidgets.widgets.parts.image_choice import images_for

ACROSS = 6


def labelled_images(model: ImageModel, images: Any, clusters: int) -> ImageSet:
    """The images in the model's shape; raises where they have no labels, or where none are given and none would fit."""
    if images is None and model.picture_shape != (1, 28, 28):
        raise XaiwidgetsError(
            f"No images were given; {model.name} needs some whose labels count its outputs: "
            "images=xw.data.ImageSet(images, labels)."
        )
    found = images_for(model, images)
    refuse_labels(found, clusters)
    return found


def headings_of(value: SpecificationSheet) -> dict[int, str]:
    """What stands above each row."""
    lines = {group: heading_of(value, group) for group in range(value.clusters)}
    return {group: line for group, line in lines.items() if line}


def places_of(value: SpecificationSheet) -> list[int]:
    """The images of the cells, −1 for none: each group's errors, or before there are groups all errors so far."""
    grouped = value.means is not None
    places: list[int] = []
    for group in range(value.clusters):
        start = 0 if grouped else group * ACROSS
        members = value.members(group) if grouped else value.errors
        row = members[start : start + ACROSS].tolist()
        places += [*row, *[-1] * (ACROSS - len(row))]
    return places
