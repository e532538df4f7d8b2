"""The half of the explorer that knows what is asked about, and how one got there."""

from collections.abc import Mapping
from typing import Any

from traitlets import Int, List

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, read_image
from xaiwidgets.widgets.case._nearest.asked import OWN, TEST, TRAIN, Asked, asked_test, asked_train
from xaiwidgets.widgets.case._nearest.feature_atlas import FeatureAtlas
from xaiwidgets.widgets.case._nearest.query_panel import QueryPanel
from xaiwidgets.widgets.case._nearest.trail import Trail
from xaiwidgets.widgets.parts.image_choice import images_for
from xaiwidgets.widgets.parts.image_drop import ImageDrop
from xaiwidgets.widgets.parts.method_explorer import MethodExplorer


class AskingExplorer(MethodExplorer):
    """Asks about test images, training images, and pictures of one's own; the trail leads back.

    The other half makes ``train``, ``test``, ``panel``, ``trail``, ``atlas`` and ``drop`` before ``__init__``.
    """

    examples = List(Int(), help="training images inside the last lasso on the map")
    train: ImageSet
    test: ImageSet
    panel: QueryPanel
    trail: Trail
    atlas: FeatureAtlas
    drop: ImageDrop

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.trail.add(self.asked)
        self.panel.mistake.on_click(lambda _button: self.guarded(self.next_mistake))
        self.drop.on_files(lambda files: [self.guarded(self._take_file, *file) for file in files])
        self.atlas.map.on_choose(lambda images: self.guarded(self._on_map, images))

    @property
    def asked(self) -> Asked:
        """What is asked about."""
        return self.panel.asked

    def choose_test(self, place: int) -> None:
        """Ask about a test image."""
        self.ask(asked_test(self.test, self._place(place, self.test, "Test image")))

    def walk_to(self, place: int) -> None:
        """Ask about a training image, which is then no neighbour of its own."""
        self.ask(asked_train(self.train, self._place(place, self.train, "Training image")))

    def ask_about(self, image: Any, name: str = "the given image") -> None:
        """Ask about any image: what `xw.data.ImageSet` takes, of which the first is meant, or a file's path."""
        self.ask(Asked(OWN, -1, images_for(self.model, image)[:1], name))

    def next_mistake(self) -> None:
        """Ask about the next test image that the network answers wrongly."""
        self.choose_test(self.panel.next_mistake())

    def back(self) -> None:
        """Ask again about what came before on the trail."""
        asked = self.trail.go_back()
        if asked is None:
            raise XaiwidgetsError("The trail begins here; there is nothing to go back to.")
        self._return_to(asked)

    def ask(self, asked: Asked) -> None:
        """Ask about an image; once it has run, it is answered at once."""
        self.trail.add(asked)
        self._return_to(asked)

    def _return_to(self, asked: Asked) -> None:
        self.panel.ask(asked)
        self.frame.set_trait("selected", -1)
        self.choice_changed()

    def choice_changed(self) -> None:
        """Another image or other layers: answered at once, once it has run."""
        if self.shown is not None or self.current is not None:
            self.run()
        else:
            super().choice_changed()

    def remember(self) -> dict[str, Any]:
        """What was asked about."""
        return {"asked": self.asked}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Ask about it again."""
        self.panel.ask(remembered["asked"])

    def _on_map(self, places: list[int]) -> None:
        """One point becomes the query, several go to ``examples``."""
        if len(places) == 1 and not self.atlas.map.points.gathered:
            kind, place = self.atlas.place_of(places[0])
            self.walk_to(place) if kind == TRAIN else self.choose_test(place)
            return
        self.examples = [place for kind, place in map(self.atlas.place_of, places) if kind != TEST]
        self.mark_news()

    def _take_file(self, name: str, content: bytes) -> None:
        try:
            self.ask_about(ImageSet(read_image(content, self.model.picture_shape, name=name)[None]), name)
        except XaiwidgetsError as error:
            self.drop.say(str(error))

    @staticmethod
    def _place(place: int, images: ImageSet, what: str) -> int:
        if not 0 <= place < len(images):
            raise XaiwidgetsError(f"{what} {place} was asked for; there are {len(images):,}, 0 to {len(images) - 1:,}.")
        return int(place)
