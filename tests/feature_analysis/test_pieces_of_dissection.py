import numpy as np
import pytest
import torch

from xaiwidgets.methods._geometry.geometry import Axis, Geometry
from xaiwidgets.methods._upsampling import Upsampling
from xaiwidgets.methods.feature_analysis._dissection.detectors import best_concepts, unique_detectors
from xaiwidgets.methods.feature_analysis._dissection.quantiles import BINS, Histogram, bins_of
from xaiwidgets.methods.feature_analysis._dissection.top_maps import TopMaps
from xaiwidgets.methods.feature_analysis._dissection.unit_reader import rotated_basis

MILLION = 1_000_000


def drawn(kind):
    """A million values."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(MILLION, generator=generator)
    zeros = torch.rand(MILLION, generator=generator) < 0.85
    return {
        "gaussian": normal,
        "gaussian, tiny": 1e-4 * normal,
        "gaussian, tinier": 1e-12 * normal,
        "gaussian around 0.5": 0.5 + 0.1 * normal,
        "gaussian, far below zero": normal - 10,
        "85 % zeros": torch.where(zeros, 0, normal.abs()),
        "ascending": normal.sort().values,
        "descending": normal.sort(descending=True).values,
        "large ones last": torch.cat([-normal[normal < 2].abs(), normal[normal >= 2]]),
        "heavy tail": torch.empty(MILLION).cauchy_(generator=generator),
    }[kind]


KINDS = (
    "gaussian",
    "gaussian, tiny",
    "gaussian, tinier",
    "gaussian around 0.5",
    "gaussian, far below zero",
    "85 % zeros",
    "ascending",
    "descending",
    "large ones last",
    "heavy tail",
)


def histogram(values, size=10_007):
    found = Histogram.empty(1, torch.device("cpu"))
    for part in values.split(size):
        found = found.after(part[None])
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_rank_of_a_threshold_is_right(kind):
    values = drawn(kind)
    thresholds, errors = histogram(values).thresholds([0.005, 0.02])
    for threshold, error, share in zip(thresholds[:, 0], errors[:, 0], (0.005, 0.02), strict=True):
        off = abs(float((values > threshold).double().mean()) - share)
        assert off <= 5e-5
        assert off <= error + 1 / MILLION


def test_the_reported_error_holds_where_values_lie_close_together():
    values = 100 + 0.01 * torch.randn(MILLION, generator=torch.Generator().manual_seed(0))
    thresholds, errors = histogram(values).thresholds([0.005])
    off = abs(float((values > thresholds[0, 0]).double().mean()) - 0.005)
    assert 5e-5 < off <= float(errors[0, 0])


def test_memory_and_counts_depend_on_no_order_and_no_split():
    values = drawn("gaussian")
    one, other = histogram(values).settled(), histogram(values.flip(0), 99_991).settled()
    assert torch.equal(one.counts, other.counts)
    assert one.counts.shape == (1, BINS)
    merged = histogram(values[:123_456]).merge(histogram(values[123_456:]))
    assert torch.equal(merged.counts, one.counts)
    assert merged.total == MILLION
    assert torch.equal(merged.thresholds([0.005])[0], one.thresholds([0.005])[0])


def test_a_larger_value_never_has_a_smaller_bin():
    values = torch.randn(100_000) * 10.0 ** torch.randint(-12, 12, (100_000,))
    values = torch.cat([values, torch.tensor([0.0, -0.0, 1e38, -1e38])]).sort().values
    bins = bins_of(values)
    assert (bins[1:] >= bins[:-1]).all()
    assert bins.min() >= 0
    assert bins.max() < BINS
    assert bins_of(torch.tensor([-0.0])) == bins_of(torch.tensor([0.0]))


def test_a_constant_has_its_constant_as_threshold():
    values = torch.tensor([3.0029, -0.7, 0.0])[:, None].expand(3, 500)
    thresholds, _ = Histogram.empty(3, torch.device("cpu")).after(values).thresholds([0.005, 0.5])
    assert torch.equal(thresholds, torch.tensor([3.0029, -0.7, 0.0]).expand(2, 3))


@pytest.mark.parametrize("highest", [6.0, 0.1, -0.3, 1.0001])
def test_saturated_values_are_not_above_their_own_threshold(highest):
    values = torch.minimum(torch.randn(2, 10_000) + highest - 0.5, torch.tensor(highest))
    parts = values.split(999, dim=1)
    histogram = Histogram.empty(2, torch.device("cpu"))
    for part in parts:
        histogram = histogram.after(part)
    again = Histogram.empty(2, torch.device("cpu")).after(values[:, 5000:])
    merged = Histogram.empty(2, torch.device("cpu")).after(values[:, :5000]).merge(again)
    share = (values == highest).double().mean(1)
    for found in (histogram, merged):
        torch.testing.assert_close(found.saturated.double() / 10_000, share)
        thresholds, _ = found.thresholds([0.005, 0.9])
        assert (thresholds[0] == torch.tensor(highest)).all()
        assert ((values > thresholds[1][:, None]).double().mean(1) - 0.9).abs().max() < 1e-3


def test_values_beyond_the_bins_keep_their_order():
    values = (torch.randn(1, 100_000).abs() + 1) * 1e9
    thresholds, errors = Histogram.empty(1, torch.device("cpu")).after(values).thresholds([0.005])
    assert 1e9 < thresholds[0, 0] <= values.max()
    assert errors[0, 0] == 1  # and it is said that they are not told apart


def geometry(rows, columns, length=(32, 24)):
    def axis(count, length):
        middles = tuple((i + 0.5) * length / count for i in range(count))
        return Axis(length, (0,) * count, (length,) * count, length, middles)

    return Geometry(axis(rows, length[0]), axis(columns, length[1]))


@pytest.mark.parametrize("grid", [(4, 3), (1, 1), (1, 6), (8, 6)])
def test_plain_upsampling_is_torchs_own(grid):
    maps = torch.rand(5, grid[0] * grid[1], dtype=torch.double)
    upsampling = Upsampling(geometry(*grid), (16, 12), "plain", torch.device("cpu"))
    wanted = torch.nn.functional.interpolate(maps.view(5, 1, *grid), (16, 12), mode="bilinear")[:, 0]
    torch.testing.assert_close(upsampling(maps), wanted)


def test_the_pixels_above_a_threshold_are_those_of_the_whole_map():
    generator = torch.Generator().manual_seed(0)
    maps, thresholds = torch.rand(40, 35, generator=generator), torch.rand(40, generator=generator)
    for mode in ("plain", "receptive_field"):
        upsampling = Upsampling(geometry(7, 5), (33, 26), mode, torch.device("cpu"))
        whole = upsampling(maps)
        above = upsampling.above(maps, thresholds)
        found = torch.zeros(40, 33 * 26, dtype=torch.bool)
        found[above.map, above.pixel] = True
        assert torch.equal(found.view_as(whole), whole > thresholds[:, None, None])
        assert torch.equal(above.value, whole.flatten(1)[above.map, above.pixel])


def test_a_flat_map_equals_its_value_to_the_bit():
    maps = torch.full((1, 35), 0.1)
    assert (Upsampling(geometry(7, 5), (33, 26), "plain", torch.device("cpu"))(maps) == maps[0, 0]).all()


def test_both_meanings_of_unique_detectors_on_a_table_worked_by_hand():
    # Columns: red and blue are colours, car is an object. Threshold 0.04.
    iou = torch.tensor(
        [
            [0.30, 0.00, 0.05],  # label red; detects car among objects too
            [0.20, 0.10, 0.00],  # label red again
            [0.03, 0.01, 0.02],  # detects nothing
            [0.00, 0.06, 0.05],  # label blue; detects car among objects too
        ]
    )
    category = torch.tensor([0, 0, 1])
    assert best_concepts(iou).tolist() == [0, 0, 0, 1]
    # One label a unit: red, blue. Summed over categories: red and blue, and car.
    assert unique_detectors(iou, category, 0.04) == (2, 3)
    assert unique_detectors(iou, category, 0.07) == (1, 1)
    assert unique_detectors(iou, category, 0.5) == (0, 0)


def test_a_random_basis_is_a_rotation_and_its_powers_lead_to_it():
    q = rotated_basis(7, 1.0, 3)
    torch.testing.assert_close(q @ q.T, torch.eye(7, dtype=torch.double))
    assert torch.linalg.det(q) > 0
    half = rotated_basis(7, 0.5, 3)
    torch.testing.assert_close(half @ half, q)
    assert torch.equal(rotated_basis(7, 0.0, 3), torch.eye(7, dtype=torch.double))
    assert not torch.equal(rotated_basis(7, 1.0, 4), q)


@pytest.mark.parametrize("order", [list(range(12)), [5, 11, 0, 3, 8, 1, 2, 10, 4, 9, 7, 6]])
def test_the_best_images_are_kept_whatever_the_order(order):
    generator = torch.Generator().manual_seed(0)
    maps = torch.randint(0, 3, (12, 4, 6), generator=generator).float()  # with many ties
    top = TopMaps.empty(4, 3, 6, maps)
    for part in torch.tensor(order).split(5):
        top = top.after(maps[part], maps[part].amax(2), part)
    largest = maps.amax(2).T.numpy()
    wanted = np.argsort(-largest, axis=1, kind="stable")[:, :3]
    np.testing.assert_array_equal(top.ids, wanted)
    for unit in range(4):
        assert torch.equal(top.maps[unit], maps[wanted[unit], unit])
