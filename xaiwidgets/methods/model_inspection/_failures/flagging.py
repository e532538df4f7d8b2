"""What the rules of a sheet say of other images."""

from typing import Any

from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._answers import images_for, refuse_classes
from xaiwidgets.methods.model_inspection._failures.attributes import Near, attributes_of
from xaiwidgets.methods.model_inspection._failures.inputs import as_numbers, refuse_attributes
from xaiwidgets.methods.model_inspection._failures.reading import Reading
from xaiwidgets.methods.model_inspection._failures.result import Flags, SpecificationSheet
from xaiwidgets.models import ImageModel, as_image_model


def flags_of(
    sheet: SpecificationSheet, model: ImageModel | nn.Module, images: Any, attributes: Tensor | None = None
) -> Flags:
    """Read the images and see which rules cover them; the rules stand in the sheet's order."""
    model = as_image_model(model)
    images = images_for(model, images)
    if sheet.means is None:
        raise XaiwidgetsError("This sheet has no rules yet; let its run go on.")
    given = sheet.names[len(sheet.names) - sheet.attributes :]
    refuse_attributes(attributes, len(given), len(images))
    reading = Reading(model, images, sheet.layer, (given, as_numbers(attributes, len(images), model)))
    for _ in reading.steps():
        pass
    if reading.classes != len(sheet.class_names):
        raise XaiwidgetsError(
            f"{model.name} knows {reading.classes} classes, but the sheet is of a network that knows "
            f"{len(sheet.class_names)}; give that one."
        )
    labels = None if images.labels is None else images.labels.to(model.device)
    if labels is not None:
        refuse_classes(labels, reading.classes, model)
    near = Near.joined(sheet.means.nearest(reading.features))
    table = attributes_of(reading.top, near, reading.pictures)
    return Flags(
        predicted=reading.predicted,
        confidence=reading.top.values[:, 0],
        labels=labels,
        numbers=table.numbers,
        covered=sheet.covered_by(table),
    )
