"""The widget of MMD-critic, with the other ways to prototypes beside it."""

from typing import Any

from xaiwidgets.methods.case._mmd_critic.result import PrototypesAndCriticisms
from xaiwidgets.methods.case._mmd_critic.run import room
from xaiwidgets.methods.case.mmd_critic import MMDCritic
from xaiwidgets.widgets.case._mmd_critic.words import criticism_words, in_words, notes_of, prototype_words
from xaiwidgets.widgets.case._prototypes.cards import Group
from xaiwidgets.widgets.case._prototypes.curves import CurvePlot, Curves
from xaiwidgets.widgets.case._prototypes.pages import Pages
from xaiwidgets.widgets.case._prototypes.prototype_widget import PrototypeWidget
from xaiwidgets.widgets.parts.plot_key import LineLook
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color

_OWN, _OTHERS = "MMD-critic", {"Set cover": "CoverExplorer", "Prototype parts": "PrototypePartViewer"}
_CHOSEN, _RANDOM = "prototypes", "random images, mean of 20 draws"
_LOOKS = {
    _CHOSEN: LineLook(category_color(0), "solid", 3, "━━"),
    _RANDOM: LineLook(MID_GREY, "dotted", 2, "┈┈"),
}


class PrototypeExplorer(PrototypeWidget):
    """See which images stand for a data set in the network's eyes, and which they stand for badly.

    ``train`` are labelled images (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told), ``layer`` names the
    features. Prototypes appear one by one, then criticisms: images like which there are too few or too many among the
    prototypes. A click on a prototype shows the images that it is the nearest to. The plot tells how MMD² falls with
    the number of prototypes, beside random images. Once it has run another number or kernel is answered at once. Set
    cover and prototype parts stand on pages of their own, as `CoverExplorer` and `PrototypePartViewer`. Other keywords
    are settings of `MMDCritic`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = MMDCritic
    title = "Prototype explorer"
    groups = (
        Group("prototype", "Prototypes: class, and how many images each is nearest to"),
        Group("criticism", "Criticisms: class, and what prototypes have of their like"),
    )

    def add_pages(self) -> None:
        """The other ways to prototypes."""
        self.pages = Pages(_OWN, _OTHERS, self._make_page)
        self._parts = self.children
        self.children = (self.pages.bar, *self._parts, self.pages.room)
        self.pages.observe(lambda change: self.guarded(self._open, change["new"]), "value")

    def make_plot(self) -> CurvePlot:
        """MMD² against the number of prototypes."""
        return CurvePlot(
            "Distance from the whole set",
            "MMD²",
            _LOOKS,
            band="from the best to the worst draw",
            alt="MMD² between prototypes and all images against the number of prototypes, beside random images",
            log=True,
        )

    def counts(self, method: MMDCritic) -> tuple[int, int]:
        """Prototypes and criticisms."""
        return room(method, len(self.train))

    def rows(self, value: PrototypesAndCriticisms) -> tuple[list[int], list[int]]:
        """The images of both."""
        return value.prototypes.tolist(), value.criticisms.tolist()

    def captions(self, value: PrototypesAndCriticisms) -> tuple[list[str], list[str]]:
        """Class and number of images, or what is criticised."""
        return notes_of(value, self.train.class_names)

    def about(self, value: PrototypesAndCriticisms, group: int, place: int) -> tuple[str, list[int], str]:
        """A prototype with the images that it is the nearest to, or a criticism with its nearest prototype."""
        names = self.train.class_names
        if group == 0:
            return prototype_words(value, place, names), value.members(place).tolist(), "Images that it is nearest to"
        nearest = value.prototypes[value.nearest[value.criticisms[place]]]
        return criticism_words(value, place, names), [int(nearest)], "Its nearest prototype"

    def words(self, value: PrototypesAndCriticisms) -> str:
        """MMD² and the nearest prototype as a classifier, beside random sets."""
        return in_words(value)

    def curves_of(self, value: PrototypesAndCriticisms) -> Curves:
        """MMD² against the number."""
        random = value.random_mmd2
        if not random.numel():
            return Curves({_CHOSEN: value.mmd2.tolist()})
        lines = {_CHOSEN: value.mmd2.tolist(), _RANDOM: random.mean(0).tolist()}
        return Curves(lines, random.min(0).values.tolist(), random.max(0).values.tolist())

    def title_of(self, run: Run) -> str:
        """How many, and the kernel."""
        return f"{self.counts(run.settings)[0]} prototypes, γ {run.settings.gamma:g}"

    def dispose(self) -> None:
        """Free this widget and those of its pages."""
        self.pages.dispose_pages()
        super().dispose()

    def _make_page(self, kind: type) -> Any:
        """Another way to prototypes of the same images, by the same features where it asks for some."""
        layer = {"layer": self.layers.layer} if issubclass(kind, PrototypeWidget) else {}
        return kind(self.model, self.train, **layer)

    def _open(self, page: str) -> None:
        """Show one page."""
        own = self.pages.turn_to(page)
        for part in self._parts:
            part.layout.display = "" if own else "none"
