"""Networks with rectifiers, and captum's answers for them."""

import warnings

import torch
from torch import Tensor, nn

from xaiwidgets.models import ImageModel

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


class Skip(nn.Module):
    """A residual block whose ReLUs are separate modules, as captum wants them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm, self.relu1 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        self.conv2, self.relu2 = nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu2(x + self.conv2(self.relu1(self.norm(self.conv1(x)))))


def pooled() -> nn.Sequential:
    """A convolutional network with maximum pooling."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(108, 20),
        nn.ReLU(),
        nn.Linear(20, 6),
    )


def normalised() -> nn.Sequential:
    """One with batch normalisation that can be folded, and one that cannot."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 6),
    )


def residual() -> nn.Sequential:
    """One with skips."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), Skip(), nn.MaxPool2d(2), Skip(), nn.AvgPool2d(9), nn.Flatten(), nn.Linear(8, 6)
    )


ARCHITECTURES = {"pooled": pooled, "normalised": normalised, "residual": residual}


def network(name: str) -> nn.Sequential:
    """One of them, its statistics those of some noise, so that normalising does something."""
    torch.manual_seed(1)
    module = ARCHITECTURES[name]()
    with torch.no_grad():
        for _ in range(20):
            module(torch.randn(16, 3, 20, 20))
    return module.eval()


def model_of(module: nn.Module) -> ImageModel:
    """The network for images of 3×20×20 that are normalised."""
    return ImageModel(module, (3, 20, 20), (MEAN, STD))


def pictures(count: int = 2, dtype: torch.dtype = torch.float32) -> Tensor:
    """Images of noise."""
    return torch.rand(count, 3, 20, 20, generator=torch.Generator().manual_seed(4), dtype=dtype)


def captums(kind: type, module: nn.Module, images: Tensor, target: object) -> Tensor:
    """Captum's attribution to pixels in [0, 1], by the chain rule through the normalisation."""
    mean, std = (torch.tensor(entry)[:, None, None] for entry in (MEAN, STD))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (kind(module).attribute((images - mean) / std, target=target) / std).detach()


def largest_error(found: Tensor, expected: Tensor) -> float:
    """The largest difference as a share of the largest value."""
    return float((found - expected).abs().max() / expected.abs().max())
