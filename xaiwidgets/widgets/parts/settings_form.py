"""The form of a method, drawn from its settings."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ipywidgets as widgets
from traitlets import Bool, Unicode

from xaiwidgets.core.errors import XaiwidgetsError, nearest
from xaiwidgets.core.settings import Spec, checked
from xaiwidgets.widgets.parts.part import Part, source
from xaiwidgets.widgets.parts.settings_controls import Control, control


class Fold(Part):
    """A heading that folds what follows it in the nearest ``.xw-foldable``; ``narrow`` ones fold only under 700 px."""

    _esm = source("dom.js", "sliders.js", "fold.js")

    label = Unicode().tag(sync=True)
    unfolded = Bool(default_value=False).tag(sync=True)
    narrow = Bool(default_value=False).tag(sync=True)


class SettingsForm(widgets.VBox):
    """A control for each setting that is not hidden; the advanced ones lie folded under "More settings".

    ``values`` may leave settings out: they start at their defaults. Whatever a browser sends is clamped and checked by
    the setting itself; a value that means nothing puts the control back to the last good one.
    """

    def __init__(
        self,
        specs: Mapping[str, Spec] | Iterable[Spec],
        values: Mapping[str, Any] | None = None,
        *,
        title: str = "Settings",
    ) -> None:
        listed = specs.values() if isinstance(specs, Mapping) else specs
        self._specs = {spec.name: spec for spec in listed if not spec.hidden and spec.type != "tensor"}
        given = dict(values or {})
        self._values = {name: given.get(name, spec.default) for name, spec in self._specs.items()}
        self._callbacks: list[Callable[[str, Any], None]] = []
        self._writing = False
        self.controls: dict[str, Control] = {}
        for name, spec in self._specs.items():
            self._values[name] = checked(spec, self._values[name], title)
            self.controls[name] = control(spec, self._values[name])
            self.controls[name].widget.observe(self._listener(name), "value")
        super().__init__([Fold(label=title, narrow=True), widgets.VBox(self._rows())])
        self.children[1].add_class("xw-fold-body")
        for name in ("xw-settings", "xw-foldable"):
            self.add_class(name)
        if not self.controls:
            self.layout.display = "none"

    @property
    def values(self) -> dict[str, Any]:
        """The settings by name, as a method takes them."""
        return dict(self._values)

    def on_change(self, callback: Callable[[str, Any], None], remove: bool = False) -> None:
        """Call ``callback(name, value)`` after a user changed a setting; `set` calls nobody."""
        (self._callbacks.remove if remove else self._callbacks.append)(callback)

    def set(self, values: Mapping[str, Any]) -> None:
        """Show other values; raises a sentence, and changes nothing, where a name or a value is wrong."""
        for name in values:
            if name not in self._specs:
                raise XaiwidgetsError(f"The form has no setting {name!r}; {nearest(name, self._specs)}.")
        good = {name: checked(self._specs[name], value, "Settings") for name, value in values.items()}
        for name, value in good.items():
            self._values[name] = value
            self._show(name)

    def enabled_live_only(self, running: bool) -> None:
        """While a run is on, mark the settings that would start a new one; every control stays usable."""
        (self.add_class if running else self.remove_class)("xw-run-on")

    def _rows(self) -> list[widgets.Widget]:
        plain = [made.widget for name, made in self.controls.items() if not self._specs[name].advanced]
        folded = [made.widget for name, made in self.controls.items() if self._specs[name].advanced]
        if not folded:
            return plain
        body = widgets.VBox(folded)
        body.add_class("xw-fold-body")
        more = widgets.VBox([Fold(label="More settings"), body])
        more.add_class("xw-foldable")
        return [*plain, more]

    def _listener(self, name: str) -> Callable[[Any], None]:
        def changed(_change: Any) -> None:
            if not self._writing:
                self._take(name)

        return changed

    def _take(self, name: str) -> None:
        try:
            value = checked(self._specs[name], self.controls[name].read(), "Settings")
        except (TypeError, ValueError, OverflowError):
            self._show(name)
            return
        different = value != self._values[name]
        self._values[name] = value
        self._show(name)
        for callback in tuple(self._callbacks) if different else ():
            callback(name, value)

    def _show(self, name: str) -> None:
        self._writing = True
        try:
            self.controls[name].write(self._values[name])
        finally:
            self._writing = False

    def __repr__(self) -> str:
        """The names alone."""
        return f"<SettingsForm {', '.join(self._specs)}>"
