"""A set of concepts as a model can look at it."""

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet, as_concept_set, scenes
from xaiwidgets.models import ImageModel


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
