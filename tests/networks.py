"""Small networks of every kind that the tests explain; their weights are drawn with a seed."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from xaiwidgets.models import ImageModel, load_model


class Residual(nn.Module):
    """A block with batch normalisation and in-place ReLUs, one module used twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x
        return self.relu(y)


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        Residual(16),
        Residual(16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


class FunctionalCNN(nn.Module):
    """ReLUs that are functions: no hook sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 12, 3), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        return self.head(torch.relu_(self.conv2(x)).mean((2, 3)))


class VisionTransformer(nn.Module):
    """Patches, a class token, two blocks of attention."""

    def __init__(self, size: int = 32, patch: int = 4, width: int = 24, *, class_token: bool = True) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.token = nn.Parameter(torch.randn(1, 1, width)) if class_token else None
        self.places = nn.Parameter(0.1 * torch.randn(1, (size // patch) ** 2 + class_token, width))
        self.blocks = nn.ModuleList(
            [nn.TransformerEncoderLayer(width, 4, 48, dropout=0.1, batch_first=True, norm_first=True) for _ in range(2)]
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1)
        x = x + self.places
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x[:, 0] if self.token is not None else x.mean(1))


class ChannelsLast(nn.Module):
    """Maps laid out (batch, height, width, channel), as Swin and ConvNeXt have them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.mix, self.head = (
            nn.Conv2d(3, 20, 4, 4),
            nn.LayerNorm(20),
            nn.Linear(20, 20),
            nn.Linear(20, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x).permute(0, 2, 3, 1))
        return self.head(functional.gelu(self.mix(x)).mean((1, 2)))


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Tanh(),
        nn.Linear(120, 10),
    )


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

# name: how to make it, the shape and normalisation of its images, and a layer to look into
NETWORKS = {
    "efficientnet_lite0": (None, None, None, "_blocks.3"),
    "resnet": (resnet, (3, 32, 32), _IMAGENET, "3"),
    "vision_transformer": (VisionTransformer, (3, 32, 32), _IMAGENET, "blocks.1"),
    "functional_cnn": (FunctionalCNN, (3, 24, 20), None, "conv2"),
    "channels_last": (ChannelsLast, (3, 32, 32), _IMAGENET, "mix"),
    "lenet": (lenet, (1, 28, 28), ((0.1307,), (0.3081,)), "3"),
    "mlp": (mlp, (64,), None, "0"),
}


def module(name: str) -> nn.Module:
    """The plain module, its weights the same at each call, in training mode as users leave theirs."""
    if name == "efficientnet_lite0":
        return load_model(name).module
    torch.manual_seed(0)
    return NETWORKS[name][0]()


def image_model(name: str, dtype: torch.dtype = torch.float32) -> ImageModel:
    """The network with its images' shape."""
    if name == "efficientnet_lite0":
        return load_model(name)
    _, shape, normalize, _ = NETWORKS[name]
    return ImageModel(module(name).to(dtype), shape, normalize)


def layer_of(name: str) -> str:
    """A layer with units to look into."""
    return NETWORKS[name][3]
