"""The map of all images, training and test, with the query, its neighbours and the trail."""

from collections.abc import Callable, Sequence

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.case._nearest.atlas import atlas
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.case._nearest.asked import TEST, TRAIN, Asked
from xaiwidgets.widgets.case._nearest.query_panel import QueryPanel
from xaiwidgets.widgets.parts.feature_map import FeatureMap


class FeatureAtlas:
    """A `FeatureMap` of the training images and then the test images, read in the background."""

    def __init__(
        self,
        model: ImageModel,
        train: ImageSet,
        test: ImageSet,
        rests: Callable[[], bool],
        on_news: Callable[[], object],
    ) -> None:
        self._model, self._train, self._test = model, train, test
        self._rests, self._on_news = rests, on_news
        self._layer, self._job = "", None
        self.map = FeatureMap(
            train.joined(test),
            model.device,
            title="Map of the training and test images",
            rests=rests,
            tell=self._name,
        )

    @property
    def jobs(self) -> list[Job]:
        """What is read or laid out."""
        return [*([] if self._job is None or self._job.finished else [self._job]), *self.map.jobs]

    def start(self, layer: str) -> None:
        """Read the features of a layer, once."""
        if self._job is not None and self._layer == layer and self._job.status not in {"cancelled", "failed"}:
            self._job.resume()  # a pause was meant for the run before
            self.map.go_on()
            return
        if self._job is not None:
            self._job.cancel()
        self._layer = layer
        steps = atlas(self._model, self._train, self._test, layer)
        self._job = worker_for(self._model.device).submit(steps, slot=(id(self), "atlas"), rest=self._rests)
        self._job.subscribe(lambda _job: self._on_news())

    def tell(self, panel: QueryPanel) -> None:
        """Show what is known by now, and tell the panel which test images are answered wrongly."""
        if self._job is None or self._job.latest is None:
            return
        panel.atlas = known = self._job.latest.value
        if known.features is not None:
            wrong = [len(self._train) + place for place in known.mistakes(self._test.labels)]
            self.map.show(known.features, wrong, "a test image answered wrongly")

    def highlight(self, asked: Asked, layer: str, neighbors: Sequence[int], trail: Sequence[Asked]) -> None:
        """Mark the query, its neighbours where they are those of the map's layer, and the way to it."""
        neighbors = neighbors if layer == self._layer else []
        way = [self._point(step) for step in trail if step.place >= 0]
        self.map.highlight(self._point(asked) if asked.place >= 0 else -1, neighbors, way)

    def place_of(self, point: int) -> tuple[str, int]:
        """From which set a point is, and its place there."""
        return (TRAIN, point) if point < len(self._train) else (TEST, point - len(self._train))

    def close(self) -> None:
        """End the reading."""
        if self._job is not None:
            self._job.cancel()

    def _point(self, asked: Asked) -> int:
        return asked.place + (len(self._train) if asked.kind == TEST else 0)

    def _name(self, point: int) -> str:
        kind, place = self.place_of(point)
        images = self._train if kind == TRAIN else self._test
        return f"{kind} image {place:,}, {images.label_name(place)}"
