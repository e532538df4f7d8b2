"""Which image is looked at, and which class it should have had."""

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.parts.pick import pick
from xaiwidgets.widgets.parts.query_panel import QueryPanel

_WIDEST = "220px"


class QueryPicker(QueryPanel):
    """The panel of an image with a list of classes of which ``unset`` stands first."""

    def __init__(self, images: ImageSet, place: int, names: list[str], target: int | None, unset: str) -> None:
        self._count, self._silent = len(names), True
        self.wanted = pick("Wanted class", [unset, *_different(names)])
        super().__init__(images, place)
        self.frame.layout.max_width = _WIDEST  # where the columns are stacked there is more room than it needs
        self.mistake.layout.display = "none"
        self.children = (*self.children, self.wanted)
        self.wanted.observe(lambda _change: None if self._silent else self.told(), "value")
        self.choose(target=target)

    @property
    def place(self) -> int:
        """Which image is chosen."""
        return self.chosen[0]

    @property
    def target(self) -> int | None:
        """The wanted class, None where it is left to the method."""
        return None if self.wanted.index == 0 else self.wanted.index - 1

    @property
    def image(self) -> ImageSet:
        """The chosen image, as a set of one."""
        return self.images.subset([self.place])

    def choose(self, place: int | None = None, target: int | None = None) -> None:
        """Choose an image and a class; calls nobody. Raises for what is not there."""
        if target is not None and not 0 <= target < self._count:
            raise XaiwidgetsError(
                f"target={target} was given, but there are {self._count} classes, 0 to {self._count - 1}."
            )
        if place is not None:
            self.set(place)
        self._silent = True
        try:
            self.wanted.set_trait("index", 0 if target is None else target + 1)
        finally:
            self._silent = False


def _different(names: list[str]) -> list[str]:
    """Names of classes of which none is there twice, as a list of choices wants them."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [f"{name} ({place})" if seen[name] > 1 else name for place, name in enumerate(names)]
