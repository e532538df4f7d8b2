"""What things are called on the screen."""

from collections import Counter
from collections.abc import Sequence

import torch

from xaiwidgets.models import ImageModel


def unit_names(units: Sequence[int], names: Sequence[str]) -> list[str]:
    """Each unit as "unit 3", or by its class's name; one that is there several times is numbered."""
    twice, seen, labels = Counter(units), Counter(), []
    for unit in units:
        seen[unit] += 1
        label = names[unit] if names else f"unit {unit}"
        labels.append(f"{label} ({seen[unit]})" if twice[unit] > 1 else label)
    return labels


def class_name(label: int, names: Sequence[str] | None) -> str:
    """What a class is called: its number where it has no name."""
    return names[label] if names and label < len(names) else str(label)


def device_words(model: ImageModel) -> str:
    """Where the work is done, for the top bar."""
    if model.device.type == "cuda":
        return f"{model.device}, {torch.cuda.get_device_name(model.device)}"
    threads = torch.get_num_threads()
    return f"{model.device}, {threads} thread{'s' * (threads != 1)}"
