"""What is asked about: a test image, a training image, or a picture that was given."""

from typing import Any, NamedTuple

from xaiwidgets.data import ImageSet

TEST, TRAIN, OWN = "test", "training", "given"


class Asked(NamedTuple):
    """A query: from which set, its place there, and its image as a set of one."""

    kind: str
    place: int
    image: ImageSet
    name: str

    @property
    def label(self) -> str:
        """The name of its class, "" where it has none."""
        return self.image.label_name(0)

    def as_query(self) -> tuple[Any, str]:
        """What the method is called with, and the code for it: a training image is named by its place."""
        if self.kind == TRAIN:
            return self.place, repr(self.place)
        return self.image, self.image.source


def asked_test(images: ImageSet, place: int) -> Asked:
    """A test image."""
    return Asked(TEST, place, images.subset([place]), f"test image {place:,}")


def asked_train(images: ImageSet, place: int) -> Asked:
    """A training image."""
    return Asked(TRAIN, place, images.subset([place]), f"training image {place:,}")
