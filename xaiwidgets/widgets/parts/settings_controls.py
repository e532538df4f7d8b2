"""One ipywidgets control for one setting: which kind, which stops, and how its value reads."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as widgets

from xaiwidgets.core.settings import MISSING, Spec

LONGEST_SLIDER = 10_000  # whole numbers that a slider of some 200 pixels may still span
LONGEST_TEXT = 400
DECADES = 6  # of a logarithmic slider that starts at exactly zero
PREFERRED = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0)  # Renard's numbers: even steps, readable values
AUTO = "auto"


@dataclass
class Control:
    """A control and the values it offers; ``stops`` is empty where any value in the range can be set.

    The control of a setting with stops holds a place in them, for ipywidgets cannot choose None.
    """

    spec: Spec
    widget: Any
    stops: list[Any] = field(default_factory=list)

    def read(self) -> Any:
        """The value as its setting means it, clamped to its range; raises ValueError where it means nothing."""
        value = self.widget.value
        if self.stops:
            return self.stops[value]
        if self.spec.type in {"tuple", "text"} or isinstance(self.widget, widgets.Text):
            return _parsed(self.spec, value)
        return clamped(self.spec, value)

    def write(self, value: Any) -> None:
        """Show ``value``, which is one that the setting takes."""
        if self.stops:
            if value not in self.stops:
                self.stops = _ordered([*self.stops, value])
                self.widget.options = _options(self.spec, self.stops)
            self.widget.value = self.stops.index(value)
        elif isinstance(self.widget, widgets.Text):
            self.widget.value = _written(value)
        else:
            self.widget.value = value


def clamped(spec: Spec, value: Any) -> Any:
    """A number brought into the setting's range, other values as they are."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - not a number
        return value
    value = value if spec.low is None else max(value, spec.low)
    value = value if spec.high is None else min(value, spec.high)
    # Ten digits: a drag gives 0.30000000000000004, and the recipe should say 0.3.
    return round(value) if spec.type == "int" else float(f"{value:.10g}")


def control(spec: Spec, value: Any) -> Control:
    """The control for a setting, showing ``value``."""
    makers = {"bool": _checkbox, "choice": _dropdown, "int": _number, "float": _number}
    made = makers.get(spec.type, _text)(spec, value)
    made.widget.add_class("xw-setting")
    made.widget.add_class("xw-live" if spec.live else "xw-restarts")
    made.write(value)
    return made


def stop_label(spec: Spec, value: Any) -> str:
    """How a stop of a slider reads: "auto", "0", "0.001", "1e-5", "256"."""
    if value is None:
        return AUTO
    if spec.type == "choice":
        return str(value).replace("_", " ")
    if spec.type == "int":
        return f"{value:d}"
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")


def _said(spec: Spec) -> dict[str, Any]:
    """Label and help, as every control takes them."""
    label = spec.label or spec.name.replace("_", " ").capitalize()
    when = "Can be changed while it runs." if spec.live else "A change starts a new run."
    words = spec.help[:1].upper() + spec.help[1:].rstrip(".")
    return {"description": f"{label}, {spec.unit}" if spec.unit else label, "tooltip": f"{words}. {when}"}


def _checkbox(spec: Spec, value: Any) -> Control:
    return Control(spec, widgets.Checkbox(value=bool(value), indent=False, **_said(spec)))


def _dropdown(spec: Spec, _value: Any) -> Control:
    stops = [*([None] if spec.optional else []), *spec.choices]
    return Control(spec, widgets.Dropdown(options=_options(spec, stops), **_said(spec)), stops)


def _text(spec: Spec, _value: Any) -> Control:
    hint = AUTO if spec.optional else ""
    return Control(spec, widgets.Text(continuous_update=False, placeholder=hint, **_said(spec)))


def _number(spec: Spec, value: Any) -> Control:
    bounded = spec.low is not None and spec.high is not None
    if bounded and (spec.optional or spec.log or spec.stops):
        return _stepped(spec, value)
    if spec.optional:
        return _text(spec, value)
    if not bounded or (spec.type == "int" and spec.high - spec.low > LONGEST_SLIDER):
        return _number_field(spec)
    drag = {"continuous_update": spec.live, **_said(spec)}
    if spec.type == "int":
        return Control(spec, widgets.IntSlider(min=int(spec.low), max=int(spec.high), **drag))
    step = 10.0 ** math.floor(math.log10((spec.high - spec.low) / 100))
    shape = f".{max(0, -round(math.log10(step)))}f"
    return Control(spec, widgets.FloatSlider(min=spec.low, max=spec.high, step=step, readout_format=shape, **drag))


def _number_field(spec: Spec) -> Control:
    # A browser holds whole numbers exactly up to 2**53 only; a seed beyond would come back as another one.
    low = -(2**53) if spec.low is None else spec.low
    high = 2**53 if spec.high is None else min(spec.high, 2**53)
    kind, number = (widgets.BoundedIntText, int) if spec.type == "int" else (widgets.BoundedFloatText, float)
    return Control(spec, kind(min=number(low), max=number(high), **_said(spec)))


def _stepped(spec: Spec, value: Any) -> Control:
    # Stops of our own instead of a FloatLogSlider: it has no zero, no "auto", and gives 0.0457088 where 0.05 is meant.
    stops = _ordered([*_stops(spec), value] + ([None] if spec.optional else []))
    slider = widgets.SelectionSlider(options=_options(spec, stops), continuous_update=spec.live, **_said(spec))
    slider.add_class("xw-stops")  # its readout shows a stop and cannot be typed into
    return Control(spec, slider, stops)


def _options(spec: Spec, stops: Iterable[Any]) -> list[tuple[str, int]]:
    return [(stop_label(spec, stop), place) for place, stop in enumerate(stops)]


def _stops(spec: Spec) -> Iterable[float]:
    """Values of a stepped slider; the default and both ends are always among them."""
    ends = [spec.low, spec.high] + ([] if spec.default in (None, MISSING) else [spec.default])
    if spec.stops:
        ends, inner = ends[2:], spec.stops
    elif not spec.log:
        step = 2.0 ** round(math.log2((spec.high - spec.low) / 64))
        step = max(1, round(step)) if spec.type == "int" else step
        first = math.ceil(spec.low / step)
        inner = [step * place for place in range(first, math.floor(spec.high / step) + 1)]
    elif spec.type == "int":
        inner = [number for power in range(54) for number in (2**power, 3 * 2**power)]
    else:
        top = math.ceil(math.log10(spec.high))
        bottom = math.floor(math.log10(spec.low)) if spec.low > 0 else top - DECADES
        inner = [float(f"{number}e{power}") for power in range(bottom, top + 1) for number in PREFERRED]
    number = int if spec.type == "int" else float
    return [number(stop) for stop in [*ends, *inner] if spec.low <= stop <= spec.high]


def _ordered(stops: Iterable[Any]) -> list[Any]:
    return sorted(set(stops), key=lambda stop: (stop is not None, stop or 0))


def _parsed(spec: Spec, text: str) -> Any:
    text = str(text).strip()[:LONGEST_TEXT]
    if not text and spec.optional:
        return None
    if spec.type == "text":
        return text
    if spec.type == "tuple":
        return tuple(int(clamped(spec, int(entry))) for entry in text.strip("()[]").replace(",", " ").split())
    return clamped(spec, int(text) if spec.type == "int" else float(text))


def _written(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
