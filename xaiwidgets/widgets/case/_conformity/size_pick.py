"""Regions of which size are shown."""

from collections.abc import Callable

from torch import Tensor

from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.widgets.parts.pick import pick

_ALL = "all together"


class SizePick:
    """A list of the levels of an answer, and all together; a user's choice is told."""

    def __init__(self, on_choose: Callable[[], object]) -> None:
        self.part = pick("Regions shown", [_ALL])
        self._silent = False
        self.part.observe(lambda _change: None if self._silent else on_choose(), "value")

    def offer(self, value: ConformityMap) -> None:
        """One entry for each level, once they are known; what was chosen stays where it is there still."""
        unit = "super-pixels" if len(value.segments) else "px"
        options, before = (_ALL, *(f"{size} {unit}" for size in value.sizes)), self.part.value
        if self.part.options == options:
            return
        self._silent = True
        try:
            self.part.options = options
            self.part.value = before if before in options else _ALL
        finally:
            self._silent = False

    def level(self, value: ConformityMap) -> int | None:
        """The level that is shown, None for all together."""
        level = self.part.index - 1
        return level if 0 <= level < len(value.sizes) else None

    def maps(self, value: ConformityMap) -> list[Tensor]:
        """The map of conformity and that of the softmax probability."""
        level = self.level(value)
        if level is None:
            return [value.importance.cpu(), value.probability_importance.cpu()]
        return list(value.level_maps(level).cpu())
