"""What somebody has said of the network's answers, in order; and the images that can be judged."""

from typing import Any

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.image_choice import images_for


class Verdicts(list[tuple[int, bool]]):
    """Pairs of an image and whether the network's answer to it is wrong, in the order in which they were given."""

    @property
    def right(self) -> tuple[int, ...]:
        """The images that are answered rightly."""
        return tuple(image for image, wrong in self if not wrong)

    @property
    def wrong(self) -> tuple[int, ...]:
        """The images that are answered wrongly."""
        return tuple(image for image, wrong in self if wrong)

    def give(self, image: int, *, wrong: bool) -> None:
        """Say of another image whether the answer is wrong."""
        self.append((image, bool(wrong)))

    def take_back(self) -> None:
        """Forget the last one; raises where there is none."""
        if not self:
            raise XaiwidgetsError("There is no verdict to take back.")
        self.pop()

    def set(self, right: tuple[int, ...], wrong: tuple[int, ...]) -> None:
        """Take over verdicts, keeping the order of those that are known."""
        given = [*((image, False) for image in right), *((image, True) for image in wrong)]
        self[:] = [known for known in self if known in given] + [new for new in given if new not in self]


def images_to_judge(model: ImageModel, images: Any) -> ImageSet:
    """The images in the model's shape; raises where none are given and none in the package would fit."""
    if images is None and model.picture_shape != (1, 28, 28):
        raise XaiwidgetsError(
            f"No images were given; {model.name} needs some that it can be wrong about: "
            "images=xw.data.ImageSet(images, labels), or images without labels that you judge yourself."
        )
    return images_for(model, images)
