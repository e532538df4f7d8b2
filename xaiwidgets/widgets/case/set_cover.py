"""The widget of set cover."""

import numpy as np

from xaiwidgets.methods.case._set_cover.result import Cover
from xaiwidgets.methods.case.set_cover import SetCover
from xaiwidgets.widgets.case._prototypes.cards import ACROSS, Group
from xaiwidgets.widgets.case._prototypes.curves import CurvePlot, Curves
from xaiwidgets.widgets.case._prototypes.prototype_widget import PrototypeWidget
from xaiwidgets.widgets.case._set_cover.words import in_words, notes_of, prototype_words, uncovered_words
from xaiwidgets.widgets.parts.plot_key import LineLook
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import BELOW, MID_GREY, category_color

_COVERED, _WRONG = "prototypes: covered", "prototypes: wrongly covered"
_RANDOM, _RANDOM_WRONG = "random ones: covered", "random ones: wrongly covered"
_LOOKS = {
    _COVERED: LineLook(category_color(0), "solid", 3, "━━"),
    _WRONG: LineLook(BELOW, "dashed", 2, "╍╍"),
    _RANDOM: LineLook(MID_GREY, "dotted", 2, "┈┈"),
    _RANDOM_WRONG: LineLook(MID_GREY, "dashed", 1, "╌╌"),
}


class CoverExplorer(PrototypeWidget):
    """See how few balls cover the images of each class, and which images stay outside.

    ``train`` are labelled images (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told), ``layer`` names the
    features. Around each prototype lies a ball of radius ε; prototypes are chosen so that the balls hold many images of
    their own class and few of others. A click on one shows the images that it covers. The last row holds images in no
    ball of their class, one of a class, from the thick of what is left out. The plot tells how much is covered, and how
    much wrongly, beside random images of the same classes. Once it has run another size of the balls or number is
    answered at once.
    Other keywords are settings of `SetCover`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = SetCover
    title = "Cover explorer"
    groups = (
        Group("prototype", "Prototypes: class, and how many images each covers more"),
        Group("uncovered image", "Uncovered: class, and how many of it are uncovered around"),
    )

    def make_plot(self) -> CurvePlot:
        """Covered against the number of prototypes."""
        return CurvePlot(
            "Covered images",
            "% of the images",
            _LOOKS,
            band="from the worst to the best of 20 draws",
            alt="share of images in a ball of their class, and of another, against the number of prototypes",
        )

    def counts(self, method: SetCover) -> tuple[int, int]:
        """Prototypes, and a row of what is uncovered."""
        return min(method.count, len(self.train)), ACROSS

    def rows(self, value: Cover) -> tuple[list[int], list[int]]:
        """The prototypes, and what is left out once something is covered."""
        return value.prototypes.tolist(), self._uncovered(value)

    def captions(self, value: Cover) -> tuple[list[str], list[str]]:
        """Class and how many."""
        return notes_of(value, self._uncovered(value), self.train.class_names)

    def about(self, value: Cover, group: int, place: int) -> tuple[str, list[int], str]:
        """A prototype with the images that it covers first, or an uncovered image with its nearest prototype."""
        names = self.train.class_names
        if group == 0:
            return prototype_words(value, place, names), value.members(place).tolist(), "Images that it covers first"
        row = self._uncovered(value)[place]
        nearest = value.prototypes[value.nearest[row]]
        return uncovered_words(value, row, names), [int(nearest)], "Its nearest prototype"

    def words(self, value: Cover) -> str:
        """What is covered, beside random images, and of each class."""
        return in_words(value, self.train.class_names)

    def curves_of(self, value: Cover) -> Curves:
        """Covered against the number."""
        lines = {_COVERED: (100 * value.covered).tolist(), _WRONG: (100 * value.wrong).tolist()}
        random = 100 * value.random_covered
        if not random.numel():
            return Curves(lines)
        lines |= {_RANDOM: random.mean(0).tolist(), _RANDOM_WRONG: (100 * value.random_wrong).mean(0).tolist()}
        return Curves(lines, random.min(0).values.tolist(), random.max(0).values.tolist())

    def title_of(self, run: Run) -> str:
        """How many, and how large."""
        return f"{len(run.value.prototypes)} balls, ε {run.settings.epsilon:g} %"

    @staticmethod
    def _uncovered(value: Cover) -> list[int]:
        """Of each class the image in the thick of what is left out, the class with most of it first."""
        if not len(value.prototypes):
            return []
        rows = value.uncovered.cpu().numpy()
        _, first = np.unique(value.labels.cpu().numpy()[rows], return_index=True)
        return rows[np.sort(first)][:ACROSS].tolist()
