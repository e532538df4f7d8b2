"""The widget of one method: what most explanations share beyond running it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets as widgets

from xaiwidgets.core import Method, Spec, XaiwidgetsError, nearest
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.explorer import Explorer
from xaiwidgets.widgets.parts.foot import Foot
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run, code
from xaiwidgets.widgets.parts.run_bar import RunBar
from xaiwidgets.widgets.parts.run_history import RunHistory
from xaiwidgets.widgets.parts.settings_form import SettingsForm
from xaiwidgets.widgets.parts.teller import Parts
from xaiwidgets.widgets.parts.words import device_words

Input = tuple[str, Any, str]  # the name in the call, the value, and the expression that makes it ("" where none can)


class MethodExplorer(Explorer):
    """A form drawn from the settings of ``kind``, with what is chosen beside it: a layer, units, images.

    A subclass makes its own controls, then calls ``__init__`` with them, and answers: `chosen` and `choose` (the
    settings that its controls hold), `inputs` (what the method is called with besides the model), `lay_out` (the cells
    before the first picture), `pixels`, `draw`, and where it has a plot `plot_of`.
    """

    kind: ClassVar[type[Method]]
    steps_setting: ClassVar[str] = "steps"
    """The setting that says how long a run is; a rehearsal of four steps tells the time. "" for none."""
    unit: ClassVar[str] = "step"
    """What the steps of a run count: "step", or "%" where they are of different kinds."""
    at_once: ClassVar[bool] = False
    """Whether, once it has run, other settings are answered at once: what takes long is kept."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Know the settings' names, so that assigning to one can be refused in words."""
        super().__init_subclass__(**options)
        if "kind" in cls.__dict__:
            cls.setting_names = frozenset(cls.kind.specs())

    def __init__(
        self,
        model: ImageModel,
        settings: Mapping[str, Any],
        *,
        title: str,
        what: Sequence[widgets.Widget],
        picture: Sequence[widgets.Widget] = (),
        how: Sequence[widgets.Widget] = (),
        frame: FrameView | None = None,
    ) -> None:
        specs = checked_names(type(self), settings)
        self._fixed = {name: value for name, value in settings.items() if specs[name].hidden}
        bar = RunBar(name=type(self).__name__, title=title, device=device_words(model), unit=self.unit)
        form = SettingsForm(specs, {name: value for name, value in settings.items() if name not in self._fixed})
        frame = frame or FrameView()
        self._pair = FrameView(columns=frame.columns or 1)
        self._pair.layout.display = "none"
        history = RunHistory(comparable=type(frame) is FrameView)
        placed = {
            "what": [*what, heading("Runs"), history],
            "picture": [frame, self._pair, *picture],
            "how": [form, *how],
        }
        super().__init__(model, Parts(bar, frame, form, history, Foot()), placed)
        self.observe(lambda _change: self.mark_news(), "selection")
        history.on_compare(lambda entry: self.guarded(self._on_compare, entry))
        self.lay_out(self.method())
        self.foot.code = self.preview()

    def chosen(self) -> dict[str, Any]:
        """The settings that other controls than the form hold."""
        return {}

    def choose(self, method: Method) -> None:
        """Put those settings into their controls."""

    def inputs(self) -> list[Input]:
        """What the method is called with besides the model."""
        return []

    def lay_out(self, method: Method) -> None:
        """Name the cells, keep their space free, and say in the bar what is explained."""

    def set(self, **settings: Any) -> None:
        """Change settings from code, as the controls do; raises a sentence for what does not fit, and changes nothing.

        Live settings steer a run that is on; any other starts it anew.
        """
        before = self.method()
        changed = before.replace(**settings)  # refused as a whole, or taken as a whole
        difference = before.difference(changed)
        beside = self.chosen().keys() & difference.keys()
        self.choose(changed)
        hidden = {name for name, spec in self.kind.specs().items() if spec.hidden} - self.chosen().keys()
        self._fixed |= {name: getattr(changed, name) for name in difference.keys() & hidden}
        self.form.set({name: getattr(changed, name) for name in difference.keys() & self.form.values.keys()})
        if beside:
            self.choice_changed()
        elif difference:
            self.take_settings(difference)

    def method(self) -> Method:
        """The method with the settings as they stand in the widget."""
        return self.kind(**self._fixed | self.chosen() | self.form.values)

    def arguments(self) -> tuple[Any, ...]:
        """The model and the inputs."""
        return (self.model, *(value for _, value, _ in self.inputs()))

    def run(self) -> "MethodExplorer":
        """Start with the present settings, in the place of a run that is on; returns at once."""
        with get_publisher().lock:
            method = self.method()
            self.current = self.shown = None  # late steps of the run before are nobody's
            self.lay_out(method)
            super().run()
            self.current.cells, self.current.unit = self.frame.cells, self.unit
            self.current.sources = tuple((name, made) for name, _, made in self.inputs())
            self.current.remembered = self.remember()
        return self

    def remember(self) -> dict[str, Any]:
        """What else must come back with a run that is brought back, such as which image was chosen."""
        return {}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Bring back what `remember` noted."""

    def notes(self, run: Run) -> list[str]:
        """The numbers below the pictures."""
        return [""] * len(run.cells)

    def rehearsal(self) -> tuple[Method, float] | None:
        """Four steps of the same size."""
        method = self.method()
        if not self.steps_setting:
            return None
        steps = getattr(method, self.steps_setting)
        return method.replace(**{self.steps_setting: min(4, steps)}), steps

    def plot_of(self, run: Run) -> Any:
        """No plot."""

    def adopt(self, run: Run) -> None:
        """Take over the settings and the choices of an earlier run."""
        self.choose(run.settings)
        self.restore(run.remembered)
        self.form.set({name: getattr(run.settings, name) for name in self.form.values})
        self.lay_out(run.settings)

    def call(self, run: Run) -> tuple[str, str]:
        """The code that makes the model and the inputs, and the call's arguments."""
        return self._made(run.sources), self._named(run.sources)

    def preview(self) -> str:
        """The code of a run with the present settings."""
        sources = [(name, made) for name, _, made in self.inputs()]
        return code(self.method(), self._made(sources), f"last(method({self._named(sources)}))")

    def title_of(self, run: Run) -> str:
        """Layer and units, where the method has them."""
        layer, units = getattr(run.method, "layer", ""), getattr(run.method, "units", ())
        named = ", ".join(map(str, units[:4])) + (", …" if len(units) > 4 else "")  # noqa: PLR2004
        return " · ".join(filter(None, [layer, named])) or self.bar.title

    def take_settings(self, changes: Mapping[str, Any]) -> None:
        """Steer a run that is on; where nothing runs take note, or answer at once."""
        idle = self.current is None or self.current.job.finished
        if self.at_once and self.shown is not None and idle:
            self.run()
        else:
            super().take_settings(changes)

    def settings_changed(self) -> None:
        """Show what the next run will do."""
        super().settings_changed()
        if self.shown is None:  # else the code stays that of what is shown
            self.foot.code = self.preview()

    def choice_changed(self) -> None:
        """Another layer, unit or image was chosen: start anew where a run is on, else show what is to come."""
        self.restart()
        with get_publisher().lock:
            if self.current is None or self.current.job.finished:
                self.clear()
                self.lay_out(self.method())
                self.foot.code, self.foot.sentence = self.preview(), ""

    def _on_compare(self, entry: int) -> None:
        """Show an earlier run below the picture, or take it away."""
        run = self.runs.get(entry)
        self._pair.layout.display = "none" if run is None else ""
        if run is not None:
            labels, alts, colors = ([cell[what] for cell in run.cells] for what in ("label", "alt", "color"))
            self._pair.set_grid([f"{label}, earlier run" for label in labels], alts, self.notes(run), colors)
            self._pair.show(lambda: self.pixels(run), lossless=True)

    def _made(self, sources: Sequence[tuple[str, str]]) -> str:
        model = self.model.source or f"...  # {self.model!r}"
        lines = [f"{name} = {made or '...  # what was given to the widget'}" for name, made in sources]
        return "\n".join([f"model = {model}", *lines])

    @staticmethod
    def _named(sources: Sequence[tuple[str, str]]) -> str:
        return ", ".join(["model", *(name for name, _ in sources)])


def checked_names(kind: type[MethodExplorer], settings: Mapping[str, Any]) -> dict[str, Spec]:
    """The method's settings, once every one that is given is known to be one of them."""
    specs = kind.kind.specs()
    for name in settings:
        if name not in specs:
            raise XaiwidgetsError(f"{kind.__name__} has no setting {name!r}; {nearest(name, specs)}.")
    return specs
