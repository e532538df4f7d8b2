"""Which class an image truly has, as the labels of a set of concepts tell."""

import re
from collections import Counter
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from xaiwidgets.data._concepts.stores import Concept


def classes_of(concepts: Sequence[Concept], class_names: Sequence[str]) -> Int[Tensor, "concept"]:
    """The class that each concept has the name of, −1 for none.

    Capitals, spaces, underscores and hyphens make no difference. A name that several classes share is none's.
    """
    names = [_plain(name) for name in class_names]
    counts = Counter(names)
    known = {name: place for place, name in enumerate(names) if counts[name] == 1}
    return torch.tensor([known.get(_plain(name), -1) for name, _ in concepts])


def true_classes(everywhere: Bool[Tensor, "image concept"], classes: Int[Tensor, "concept"]) -> Int[Tensor, "image"]:
    """The class of the image, −1 where its labels name none or several.

    ``everywhere`` says which concepts an image has in every pixel, ``classes`` which class a concept has the name of.
    """
    classes = classes.to(everywhere.device)
    none = torch.iinfo(torch.int64).max
    named = everywhere & (classes >= 0)
    least = classes.where(named, none).amin(1)
    most = classes.where(named, -1).amax(1)
    return most.where(least == most, -1)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.casefold()).strip()
