"""What a step may not leave behind, since the next step may be another job's."""

import torch

from xaiwidgets.core import XaiwidgetsError


class Hygiene:
    """Made before a step, asked after it."""

    def __init__(self) -> None:
        self._dtype = torch.get_default_dtype()

    def complaint(self) -> XaiwidgetsError | None:
        """An error naming what the step left changed, None where it left nothing; gradients are switched on again."""
        if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
            torch.set_grad_enabled(True)
            return XaiwidgetsError("A step left gradients switched off; switch them back on before the yield.")
        if torch.get_default_dtype() != self._dtype:
            return XaiwidgetsError(
                f"The default dtype changed from {self._dtype} to {torch.get_default_dtype()} during a step; "
                "set it before the run, or back before the yield."
            )
        return None
