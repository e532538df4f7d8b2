"""The widget of receptive fields."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.methods.feature_analysis.receptive_field import ReceptiveField
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._tiles import crop, framed, moved
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.image_choice import images_for
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.words import unit_names

_DRAWN = 3
_DIM = 0.15  # of an image outside of what a unit looks at


class ReceptiveFieldViewer(MethodExplorer):
    """See how much of the image units look at, measured by covering it, beside what they could see in theory.

    ``images`` is the set in which each unit's top images are sought: an `ImageSet`, a tensor, an array, a folder's path
    or a torch ``Dataset``, each shown by its middle in the model's size. ``layer`` is a dotted path (a middle layer
    unless told), ``units`` its channels (three drawn unless told). For each unit: the measured field, bright where
    covering changes the unit most, with the theoretical field as a frame; its top image; and that image through the
    field. Other keywords are settings of `ReceptiveField`. Raises `XaiwidgetsError` with a sentence for what does not
    fit.
    """

    kind = ReceptiveField
    steps_setting = ""

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any = None,
        layer: str | None = None,
        units: Sequence[int] | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(ReceptiveFieldViewer, settings)
        ReceptiveField(layer="", units=(0,), **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self.images = images_for(model, images)
        self.choice = LayerChoice(model, layer, units, seed=settings.get("seed", 0), most=_DRAWN)
        self.evidence = Evidence()
        super().__init__(
            model,
            settings,
            title="Receptive fields",
            what=[heading("Layer"), self.choice.tree],
            how=[heading("Evidence"), self.evidence],
        )
        self.evidence.say(f"Run to cover the top images of {len(self.images):,}, piece by piece.")
        self.choice.on_change(lambda: self.guarded(self.choice_changed))

    def chosen(self) -> dict[str, Any]:
        """Layer and units."""
        return {"layer": self.choice.layer, "units": self.choice.units}

    def choose(self, method: ReceptiveField) -> None:
        """Put layer and units into the tree."""
        self.choice.set(method.layer, method.units)

    def inputs(self) -> list[Input]:
        """The set."""
        return [("images", self.images, self.images.source)]

    def lay_out(self, method: ReceptiveField) -> None:
        """Three pictures for each unit."""
        layer, names = method.layer or "the output", unit_names(method.units, self.choice.unit_names)
        labels = [label for name in names for label in (name, "top image", "through its field")]
        alts = [
            alt
            for name in names
            for alt in (
                f"where {name} of layer {layer} looks, as measured; the frame is the theoretical field",
                f"the image that {name} responds to most",
                f"what lies in the frame, dark where {name} does not look",
            )
        ]
        colors = [category_color(i // 3) for i in range(len(labels))]
        _, height, width = self.model.picture_shape
        self.frame.set_grid(labels, alts, [""] * len(labels), colors, width / height)
        self.bar.subject = f"{self.model.name} · {layer} · {len(self.images):,} images"

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The measured field, the top image, and the image through the field, in a row for each unit."""
        value, pictures = run.value, []
        for row in range(len(value.units)):
            field = value.maps[row].cpu().float()
            field = field / field.max().clamp(min=torch.finfo(field.dtype).tiny)
            pictures += [framed(field.expand(3, -1, -1), value.box), *self._seen(run, row, field)]
        return to_pixels(torch.stack(pictures), width)

    def notes(self, run: Run) -> list[str]:
        """The effective size below the field, the activation below the image."""
        notes, best = [], run.value.top
        for row, (size, stride) in enumerate(zip(run.value.size.tolist(), run.value.stride.tolist(), strict=True)):
            notes.append(f"{size:.0f} px" if stride > 0 else "")
            notes.append(f"{float(best.activation[row, 0]):.3g}" if best.indices[row, 0] >= 0 else "")
            notes.append("")
        return notes

    def draw(self, run: Run) -> None:
        """Sizes below the pictures, and both fields compared in words."""
        self.frame.set_notes(self.notes(run))
        self.evidence.say(self._words(run))
        row = self.selection // 3
        within = self.selection >= 0 and row < len(run.value.units)
        self.foot.sentence = self._line(run, row) if within else ""

    def _seen(self, run: Run, row: int, field: Tensor) -> list[Tensor]:
        """The unit's top image, and the same where the unit looks, both in colour."""
        top, index = run.value.top, int(run.value.top.indices[row, 0])
        if index < 0:
            return [torch.full((3, *field.shape), 0.5)] * 2
        image = self.images.batch([index])[0].float()
        image = image if image.shape[0] in {1, 3} else image.mean(0, keepdim=True)
        image = image.expand(3, -1, -1)
        box, size = tuple(top.boxes[row, 0].tolist()), tuple(field.shape)
        seen = image * (_DIM + (1 - _DIM) * moved(field, box, run.value.theoretical))
        return [framed(image, box), crop(seen, box, size)]

    def _words(self, run: Run) -> str:
        height, width = run.value.theoretical
        head = f"In theory a unit of this layer sees <b>{height}×{width}</b> pixels, with an edge of the image less."
        lines = [self._line(run, row) for row in range(len(run.value.units)) if int(run.value.stride[row]) > 0]
        occluder = f"The patch is {run.value.occluder} px wide, which blurs the field by as much."
        return "<br>".join([head, *lines, occluder])

    def _line(self, run: Run, row: int) -> str:
        size, stride = float(run.value.size[row]), int(run.value.stride[row])
        name = unit_names(run.value.units, self.choice.unit_names)[row]
        whole = (run.value.theoretical[0] * run.value.theoretical[1]) ** 0.5
        return f"{name}: measured {size:.0f} px, {size / whole:.0%} of the theoretical side, at a stride of {stride} px"
