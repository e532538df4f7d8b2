"""In which layers neighbours are nearest: one of a list, or several that were named in code."""

from collections.abc import Callable, Sequence

from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.parts.labelled_sets import checked_layer
from xaiwidgets.widgets.parts.pick import pick


class LayersPick:
    """A list of the layers, the head, and "a + b" where several were given; a user's choice is told."""

    def __init__(self, model: ImageModel, layers: str | Sequence[str], on_choose: Callable[[], object]) -> None:
        self._model, self._silent = model, False
        chosen = self._checked(layers)  # refuses before there is any widget
        names = [name for name, known in model.layers().items() if name and known.layout is not None]
        self._options: dict[str, tuple[str, ...]] = {name: (name,) for name in dict.fromkeys([HEAD, *names])}
        self.part = pick("Features of", list(self._options))
        self._choose(chosen)
        self.part.observe(lambda _change: None if self._silent else on_choose(), "value")

    @property
    def layers(self) -> tuple[str, ...]:
        """The chosen layers; () stands for the head."""
        chosen = self._options[self.part.value]
        return () if chosen == (HEAD,) else chosen

    def set(self, layers: Sequence[str]) -> None:
        """Show these; raises with the nearest names for one that is not there."""
        chosen, self._silent = self._checked(layers), True
        try:
            self._choose(chosen)
        finally:
            self._silent = False

    def _choose(self, chosen: tuple[str, ...]) -> None:
        name = " + ".join(chosen)
        if name not in self._options:
            self._options[name] = chosen
            self.part.options = list(self._options)
        self.part.value = name

    def _checked(self, layers: str | Sequence[str]) -> tuple[str, ...]:
        given = (layers,) if isinstance(layers, str) else tuple(layers) or (HEAD,)
        return tuple(checked_layer(self._model, layer) for layer in given)
