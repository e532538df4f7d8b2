"""What activation maximisation refuses, and in which words."""

import pytest
import torch
from torch import nn

from tests.feature_analysis.test_activation_maximization import plain
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.models import ImageModel


class Fails(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.conv, self.how = nn.Conv2d(3, 4, 3), how

    def forward(self, x):
        x = self.conv(x)
        if self.how == "raises" and x.requires_grad:
            raise RuntimeError("the pump is dry")
        return (
            x * float("nan")
            if self.how == "nan" and x.requires_grad
            else x * (float("nan") if self.how == "nan" else 1)
        )


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: plain("_blocks.9"), XaiwidgetsError, "no layer '_blocks.9'"),
        (lambda: plain("3", (16,)), XaiwidgetsError, "Unit 16 was asked for; layer '3' has 16 units, 0 to 15"),
        (lambda: plain("3", ()), InvalidSettingError, "name at least one unit"),
        (lambda: plain("3", steps=0), InvalidSettingError, "steps=0 was given; give a whole number from 1 to 4096"),
        (lambda: plain("3", objective="logit"), XaiwidgetsError, "needs a layer of plain outputs; '3' is a map"),
        (lambda: plain("3", objective="direction"), InvalidSettingError, "needs directions"),
        (
            lambda: plain("3", objective="direction", directions=torch.eye(3)),
            XaiwidgetsError,
            "directions of length 3 were given",
        ),
        (
            lambda: plain("3", objective="neuron", row=10),
            XaiwidgetsError,
            "row=10 was given; layer '3' has positions 0 to 9",
        ),
        (lambda: plain("3", parameterization="maco", blur=1.0), InvalidSettingError, "keeps magnitudes; set blur=0"),
    ],
)
def test_bad_input_gets_a_sentence(make, error, words):
    with pytest.raises(error, match=words):
        last(make()(image_model("lenet")))


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("raises", RuntimeError, "the pump is dry"),
        ("nan", XaiwidgetsError, "not a finite number for unit 0 at step 1; check the weights"),
    ],
)
def test_what_goes_wrong_inside_the_network_is_told(how, error, words):
    with pytest.raises(error, match=words):
        last(plain("", (0, 1), steps=2)(ImageModel(Fails(how), (3, 16, 16))))


def test_images_of_the_wrong_shape_are_refused():
    with pytest.raises(
        XaiwidgetsError, match=r"images of shape \(2, 1, 8, 8\) were given; give a tensor \(image, 3, height, width\)"
    ):
        last(plain("3", (1,), parameterization="maco", steps=1)(image_model("resnet"), torch.rand(2, 1, 8, 8)))
