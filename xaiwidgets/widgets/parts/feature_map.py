"""FeatureMap: images by their features on a plane, by principal axes at once and by t-SNE if wanted."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ipywidgets as widgets
import torch
from torch import Tensor

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.core import Step
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._tsne import PCA, TSNE, Layout, neighbor_layout, principal_layout
from xaiwidgets.widgets.parts._point_map.layout_words import layout_words
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.point_map import PointMap
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import close_all, heading, heading_html
from xaiwidgets.widgets.parts.thumbnails import Thumbnails
from xaiwidgets.widgets.parts.words import class_name

_SIDE = 96
_INTERVAL = 0.2  # seconds between two layouts of a run that are shown
_LAYOUTS: dict[str, Callable[[Tensor, int], Iterator[Step[Layout]]]] = {PCA: principal_layout, TSNE: neighbor_layout}


class FeatureMap(widgets.VBox):
    """Images as points, coloured by their label; a click or a lasso chooses some, pointing at one shows it.

    The layout is a job on ``device``'s worker: principal axes at once; t-SNE once it is chosen, better with every step,
    and resting while PCA is looked at. ``rests`` says when nobody watches. ``noun`` is what one image is called,
    ``tell(place)`` gives words below its picture. What is kept of the neighbourhoods stands below the map.
    """

    def __init__(
        self,
        images: ImageSet,
        device: str | torch.device = "cpu",
        *,
        title: str = "Map of the images",
        noun: str = "image",
        seed: int = 0,
        rests: Callable[[], bool] | None = None,
        tell: Callable[[int], str] | None = None,
    ) -> None:
        self.images, self._device, self._seed, self._rests = images, device, seed, rests
        self._title, self._noun, self._tell = title, noun, tell
        self._thumbnails = Thumbnails(images, _SIDE)
        self._features: Tensor | None = None
        self._crosses: tuple[list[int], str] = [], ""
        self._marks: dict[str, Any] = {}
        self._jobs: dict[str, Job] = {}
        self._shown: Layout | None = None
        self._fresh = self._news = False
        self._told_at = 0.0
        self.heading = heading(title, "Run to draw it")
        self.choice = widgets.ToggleButtons(options=(PCA, TSNE), tooltips=("", ""))
        self.choice.add_class("xw-toggle")
        self.points = PointMap(f"{title.lower()}, by their features", noun)
        self.words = Evidence()
        super().__init__([self.heading, self.choice, self.points, self.words])
        self.add_class("xw-feature-map")
        self.points.on_hover(self._picture)
        self.choice.observe(lambda _change: self._work(), "value")
        get_publisher().add(self)

    @property
    def jobs(self) -> list[Job]:
        """The work on the layout that is looked at, which goes on and rests with the explorer around it."""
        job = self._jobs.get(self.choice.value)
        return [] if job is None or job.finished else [job]

    @property
    def layout_shown(self) -> Layout | None:
        """Where the images lie so far."""
        return self._shown

    def show(self, features: Tensor, marked: Iterable[int] = (), marked_name: str = "marked") -> None:
        """Lay the images out by these features, a row each; ``marked`` ones become crosses, ``marked_name`` says why.

        The same tensor again changes nothing.
        """
        if features is self._features:
            return
        self._end()
        with get_publisher().lock:
            self._features, self._crosses, self._fresh = features, ([*map(int, marked)], marked_name), True
            cross = f"cross: {marked_name}; " if self._crosses[0] else ""
            hint = f"{cross}click one, or drag with Shift around several"
            kinds = "" if self.images.labels is None else "colour: label; "
            self.heading.value = heading_html(self._title, kinds + hint)
        self._work()

    def highlight(self, query: int = -1, neighbours: Iterable[int] = (), trail: Iterable[int] = ()) -> None:
        """As `PointMap.highlight`, also of images that the map does not show yet."""
        with get_publisher().lock:
            marks = {"query": query, "neighbours": [*neighbours], "trail": [*trail]}
            if marks != self._marks:
                self._marks = marks
                if self._shown is not None:
                    self.points.highlight(**marks)

    def on_choose(self, callback: Callable[[list[int]], object]) -> None:
        """Call ``callback(images)`` after a click or a lasso chose some."""
        self.points.on_choose(lambda chosen: callback(chosen) if chosen else None)

    def clear(self) -> None:
        """Show no image until the next `show`."""
        self._end()
        with get_publisher().lock:
            self._features = self._shown = None
            self._marks = {}
            self.points.clear()
            self.heading.value = heading_html(self._title, "Run to draw it")
            self.words.say("")

    def go_on(self) -> None:
        """Work on the layout that is looked at, also where it was paused or stopped."""
        self._work()

    def dispose(self) -> None:
        """End the work and take the map off the screen."""
        get_publisher().remove(self)
        self._end()
        close_all(self)

    def due(self) -> float | None:
        """Say whether a layout has become better (the publisher asks)."""
        if not self._news:
            return None
        return self._told_at + _INTERVAL if self.jobs and self._shown is not None else 0.0

    def publish(self) -> None:
        """Show the newest of the wanted layout (the publisher calls)."""
        self._news, self._told_at = False, time.monotonic()
        job = self._jobs.get(self.choice.value)
        if job is None:
            return
        layout = job.latest.value if job.latest is not None else None
        if layout is not None and layout is not self._shown:
            self._draw(layout)
        others = [other.latest.value.kept for other in self._jobs.values() if other is not job and other.latest]
        failed = str(job.error) if job.status == "failed" else ""
        self.words.say(layout_words(layout, job.progress, others[0] if others else None, self._noun, failed))

    def _draw(self, layout: Layout) -> None:
        if self._fresh:
            labels, (crosses, name) = self.images.labels, self._crosses
            kinds = 0 if labels is None else int(labels.max()) + 1
            names = [class_name(kind, self.images.class_names) for kind in range(kinds)]
            self.points.show(layout.places, labels, names, crosses, name)
            self._fresh = False
            if self._marks:
                self.points.highlight(**self._marks)
        elif self._shown is None or layout.places is not self._shown.places:
            self.points.move(layout.places)
        self._shown = layout

    def _work(self) -> None:
        """Work on the layout that is wanted, and let the other rest."""
        if self._features is None:
            return
        wanted = self.choice.value
        for method, job in self._jobs.items():
            (job.resume if method == wanted else job.pause)()
        job = self._jobs.get(wanted)
        if job is None or job.status in {"cancelled", "failed"}:
            steps = _LAYOUTS[wanted](self._features, self._seed)
            job = worker_for(self._device).submit(steps, slot=(id(self), wanted), rest=self._rests)
            self._jobs[wanted] = job
            job.subscribe(self._note)
        self._note(job)

    def _note(self, _job: Job) -> None:
        self._news = True
        get_publisher().wake()

    def _end(self) -> None:
        for job in self._jobs.values():
            job.cancel()
        self._jobs = {}

    def _picture(self, place: int) -> None:
        words = "" if self._tell is None else self._tell(place)
        self.points.show_picture(place, self._thumbnails([place])[0], words)
