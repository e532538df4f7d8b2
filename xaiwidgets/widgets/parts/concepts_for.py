"""A model and a set of concepts that fit together."""

import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet, as_concept_set, scenes
from xaiwidgets.models import ImageModel, as_image_model


def model_for(
    model: ImageModel | nn.Module, concepts: ConceptSet | None, device: str | torch.device | None
) -> ImageModel:
    """The model; of a plain module one that looks at the set's images as they are, where it can."""
    shape = None if concepts is None else as_concept_set(concepts).shape
    return as_image_model(model, device, shape=shape)


def source_of(concepts: ConceptSet) -> str:
    """The expression that makes a set; where only the caller can, what was done to it since."""
    if concepts.source or not concepts.changes:
        return concepts.source
    return f"(...){concepts.changes}  # ... is what was given to the widget"


def concepts_for(model: ImageModel, concepts: ConceptSet | None) -> ConceptSet:
    """The set in the shape that the model looks at; painted scenes where none is given, in grey for one channel."""
    shape = model.picture_shape
    if concepts is None and shape[0] not in {1, 3}:
        raise XaiwidgetsError(
            f"{model.name} looks at images of {shape[0]} channels, and the painted scenes have 3; give concepts=, as "
            "xw.ConceptSet.from_arrays(images, masks, names) makes them."
        )
    given = scenes(500, size=min(512, max(32, *shape[1:]))) if concepts is None else as_concept_set(concepts)
    return given.fitted(shape)
