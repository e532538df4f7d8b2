import io

import numpy as np
import pytest
from PIL import Image

from xaiwidgets.widgets.parts.sprite import encode


def decode(sprite):
    """Cut the cells out again, as the browser does."""
    picture = np.asarray(Image.open(io.BytesIO(sprite.data)))
    cells = []
    for index in range(sprite.count):
        y, x = index // sprite.columns * sprite.pitch[0], index % sprite.columns * sprite.pitch[1]
        cells.append(picture[y : y + sprite.height, x : x + sprite.width])
    return np.stack(cells)


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (5, 7, 11, 3), (6, 28, 28, 1), (8, 224, 224, 3)])
def test_lossless_is_exact(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    sprite = encode(images, lossless=True)
    assert sprite.mime == "image/png"
    assert np.array_equal(decode(sprite).reshape(shape), images)


@pytest.mark.parametrize("size", [30, 257])
def test_neighbours_do_not_bleed_into_each_other(size):
    images = np.zeros((4, size, size, 3), np.uint8)
    for index, color in enumerate([(255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255)]):
        images[index] = color
    sprite = encode(images)
    assert sprite.mime == "image/jpeg"
    assert np.abs(decode(sprite).astype(int) - images).max() <= 3


def test_a_running_picture_is_much_smaller_than_a_lossless_one():
    y, x = np.mgrid[:224, :224] / 30
    smooth = (127 + 127 * np.stack([np.sin(x + y), np.cos(x), np.sin(y * x)], -1)).astype(np.uint8)[None]
    noisy = np.clip(smooth + np.random.default_rng(0).normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
    assert len(encode(noisy).data) < 0.35 * len(encode(noisy, lossless=True).data)


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        ([[1]], TypeError, "list.*numpy.asarray"),
        (np.zeros((2, 8, 8, 3)), TypeError, "float64.*0..255"),
        (np.zeros((8, 8, 3), np.uint8), ValueError, r"\(8, 8, 3\).*Move the axes"),
        (np.zeros((2, 3, 8, 8), np.uint8), ValueError, r"\(2, 3, 8, 8\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), ValueError, r"\(0, 8, 8, 3\)"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(images, error, words):
    with pytest.raises(error, match=words):
        encode(images)
