"""Reading a network from inside, and patching it, one forward pass at a time."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models.image_model import ImageModel
from xaiwidgets.models.layers import tensor_of, with_tensor
from xaiwidgets.models.layout import Layout, layout_of
from xaiwidgets.models.memory import MicroBatches
from xaiwidgets.models.twin import buffer_versions

Patch = Callable[[Tensor], Tensor]


class _DeepestReachedError(Exception):
    """Leaves the forward pass once every layer asked for has been read."""


class Probe:
    """Reads the outputs of chosen layers; the forward pass stops at the deepest of them.

    ``layers`` are dotted module paths. A module that is used several times in a pass is read at its first use. Hooks
    live only inside a call, under the model's lock. ``network`` is a twin of the model's with other weights, to be
    read in its stead. Raises `XaiwidgetsError` for a layer that is unknown or never reached.
    """

    def __init__(self, model: ImageModel, layers: Sequence[str], *, network: nn.Module | None = None) -> None:
        self.model = model
        self.layers = {name: model.layer(name) for name in layers}
        self._twin = model.twin_for(self.layers) if network is None else network
        self._versions = buffer_versions(self._twin)

    def __call__(
        self,
        images: Float[Tensor, "batch ..."],
        *,
        patches: Mapping[str, Patch] | None = None,
    ) -> dict[str, Tensor]:
        """The raw outputs by layer for images in [0, 1]; gradients flow to the images.

        ``patches`` replace a layer's output by a function of it before the pass goes on.
        """
        read: dict[str, Tensor] = {}
        patches = patches or {}
        with self.model.lock:
            twin = self.model.twin_for({*self.layers, *patches}) if patches else self._twin
            versions = buffer_versions(twin) if patches else self._versions
            handles = [
                twin.get_submodule(name).register_forward_hook(self._hook(name, read, patches.get(name)))
                for name in {**self.layers, **patches}
            ]
            try:
                twin(self.model.normalized(images))
            except _DeepestReachedError:
                pass
            finally:
                for handle in handles:
                    handle.remove()
            self._refuse_updates(versions, buffer_versions(twin))
        self._refuse_unreached(read)
        return read

    @torch.no_grad()
    def layout_at(self, layer: str, images: Float[Tensor, "batch ..."]) -> Layout:
        """The layout that a layer has for images of this size: its grid grows with them."""
        output = self(images)[layer]
        return layout_of(tuple(output.shape), len(images), self._twin.get_submodule(layer), tuple(images.shape[1:]))

    def arranged(self, images: Float[Tensor, "batch ..."], layer: str) -> Float[Tensor, "batch unit position"]:
        """One layer's output with its units and positions laid out."""
        return self.layers[layer].layout.arrange(self(images)[layer])

    @torch.no_grad()
    def read(
        self, images: Float[Tensor, "image ..."], *, batch: int = 32
    ) -> dict[str, Float[Tensor, "image unit position"]]:
        """The arranged outputs of many images, in batches that shrink where memory runs out."""
        batches, parts, start = MicroBatches(batch), [], 0
        while start < len(images):
            part, start = batches.run(lambda rows: self._rows(images[rows]), start, len(images))
            parts.append(part)
        return {name: torch.cat([part[name] for part in parts]) for name in self.layers}

    def _rows(self, images: Tensor) -> dict[str, Tensor]:
        outputs = self(images.to(self.model.device, self.model.dtype))
        return {name: self.layers[name].layout.arrange(output).contiguous() for name, output in outputs.items()}

    def _hook(self, name: str, read: dict[str, Tensor], patch: Patch | None) -> Callable[..., object]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> object:
            tensor = tensor_of(output)
            if patch is not None:
                tensor = patch(tensor)
            if name in self.layers and name not in read:
                read[name] = tensor
                if len(read) == len(self.layers):
                    raise _DeepestReachedError
                # The network goes on with a copy: a later in-place operation must not change what was read.
                return with_tensor(output, tensor.clone())
            return with_tensor(output, tensor) if patch is not None else None

        return hook

    def _refuse_unreached(self, read: Mapping[str, Tensor]) -> None:
        missing = [name for name in self.layers if name not in read]
        if missing:
            message = (
                f"Layer {missing[0]!r} of {self.model.name} was not reached by this forward pass; "
                "choose one that runs for every image."
            )
            raise XaiwidgetsError(message)

    def _refuse_updates(self, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        changed = [name for name, version in after.items() if version != before[name]]
        if changed:
            message = (
                f"{self.model.name} updates its buffer {changed[0]!r} in the forward pass, so that its answers would "
                "depend on what was asked before; make it read-only in evaluation mode. Your module itself was not "
                "changed."
            )
            raise XaiwidgetsError(message)
