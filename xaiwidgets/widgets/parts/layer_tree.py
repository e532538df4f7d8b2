"""Choosing what is explained: a layer in the network's tree, and units of it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from traitlets import Bool, Dict, Int, List, TraitError, Unicode, validate

from xaiwidgets.core.errors import nearest
from xaiwidgets.widgets.parts.part import Part, source

MOST_UNITS = 64


class LayerTree(Part):
    """The network's layers as a tree, and the units of the chosen one as chips.

    ``layers`` lists the modules in order, each as ``{"name": dotted name, "label": last part of it, "depth": 0, "type":
    class name, "shape": "112×14²", "parameters": count}``; one without a shape cannot be chosen, only unfolded.
    ``selected`` is the chosen name ("" for none), ``units`` the units of it, repeats allowed, each below ``count``;
    ``unit_names`` (may be empty) names them, for reading and for completion. Without ``picks_units`` only layers can be
    chosen.

    A browser may change ``selected`` and ``units`` only; what does not exist is refused there without a word and raises
    a sentence here.
    """

    _esm = source("dom.js", "unit_picker.js", "layer_tree.js")
    from_browser: ClassVar[frozenset[str]] = frozenset({"selected", "units"})

    layers = List(Dict()).tag(sync=True)
    selected = Unicode().tag(sync=True)
    count = Int(0).tag(sync=True)
    units = List(Int()).tag(sync=True)
    unit_names = List(Unicode()).tag(sync=True)
    picks_units = Bool(default_value=True).tag(sync=True)

    def choose(self, selected: str, *, count: int, units: Sequence[int], unit_names: Sequence[str] = ()) -> None:
        """Show another layer with its units, in one message; checked as a whole, and nothing changes if refused."""
        with self.hold_sync(), self.hold_trait_notifications():
            self.selected = selected
            self.count = count
            self.unit_names = list(unit_names)
            self.units = list(units)

    def acceptable(self, name: str, value: Any) -> bool:
        """Whether a browser's choice exists."""
        if name == "selected":
            return isinstance(value, str) and value in self._choosable()
        return isinstance(value, list) and not _wrong_units(value, self.count)

    def _choosable(self) -> list[str]:
        return [layer["name"] for layer in self.layers if layer.get("shape")]

    @validate("selected")
    def _check_selected(self, proposal: Mapping[str, Any]) -> str:
        name = proposal["value"]
        known = self._choosable()
        if name and name not in known:
            raise TraitError(f"There is no layer {name!r} to choose; {nearest(name, known)}.")
        return name

    @validate("units")
    def _check_units(self, proposal: Mapping[str, Any]) -> list[int]:
        wrong = _wrong_units(proposal["value"], self.count)
        if wrong:
            raise TraitError(wrong)
        return proposal["value"]


def _wrong_units(units: Sequence[Any], count: int) -> str:
    """What is wrong with a choice of units, in a sentence; empty when it can be shown."""
    if len(units) > MOST_UNITS:
        return f"{len(units)} units were given; give at most {MOST_UNITS}."
    for unit in units:
        if type(unit) is not int or not 0 <= unit < count:
            return f"Unit {unit!r} is not one of the layer's {count}; give whole numbers from 0 to {count - 1}."
    return ""
