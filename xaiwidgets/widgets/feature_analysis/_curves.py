"""The objective of each image over the steps."""

from collections.abc import Sequence

from xaiwidgets.methods.feature_analysis._visualization import Visualization
from xaiwidgets.widgets.parts.line_plot import Lines
from xaiwidgets.widgets.parts.run import Run


def lines_of(run: Run, largest: Sequence[float] | None) -> Lines:
    """The history, as multiples of ``largest`` where it is known."""
    value: Visualization = run.value
    scale = largest or [1.0] * len(value.units)
    columns = [
        [number / level for number in column] for column, level in zip(value.history.T.tolist(), scale, strict=True)
    ]
    return Lines(value.history_steps, columns, span_of(run), 1.0 if largest else None)


def span_of(run: Run) -> float:
    """The steps that a plot has room for: all of them while it runs, those that were made once it has ended."""
    return run.job.latest.done if run.job.finished else run.method.steps
