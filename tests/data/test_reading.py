"""Pictures from files that may be anything."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, read_image

SHAPE = (3, 8, 8)


def encoded(pixels, form="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def test_bytes_paths_arrays_and_pictures_say_the_same(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(encoded(pixels))
    expected = torch.from_numpy(pixels).permute(2, 0, 1) / 255
    for source in (
        encoded(pixels),
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        Image.fromarray(pixels),
        pixels,
        expected,
    ):
        assert torch.allclose(read_image(source, SHAPE), expected, atol=1e-6)


def test_a_wide_picture_is_cropped_to_its_middle():
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = 255
    assert read_image(encoded(wide), SHAPE).min() > 0.9


def test_a_picture_taken_sideways_is_turned():
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise
    turned = read_image(encoded(pixels, "JPEG", exif=exif, quality=95), SHAPE)
    assert turned[..., 4:].mean() > 0.9
    assert turned[..., :4].mean() < 0.1


def test_transparent_palette_and_grey_pictures_are_read():
    for mode in ("RGBA", "P", "L", "LA", "1"):
        buffer = io.BytesIO()
        Image.new(mode, (9, 9)).save(buffer, "PNG")
        assert read_image(buffer.getvalue(), SHAPE).shape == SHAPE
        assert read_image(buffer.getvalue(), (1, 4, 4)).shape == (1, 4, 4)


def bomb(width, height):
    """A PNG that says it has so many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"hello", "is no picture that can be read"),
        (b"", "is no picture that can be read"),
        (bomb(50_000, 50_000), "unfolds to 50000×50000 pixels; give one of at most 100 million"),
        (encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))[:3000], "is damaged"),
        (np.zeros((2, 3, 4, 5)), "An image of shape .2, 3, 4, 5. was given"),
        (np.full((4, 4), 300.0), "from 300 to 300 were given"),
        ("no such file.png", "'no such file.png' cannot be opened"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(source, words):
    with pytest.raises(XaiwidgetsError, match=words):
        read_image(source, SHAPE)


def test_a_file_that_breaks_off_is_named_when_it_is_read(tmp_path):
    whole = encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    (tmp_path / "a.png").write_bytes(whole)
    (tmp_path / "b.png").write_bytes(whole[:3000])
    images = ImageSet.from_folder(tmp_path, size=8)
    assert images.batch([0]).shape == (1, 3, 8, 8)
    with pytest.raises(XaiwidgetsError, match=r"'?b.png'? is damaged"):
        images.batch([1])
