"""The structural twin: the user's network as it is, in evaluation mode, free to be hooked."""

import copy
import hashlib
from collections.abc import Iterator

import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError


def structural_twin(module: nn.Module, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> nn.Module:
    """A deep copy of the structure of ``module`` that shares its weights wherever they need no conversion.

    Parameters are shared storage without gradients (copied only for another device, precision or memory layout);
    buffers are copied, so that a forward pass that updates one cannot reach the user's. In-place activations are
    turned off: they would overwrite what a hook has just read. The user's own hooks stay with the user's module.
    Raises `XaiwidgetsError` where the module cannot be copied.
    """

    def converted(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.detach()
        floating = tensor.is_floating_point()
        layout = torch.channels_last if channels_last and tensor.dim() == 4 and floating else torch.preserve_format  # noqa: PLR2004
        return tensor.to(device=device, dtype=dtype if floating else tensor.dtype, memory_format=layout)

    refuse_unready(module)
    memo: dict[int, object] = {id(p): nn.Parameter(converted(p), requires_grad=False) for p in module.parameters()}
    memo |= {id(b): converted(b).clone() for b in module.buffers()}
    try:
        twin = copy.deepcopy(module, memo)
    except Exception as error:
        message = (
            f"{type(module).__name__} cannot be copied ({error}); remove tensors with gradients, locks and open files "
            "from its attributes, or register them as buffers."
        )
        raise XaiwidgetsError(message) from error
    for child in twin.eval().modules():
        _unhook(child)
        if getattr(child, "inplace", False) is True:
            child.inplace = False
    return twin


def _unhook(module: nn.Module) -> None:
    """Leave the user's hooks out; torch's own before a pass make weights (`spectral_norm`), and stay."""
    for hooks in (module._forward_hooks, module._backward_hooks, module._backward_pre_hooks):  # noqa: SLF001
        hooks.clear()
    for key, hook in list(module._forward_pre_hooks.items()):  # noqa: SLF001
        if not type(hook).__module__.startswith("torch."):
            del module._forward_pre_hooks[key]  # noqa: SLF001


def state_key(module: nn.Module) -> tuple[tuple[int, int, int], ...]:
    """A key that changes when a weight or buffer was replaced or written to since it was last asked for.

    Writes through ``.data`` leave no trace in torch and are not noticed; write under `torch.no_grad` instead.
    """
    return tuple((id(t), 0 if t.is_inference() else t._version, t.data_ptr()) for t in _tensors(module))  # noqa: SLF001


def fingerprint(module: nn.Module) -> str:
    """A digest of all weights and buffers by their contents: equal for equal networks, whoever holds them."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        content = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {tuple(content.shape)} {content.dtype}".encode())
        digest.update(content.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def buffer_versions(module: nn.Module) -> dict[str, int]:
    """How often each buffer was written to; a difference after a forward pass names the buffer that it updates."""
    return {name: 0 if b.is_inference() else b._version for name, b in module.named_buffers()}  # noqa: SLF001


def refuse_unready(module: nn.Module) -> None:
    """Raise where weights are not there yet, lie on no device, or lie on several."""
    if not isinstance(module, nn.Module):
        message = f"{type(module).__name__} was given as the model; give a torch.nn.Module or an xaiwidgets.ImageModel."
        raise XaiwidgetsError(message)
    if any(isinstance(t, nn.parameter.UninitializedTensorMixin) for t in _tensors(module)):
        message = f"{type(module).__name__} has lazy layers without weights; call it once on an example first."
        raise XaiwidgetsError(message)
    devices = sorted({str(t.device) for t in _tensors(module)})
    if "meta" in devices or len(devices) > 1:
        message = (
            f"The weights of {type(module).__name__} are on {' and '.join(devices)}; "
            "put them on one device with module.to(device) first."
        )
        raise XaiwidgetsError(message)


def _tensors(module: nn.Module) -> Iterator[torch.Tensor]:
    yield from module.parameters()
    yield from module.buffers()
