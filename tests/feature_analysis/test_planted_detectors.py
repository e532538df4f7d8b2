"""Detectors that were planted are found, centred and sure, and those that chance makes are doubtful."""

import numpy as np
import torch
from torch import nn

from tests.feature_analysis.dissected import convolution, some_concepts
from xaiwidgets.core import last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import NetworkDissection
from xaiwidgets.models import ImageModel


def flat_colors(count=60, side=16):
    """Images in four flat quarters, of which one in fifty is red."""
    generator = torch.Generator().manual_seed(0)
    colors = torch.tensor([[0.1, 0.2, 0.8], [0.2, 0.7, 0.2], [0.5, 0.5, 0.5], [0.9, 0.1, 0.1]])
    which = torch.randint(0, 3, (count, 2, 2), generator=generator)
    which.view(count, -1)[torch.arange(0, count, 12), 1] = 3
    which = which.repeat_interleave(side // 2, 1).repeat_interleave(side // 2, 2)
    shade = 1 - 0.2 * torch.rand(count, 1, side, side, generator=generator)
    return ConceptSet.from_arrays(
        colors[which].permute(0, 3, 1, 2) * shade, {"color": which + 1}, {"color": ["blue", "green", "grey", "red"]}
    )


def test_a_planted_colour_detector_is_found_and_a_dead_unit_is_dead():
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, -1, -1], [0, 0, 0], [-1.0, -1, 1]])[..., None, None])
        network[0].bias.copy_(torch.tensor([0.0, -1, 0]))
    concepts = flat_colors()
    share = float((concepts.batch(slice(None)).layers == 4).double().mean())
    value = last(NetworkDissection("1", quantile=share)(ImageModel(network, (3, 16, 16)), concepts))
    assert value.labels[0] == ("red", "color")
    assert value.best_iou[0] >= 0.99
    assert value.labels[2] == ("blue", "color")
    assert value.dead.tolist() == [False, True, False]
    assert value.labels[1] is None
    assert not value.iou[1].any()
    assert value.threshold[1] == 0


def test_a_dead_unit_is_dead_whatever_its_constant():
    network = nn.Sequential(nn.Conv2d(3, 4, 1))
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].bias.copy_(torch.tensor([2.9997, -0.3, 0.0, 1e-9]))
    value = last(NetworkDissection("0")(ImageModel(network, (3, 16, 16)), flat_colors()))
    assert value.dead.all()
    assert value.labels == (None,) * 4
    assert value.unique_detectors == 0


def test_a_planted_offset_is_centred_by_the_receptive_field():
    # A kernel of 9 without padding at stride 4 looks 4.5 pixels to the right and below of its corner.
    network = nn.Sequential(nn.Conv2d(1, 1, 9, stride=4))
    with torch.no_grad():
        network[0].weight.fill_(1 / 81)
        network[0].bias.zero_()
    images = torch.zeros(1, 1, 65, 65)
    images[..., 28:37, 20:29] = 1
    concepts = ConceptSet.from_arrays(images, {"part": (images[:, 0] > 0).long()}, {"part": ["square"]})
    middles = {}
    for mode in ("receptive_field", "plain"):
        method = NetworkDissection("0", thresholds=torch.tensor([0.4]), upsampling=mode)
        value = last(method(ImageModel(network, (1, 65, 65)), concepts))
        mask = value.mask(0, 0)
        middles[mode] = [float(axis.double().mean()) + 0.5 for axis in mask.nonzero(as_tuple=True)]
    assert np.abs(np.subtract(middles["receptive_field"], (32.5, 24.5))).max() <= 0.5
    assert np.abs(np.subtract(middles["plain"], (32.5, 24.5))).max() > 0.5


def axis_aligned():
    """Units that each respond to one channel of the image; each channel is a concept, apart from the others."""
    generator = torch.Generator().manual_seed(0)
    on = torch.rand(200, 6, 4, 4, generator=generator) < 1 / 6
    images = 0.8 * on + 0.1 * torch.rand(200, 6, 4, 4, generator=generator)
    masks = {f"band {i}": on[:, i].long() for i in range(6)}
    network = nn.Sequential(nn.Conv2d(6, 6, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(6)[..., None, None])
    return ImageModel(network, (6, 4, 4)), ConceptSet.from_arrays(images, masks, {name: ["on"] for name in masks})


def test_a_rotated_basis_loses_detectors_and_an_untrained_copy_too():
    model, concepts = axis_aligned()
    method = NetworkDissection("0", quantile=1 / 6, iou_threshold=0.6)
    found = [
        int(last(method.replace(rotation=share)(model, concepts)).detectors.sum()) for share in (0.0, 0.1, 0.5, 1.0)
    ]
    assert found[0] == found[1] == 6
    assert found[0] > found[2] >= found[3]
    assert last(method(model, concepts)).unique_detectors == 6
    assert last(method.replace(weights="untrained")(model, concepts)).unique_detectors < 6


def test_an_interval_covers_what_more_images_give_and_chance_is_doubtful():
    model = convolution()
    truth = last(NetworkDissection("1", quantile=0.05)(model, some_concepts(1500, seed=9)))
    inside = []
    for seed in range(8):
        value = last(NetworkDissection("1", quantile=0.05)(model, some_concepts(120, seed=seed)))
        at = truth.iou.gather(1, value.best[:, None])[:, 0]
        inside += ((value.interval[:, 0] <= at) & (at <= value.interval[:, 1])).tolist()
    # The best of several is chosen by chance too, so that fewer than 95 % are to be expected.
    assert np.mean(inside) > 0.7
    random = value.rescored(iou_threshold=float(value.best_iou.min()) - 1e-6)
    assert random.doubtful.any()
    planted, concepts = axis_aligned()
    sure = last(NetworkDissection("0", quantile=1 / 6)(planted, concepts))
    assert not sure.doubtful.any()
    assert (sure.stability == 1).all()
    assert (sure.interval[:, 0] <= sure.best_iou).all()
    assert (sure.best_iou <= sure.interval[:, 1]).all()


def test_every_twentieth_image_has_an_interval_too():
    model, concepts = convolution(), some_concepts(400)
    value = last(NetworkDissection("1", quantile=0.05)(model, concepts.subset(slice(0, 400, 20))))
    assert value.counts.images.tolist() == [1] * 20
    assert value.interval[value.best >= 0].isfinite().all()
