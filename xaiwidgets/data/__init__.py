"""Images to explain with: sets of them with their labels, and samples that everybody knows."""

from xaiwidgets.data.concept_set import ConceptBatch, ConceptSet, as_concept_set
from xaiwidgets.data.image_set import ImageSet, as_image_set
from xaiwidgets.data.photographs import photograph_set, photographs
from xaiwidgets.data.reading import fitted, read_image
from xaiwidgets.data.samples import cifar10, fashion_mnist, fashion_mnist_small, mnist
from xaiwidgets.data.scenes import scenes

__all__ = [
    "ConceptBatch",
    "ConceptSet",
    "ImageSet",
    "as_concept_set",
    "as_image_set",
    "cifar10",
    "fashion_mnist",
    "fashion_mnist_small",
    "fitted",
    "mnist",
    "photograph_set",
    "photographs",
    "read_image",
    "scenes",
]
