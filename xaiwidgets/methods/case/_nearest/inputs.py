"""What neighbours are searched for and among: images read through a network, or features as they are given."""

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods._answers import probabilities_of, refuse_classes
from xaiwidgets.methods._given import given_features, given_rows, labels_of
from xaiwidgets.methods.case._nearest.kept import Kept, named_rows
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD, read_layers

if TYPE_CHECKING:
    from xaiwidgets.methods.case.nearest_neighbors import NearestNeighbors

Rows = tuple[Tensor, ...]
"""Features (row, feature) in each layer."""


@dataclass(frozen=True, eq=False)
class Queries:
    """The queries' features in each layer, their own places in the index (−1 for none), and the network's answers."""

    rows: Rows
    exclude: Int[Tensor, "query"]
    probabilities: Float[Tensor, "query class"] | None = None


class Examples(NamedTuple):
    """Calibration examples: features in each layer, labels, and the network's answers."""

    rows: Rows
    labels: Int[Tensor, "example"]
    probabilities: Float[Tensor, "example class"] | None = None


class Inputs(Protocol):
    """What `run.explain` asks for; whatever reads yields the share that is read, and returns what it has read."""

    layers: tuple[str, ...]
    labels: Tensor
    kept: Kept
    classes: int
    calibrates: bool
    row_keys: tuple[str, ...]
    """Of the features in each layer, once they are read; () where that is not known."""

    def queries(self) -> Generator[float, None, Queries]:
        """The queries."""

    def train(self) -> Iterator[tuple[float, Rows]]:
        """Yields the share that is read, and the training examples so far."""

    def calibration(self) -> Generator[float, None, Examples]:
        """The calibration examples."""

    def key(self) -> str:
        """Equal for equal training and calibration examples; "" where that is not known."""


class _Given:
    """Features, as they are given without a model."""

    def __init__(self, settings: "NearestNeighbors", train: Any, query: Any, calibration: Any) -> None:
        if len(settings.layers) > 1:
            raise XaiwidgetsError(
                f"layers={settings.layers!r} were named, but features were given without a model; leave layers out."
            )
        self.layers = settings.layers or ("features",)
        self.row_keys = ()
        self._train, self.labels = given_rows(train, "training")
        self._calibration = None if calibration is None else given_rows(calibration, "calibration")
        self.classes = int(self.labels.max()) + 1
        self.kept = Kept.of(self.labels, settings, given=calibration is not None)
        self.calibrates = calibration is not None or self.kept.aside is not None
        _refuse_labels(self.labels, self.classes, self.kept.labels(self.labels))
        if self._calibration is not None:
            _refuse_unknown(self._calibration[1], self.classes)
        named = named_rows(query, len(self.labels))
        self._query = self._train[named] if named is not None else given_features(query, "query")
        self._exclude = self.kept.places(named, len(self._query), settings.k).to(self._train.device)
        for rows, name in ((self._query, "query"), *([(self._calibration[0], "calibration")] if calibration else [])):
            if rows.shape[1] != self._train.shape[1]:
                raise XaiwidgetsError(
                    f"{self._train.shape[1]} features were given for training and {rows.shape[1]} as {name} features; "
                    "give the same for both."
                )

    def queries(self) -> Generator[float, None, Queries]:
        yield 1.0
        return Queries((self._query.to(self._train),), self._exclude)

    def train(self) -> Iterator[tuple[float, Rows]]:
        yield 1.0, (self._train,)

    def calibration(self) -> Generator[float, None, Examples]:
        yield 1.0
        if self._calibration is None:
            return Examples((self._train[self.kept.aside],), self.labels[self.kept.aside])
        return Examples((self._calibration[0].to(self._train),), self._calibration[1].to(self.labels.device))

    def key(self) -> str:
        return ""


class _Read:
    """Images, whose features a network has."""

    def __init__(
        self, settings: "NearestNeighbors", model: ImageModel, train: Any, query: Any, calibration: Any
    ) -> None:
        self.layers, self._model, self._batch = settings.layers or (HEAD,), model, settings.batch
        self._train = as_image_set(train).fitted(model.picture_shape)
        self.labels = labels_of(self._train, "training").to(model.device)
        self.classes = int(self.labels.max()) + 1
        self.kept = Kept.of(self.labels, settings, given=calibration is not None)
        named = named_rows(query, len(self._train))
        images = self._train.subset(named.tolist()) if named is not None else as_image_set(query)
        self._query = images.fitted(model.picture_shape)
        self._exclude = self.kept.places(named, len(self._query), settings.k).to(model.device)
        self._calibration = self._set_aside(calibration)
        self.calibrates = self._calibration is not None
        self.row_keys: tuple[str, ...] = ()

    def queries(self) -> Generator[float, None, Queries]:
        for step in read_layers(self._model, self._query, self.layers, outputs=True, batch=self._batch):
            yield step.progress
        probabilities = self._answers(step.value[0].outputs)
        if probabilities is not None:
            self.classes = probabilities.shape[1]
            refuse_classes(self.labels, self.classes, self._model)
        return Queries(tuple(features.values for features in step.value), self._exclude, probabilities)

    def train(self) -> Iterator[tuple[float, Rows]]:
        for step in read_layers(self._model, self._train, self.layers, batch=self._batch):
            self.row_keys = tuple(features.key for features in step.value)
            yield step.progress, tuple(features.values for features in step.value)

    def calibration(self) -> Generator[float, None, Examples]:
        labels = labels_of(self._calibration, "calibration").to(self._model.device)
        refuse_classes(labels, self.classes, self._model)
        for step in read_layers(self._model, self._calibration, self.layers, outputs=True, batch=self._batch):
            yield step.progress
        return Examples(tuple(features.values for features in step.value), labels, self._answers(step.value[0].outputs))

    def key(self) -> str:
        images = self._calibration
        return f"{self.row_keys} {_digest(self.labels)} {images.key} {_digest(images.labels)}"

    def _answers(self, outputs: Tensor) -> Tensor | None:
        """The network's probabilities, None where it does not choose between classes."""
        classes = outputs.dim() == 2 and outputs.shape[1] > 1  # noqa: PLR2004 - a choice is between two
        return probabilities_of(outputs, self._model) if classes else None

    def _set_aside(self, calibration: Any) -> ImageSet | None:
        if calibration is not None:
            images = as_image_set(calibration).fitted(self._model.picture_shape)
            labels_of(images, "calibration")
            return images
        return None if self.kept.aside is None else self._train.subset(self.kept.aside.tolist())


def given_inputs(settings: "NearestNeighbors", train: Any, query: Any, calibration: Any) -> Inputs:
    """(features, labels), features or places in them, and (features, labels) that calibrate or None."""
    return _Given(settings, train, query, calibration)


def read_inputs(settings: "NearestNeighbors", model: ImageModel, train: Any, query: Any, calibration: Any) -> Inputs:
    """Labelled images, images or places in them, and labelled images that calibrate or None."""
    return _Read(settings, model, train, query, calibration)


def _refuse_unknown(labels: Tensor, classes: int) -> None:
    """Raise for a calibration label that no training example can have."""
    wrong = ((labels < 0) | (labels >= classes)).nonzero().flatten().tolist()
    if wrong:
        raise XaiwidgetsError(
            f"The calibration label {int(labels[wrong[0]])} (example {wrong[0]}) is out of range; there are {classes} "
            f"classes, 0 to {classes - 1}."
        )


def _digest(labels: Tensor) -> str:
    return hashlib.blake2b(labels.cpu().numpy().tobytes(), digest_size=16).hexdigest()


def _refuse_labels(labels: Tensor, classes: int, kept: Tensor) -> None:
    """Raise for labels below 0, and for a class of which the index has no example."""
    if int(labels.min()) < 0:
        raise XaiwidgetsError(f"The training label {int(labels.min())} was given; give whole numbers from 0.")
    counts = torch.bincount(kept, minlength=classes)
    empty = (counts == 0).nonzero().flatten().tolist()
    if empty:
        raise XaiwidgetsError(
            f"Class {empty[0]} has no training example among which neighbours are searched, so that nothing can "
            "support it; give some, or number the classes from 0 without gaps."
        )
