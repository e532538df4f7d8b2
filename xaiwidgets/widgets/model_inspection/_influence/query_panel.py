"""The test images whose loss is explained, with the prediction of the fitted head and the loss."""

from collections.abc import Sequence
from html import escape

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._influence.result import Influence
from xaiwidgets.methods.model_inspection._influence.survey import Survey
from xaiwidgets.widgets.parts import query_panel
from xaiwidgets.widgets.parts.words import class_name


class QueryPanel(query_panel.QueryPanel):
    """The panel with what influence says of the chosen images; ``survey`` tells which are answered wrongly."""

    def __init__(self, images: ImageSet, chosen: int | Sequence[int]) -> None:
        super().__init__(images, chosen)
        self.survey: Survey | None = None

    def mistakes(self) -> tuple[Sequence[int], bool]:
        """Those of the survey, which is complete once it has features."""
        if self.survey is None:
            return (), False
        return self.survey.mistakes(self.images.labels), self.survey.features is not None

    def tell(self, found: Influence) -> None:
        """Prediction of the fitted head and loss, or of several the share that is right and the mean loss."""
        probabilities, losses = found.test_probabilities.cpu(), found.test_loss.cpu()
        if len(losses) > 1:
            right = float((probabilities.argmax(1) == found.test_labels.cpu()).float().mean())
            self.say([("right", f"{right:.0%}"), ("mean loss", f"{float(losses.mean()):.3f} nats")])
            return
        best = int(probabilities[0].argmax())
        named = f"{class_name(best, self.images.class_names)} {float(probabilities[0, best]):.2f}"
        self.say([("prediction", escape(named)), ("loss", f"{float(losses[0]):.3f} nats")])
