"""The formulas behind the image, each against a plain float64 version or somebody else's code."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from xaiwidgets.data import photographs
from xaiwidgets.methods._adam import Adam
from xaiwidgets.methods._geometry import transforms as drawn
from xaiwidgets.methods._geometry.transforms import Transforms
from xaiwidgets.methods.feature_analysis import _color, _objectives, _penalties
from xaiwidgets.methods.feature_analysis._parameterization import Fourier, Phase, Pixel, natural_magnitude
from xaiwidgets.methods.feature_analysis._redirect import RedirectedReLUs

SHEET = torch.tensor([[[[0.0, 1, 3], [2, 5, 4], [1, 0, 2]]]], dtype=torch.float64)


def generators(count):
    return [torch.Generator().manual_seed(i) for i in range(count)]


def image(kind, shape, colors=None, **options):
    return kind((shape), colors, torch.device("cpu"), torch.float64, **options)


def test_the_colour_matrix_is_the_published_one():
    matrix = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
    assert np.linalg.norm(matrix, axis=0).max() == pytest.approx(0.4619524, abs=1e-7)
    np.testing.assert_allclose(_color.imagenet_colors().numpy(), matrix / 0.4619524, rtol=1e-6)


def test_the_users_own_colours_are_a_root_of_their_covariance():
    images = photographs(64)
    matrix = _color.color_matrix(images).numpy()
    covariance = np.cov(images.double().permute(1, 0, 2, 3).reshape(3, -1).numpy())
    product = matrix @ matrix.T
    np.testing.assert_allclose(product / np.trace(product), covariance / np.trace(covariance), atol=1e-8)
    assert np.linalg.norm(matrix, axis=0).max() == pytest.approx(1)


def test_colours_there_and_back():
    pixels = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    matrix = _color.imagenet_colors()
    there = _color.recorrelate(pixels, matrix)
    np.testing.assert_allclose(there[1, :, 2, 3], matrix.numpy() @ pixels[1, :, 2, 3].numpy())
    torch.testing.assert_close(_color.decorrelate(there, matrix), pixels)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (6, 5), (9, 4)])
def test_the_fourier_image_is_the_plain_sum_of_waves(height, width):
    colors = _color.imagenet_colors()
    parameterization = image(Fourier, (3, height, width), colors)
    free = parameterization.start(generators(2))
    found = parameterization.decode(free).numpy()
    coefficients = (free[..., 0] + 1j * free[..., 1]).numpy()
    expected = np.zeros((2, 3, height, width))
    for y in range(height):
        for x in range(width):
            for v in range(height):
                for u in range(width // 2 + 1):
                    fy = (v if v < (height + 1) // 2 else v - height) / height
                    scale = np.sqrt(width * height) / max(np.hypot(fy, u / width), 1 / max(width, height))
                    wave = coefficients[..., v, u] * scale * np.exp(2j * np.pi * (v * y / height + u * x / width))
                    mirrored = u > 0 and 2 * u != width  # the half of the spectrum that a real image leaves out
                    expected[..., y, x] += (2 if mirrored else 1) * wave.real
    logits = np.einsum("dc,bcyx->bdyx", colors.numpy(), expected / (height * width) / 4)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-12)


def test_the_first_fourier_image_is_nearly_grey():
    parameterization = image(Fourier, (3, 128, 128))
    deviation = torch.logit(parameterization.decode(parameterization.start(generators(8)))).std().item()
    assert deviation == pytest.approx(0.018, rel=0.15)


def test_draws_do_not_depend_on_the_batch():
    parameterization = image(Fourier, (3, 16, 16))
    assert torch.equal(parameterization.start(generators(3))[2], parameterization.start(generators(3)[2:])[0])
    assert torch.equal(drawn.draw(generators(3))[2], drawn.draw(generators(3)[2:])[0])


@pytest.mark.parametrize("kind", [Fourier, Pixel])
def test_blur_is_a_gaussian(kind):
    parameterization = image(kind, (1, 33, 32))
    free = parameterization.start(generators(1))
    before, after = (
        torch.logit(parameterization.decode(f))[0, 0].numpy() for f in (free, parameterization.blur(free, 2.0))
    )
    np.testing.assert_allclose(after, ndimage.gaussian_filter(before, 2.0, mode="wrap", truncate=8), atol=1e-5)


def test_without_images_maco_takes_the_law_of_photographs():
    magnitude = natural_magnitude(image(Pixel, (3, 16, 16)), None)
    assert (magnitude[0, 0, 1] / magnitude[0, 0, 4]).item() == pytest.approx(4)
    parameterization = image(Phase, (3, 16, 16), magnitude=magnitude)
    logits = torch.logit(parameterization.decode(parameterization.start(generators(2))))
    torch.testing.assert_close(logits.flatten(1).std(1), torch.ones(2, dtype=torch.float64), rtol=1e-3, atol=1e-3)


def test_total_variation_has_the_published_values():
    assert _penalties.total_variation(SHEET, 2.0).item() == pytest.approx(71)
    assert _penalties.total_variation(SHEET, 1.0).item() == pytest.approx(20.9695, abs=1e-4)


def test_the_written_gradients_are_those_of_autograd():
    images = torch.rand(2, 3, 6, 5, dtype=torch.float64, requires_grad=True)
    for penalty, gradient in (
        (_penalties.total_variation, _penalties.total_variation_gradient),
        (_penalties.l2, _penalties.l2_gradient),
    ):
        (expected,) = torch.autograd.grad(penalty(images).sum(), images)
        torch.testing.assert_close(gradient(images.detach()), expected)


def test_all_transforms_at_once_are_scipys_affine_transform():
    images = torch.rand(3, 1, 24, 18, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ranges = Transforms(jitter=3, rotate=30.0, scale=0.2)
    draws = torch.tensor([[0.9, 0.1, 0.95, 0.9], [0.5, 0.5, 0.05, 0.3], [0.2, 0.7, 0.5, 0.0]], dtype=torch.float64)
    matrices, margins = ranges.matrices(draws, (24, 18))
    found = drawn.apply(images, matrices, margins, (24, 18)).numpy()
    for i, (horizontal, vertical, scale, turn) in enumerate(draws.tolist()):
        zoom = 1 + 0.2 * (int(scale * 11) - 5) / 5
        places = [0] * 6 + [k for k in range(-10, 11) if k]  # Lucid's 26 rotations, in tenths of the largest
        angle = np.deg2rad(30 * places[int(turn * 26)] / 10)
        matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / zoom  # (row, column)
        shift = np.array([int(vertical * 7) - 3, int(horizontal * 7) - 3])
        centre = np.array([11.5, 8.5])
        expected = ndimage.affine_transform(
            images[i, 0].numpy(), matrix, centre - matrix @ centre + shift, order=1, mode="grid-wrap"
        )
        np.testing.assert_allclose(found[i, 0], expected, atol=1e-10)


@pytest.mark.parametrize("canvas", [(28, 28), (24, 18), (100, 300), (300, 100), (224, 448), (8, 128)])
@pytest.mark.parametrize("ranges", [Transforms(8, 10.0, 0.1), Transforms(0, 45.0, 0.0), Transforms(64, 45.0, 0.3)])
def test_no_transform_looks_beyond_the_padding(canvas, ranges):
    matrices, margins = ranges.matrices(drawn.draw([torch.Generator().manual_seed(i) for i in range(400)]), canvas)
    places = drawn._places(matrices, canvas)
    edge = [1 - 1 / (side + 2 * margin) for side, margin in zip(canvas[::-1], margins[::-1], strict=True)]
    assert (places.abs().amax((0, 1, 2)) <= torch.tensor(edge)).all()


@pytest.mark.parametrize("margins", [(3, 5), (9, 4), (20, 13)])
def test_wrapping_has_the_gradient_of_autograd(margins):
    images = torch.rand(2, 3, 6, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: drawn._Wrap.apply(x, margins), images)
    rows, columns = (torch.arange(-m, side + m) % side for m, side in zip(margins, (6, 8), strict=True))
    assert torch.equal(drawn._Wrap.apply(images, margins), images[:, :, rows][:, :, :, columns])


def test_jitter_alone_is_a_roll():
    images = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    matrices, margins = Transforms(4, 0.0, 0.0).matrices(
        torch.tensor([[0.99, 0.0, 0.5, 0.5]], dtype=torch.float64), (16, 16)
    )
    moved = drawn.apply(images, matrices, margins, (16, 16))
    torch.testing.assert_close(moved, images.roll((4, -4), dims=(2, 3)), rtol=0, atol=1e-9)


def test_the_draws_have_lucids_frequencies():
    draws = drawn.draw([torch.Generator().manual_seed(i) for i in range(6000)])
    matrices, _ = Transforms(0, 10.0, 0.1).matrices(draws, (64, 64))
    angles = torch.rad2deg(torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0])).round()
    assert (angles == 0).double().mean().item() == pytest.approx(6 / 26, abs=0.02)
    assert set(angles.int().tolist()) == set(range(-10, 11))


@pytest.mark.parametrize(
    "rectifier", [torch.relu, torch.nn.functional.relu, torch.nn.functional.relu6, torch.nn.ReLU6()]
)
def test_a_redirected_relu_is_a_plain_one_where_it_is_not_wholly_blocked(rectifier):
    values = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (plain,) = torch.autograd.grad(rectifier(values).square().sum(), values)
    with RedirectedReLUs():
        output = rectifier(values)
    (redirected,) = torch.autograd.grad(output.square().sum(), values)
    assert torch.equal(plain, redirected)
    shut = -values.detach().abs().requires_grad_()
    with RedirectedReLUs():
        output = rectifier(shut)
    (helped,) = torch.autograd.grad(output.sum(), shut)
    assert (helped == 1).all()


def test_likeness_is_the_mean_cosine_of_gram_matrices():
    activation = torch.randn(3, 4, 6, dtype=torch.float64)
    same = torch.tensor([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=torch.float64)
    grams = _objectives.gram(activation)
    found = _objectives.likeness(grams, grams, same)
    plain = [(a @ a.T).flatten().numpy() for a in activation]
    cosine = [[x @ y / np.linalg.norm(x) / np.linalg.norm(y) for y in plain] for x in plain]
    np.testing.assert_allclose(found, [(sum(row) - 1) / 2 for row in cosine])


def test_adam_is_torchs():
    ours, theirs = (torch.linspace(-1, 1, 7, dtype=torch.float64).requires_grad_() for _ in range(2))
    adam, optimizer = Adam(ours), torch.optim.Adam([theirs], lr=0.03, maximize=True)
    for step in range(12):
        gradient = torch.sin(torch.arange(7) + step).double()
        adam.climb(ours, gradient, 0.03)
        theirs.grad = gradient
        optimizer.step()
    torch.testing.assert_close(ours, theirs)
