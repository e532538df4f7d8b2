"""Networks whose receptive fields are known by arithmetic, and the arithmetic."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


def chain(*parts: tuple) -> tuple[nn.Module, list[tuple[int, int, int, int]]]:
    """A network of (kind, kernel, stride, padding, dilation), and those numbers without the kind."""
    layers, channels = [], 3
    for kind, kernel, stride, padding, dilation in parts:
        if kind == "max":
            layers.append(nn.MaxPool2d(kernel, stride, padding, dilation))
        elif kind == "mean":
            layers.append(nn.AvgPool2d(kernel, stride, padding))
        else:
            groups = channels if kind == "deep" else 1
            wide = channels if kind == "deep" else 4
            layers += [nn.Conv2d(channels, wide, kernel, stride, padding, dilation, groups), nn.BatchNorm2d(wide)]
            layers.append(nn.ReLU(inplace=True))
            channels = wide
    return nn.Sequential(*layers), [part[1:] for part in parts]


def arithmetic(parts: list[tuple[int, int, int, int]]) -> tuple[int, int, float]:
    """The size of a field, its stride and where the first one begins: size = 1 + Σ d (k − 1) Π stride."""
    size, stride, begin = 1, 1, 0
    for kernel, step, padding, dilation in parts:
        size += dilation * (kernel - 1) * stride
        begin -= padding * stride
        stride *= step
    return size, stride, begin


CHAINS = {
    "one": (("conv", 3, 1, 0, 1),),
    "padded": (("conv", 5, 2, 2, 1), ("conv", 3, 1, 1, 1)),
    "pooled": (("conv", 3, 1, 1, 1), ("max", 2, 2, 0, 1), ("conv", 3, 1, 0, 1), ("mean", 3, 2, 1, 1)),
    "dilated": (("conv", 3, 1, 0, 1), ("conv", 3, 1, 2, 2), ("conv", 3, 1, 4, 4)),
    "overlapping": (("conv", 7, 2, 3, 1), ("max", 3, 2, 1, 1), ("deep", 3, 1, 1, 1), ("conv", 1, 1, 0, 1)),
    "spread pool": (("conv", 2, 1, 0, 1), ("max", 3, 2, 0, 2), ("deep", 5, 1, 2, 1)),
    "deep": (("conv", 3, 2, 1, 1),) * 4 + (("conv", 3, 1, 1, 1),) * 3,  # 223 pixels: far larger than the image
}


class After(nn.Module):
    """A function of what a dead convolution of 3×3 gives."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(3, 4, 3), function
        nn.init.constant_(self.conv.bias, -100.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


OPERATIONS = {  # what a position then sees of 48×40 pixels
    "maximum over channels": (lambda x: x.max(1, keepdim=True).values, (3, 3)),
    "amax": (lambda x: x.amax(1, keepdim=True), (3, 3)),
    "maximum of two": (lambda x: torch.maximum(x, functional.max_pool2d(x, 3, 1, 1)), (5, 5)),
    "choice": (lambda x: torch.where(x > 0, functional.avg_pool2d(x, 3, 1, 1), x), (5, 5)),
    "adaptive pool": (lambda x: functional.adaptive_max_pool2d(x, 1), (48, 40)),
    "enlarged by weights": (lambda x: functional.conv_transpose2d(x, torch.zeros(4, 2, 2, 2), stride=2), (3, 3)),
    "enlarged": (lambda x: functional.interpolate(x, scale_factor=2), (3, 3)),
    "length": (lambda x: functional.normalize(x, dim=1), (3, 3)),
    "quotient": (lambda x: x / x.norm(dim=1, keepdim=True), (3, 3)),
    "clipped": (lambda x: x.clamp(0, 1e-9).sigmoid().neg(), (3, 3)),
    "less the mean": (lambda x: x - x.mean((2, 3), keepdim=True), (48, 40)),
    "softmax over places": (lambda x: x.flatten(2).softmax(-1).view_as(x), (48, 40)),
    "neighbours": (lambda x: x[:, :, 1:, 1:] - x[:, :, :-1, :-1], (4, 4)),
    "einsum": (lambda x: torch.einsum("bchw,cd->bdhw", x, torch.eye(4)), (3, 3)),
    "group norm": (lambda x: functional.group_norm(x, 2), (48, 40)),
    "layer norm": (lambda x: functional.layer_norm(x.permute(0, 2, 3, 1), (4,)).permute(0, 3, 1, 2), (3, 3)),
}


class Written(nn.Module):
    """A residual block that adds in place by a statement, with every unit dead; it sees 5 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = (nn.Conv2d(n, 4, k, padding=k // 2) for n, k in ((3, 1), (4, 5), (4, 1)))
        nn.init.constant_(self.first.bias, -100.0)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.first(x))
        y = x.clone()
        y.add_(self.second(x))
        mean = y.mean(1, keepdim=True)
        y = (y - mean) / (y - mean).square().mean(1, keepdim=True).add(1e-5).sqrt()  # all alike cancels here
        return self.last(y)


class Squeezed(nn.Module):
    """Squeeze and excitation: the gate sees the whole image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(3, 6, 3), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]


class Windows(nn.Module):
    """Attention written out, within windows of 2×2 patches of 4 pixels: each sees its own 8×8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.mix, self.norm = nn.Conv2d(3, 12, 4, 4), nn.Linear(12, 36), nn.LayerNorm(12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        x = x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(2, 3).reshape(-1, 4, c)
        q, k, v = self.mix(x).chunk(3, dim=-1)
        x = torch.softmax(q @ k.transpose(1, 2) / c**0.5, dim=-1) @ v
        x = x.reshape(b, h // 2, w // 2, 2, 2, c).transpose(2, 3).reshape(b, h, w, c)
        return self.norm(x)


class Particular(nn.Module):
    """Refuses to be run in another precision than its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float32:
            raise TypeError(x.dtype)
        return self.conv(x)
