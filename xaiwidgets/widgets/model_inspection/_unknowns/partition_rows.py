"""The partitions as rows of words."""

from html import escape

import ipywidgets as widgets
import torch

from xaiwidgets.methods.model_inspection._unknowns.result import GuidedExploration
from xaiwidgets.widgets.model_inspection._unknowns.words import percent
from xaiwidgets.widgets.parts.root import heading, heading_html

_MOST = 12  # rows
_TITLE = "Partitions"
_COLUMNS = ("", "what the network says", "how sure", "images", "asked", "wrong")
_LEFT = "text-align:left;padding-right:12px"
_RIGHT = "text-align:right;padding-left:12px;white-space:nowrap"


class PartitionRows:
    """A table with a row for each partition, those with most wrong answers first."""

    def __init__(self) -> None:
        self.heading, self.view = heading(_TITLE), widgets.HTML()

    def show(self, value: GuidedExploration) -> None:
        """Show those of an answer."""
        rows = ordered(value)
        note = f"{len(rows)}, most wrong answers first" + (f" · the first {_MOST}" if len(rows) > _MOST else "")
        for box, text in (
            (self.heading, heading_html(_TITLE, note if rows else "")),
            (self.view, _table([_cells(value, row) for row in rows[:_MOST]]) if rows else ""),
        ):
            if box.value != text:
                box.value = text

    def clear(self) -> None:
        """No rows."""
        self.heading.value, self.view.value = heading_html(_TITLE), ""


def ordered(value: GuidedExploration) -> list[int]:
    """The partitions: by how many wrong answers were found, then by how many images were asked about."""
    found, asked = value.found_in.tolist(), value.asked.tolist()
    return sorted(range(len(found)), key=lambda row: (-found[row], -asked[row], row))


def _cells(value: GuidedExploration, row: int) -> list[str]:
    asked, found = int(value.asked[row]), int(value.found_in[row])
    wrong = f"{found} ({100 * found / asked:.0f} %)" if asked else "–"
    sure = percent(float(value.mean_confidence()[row]))
    return [str(row + 1), said_in(value, row), sure, f"{int(value.sizes[row]):,}", f"{asked:,}", wrong]


def said_in(value: GuidedExploration, row: int) -> str:
    """The answers in a partition, the most frequent two by name."""
    answers, counts = value.answers[value.partition == row].unique(return_counts=True)
    order = counts.argsort(descending=True, stable=True)
    named = [value.class_names[int(answers[place])] for place in order[:2]]
    if len(named) == 1:
        return named[0]
    share = percent(float(counts[order[0]] / torch.sum(counts)))
    return f"{named[0]} ({share}), {named[1]}" + (", …" if len(order) > 2 else "")  # noqa: PLR2004


def _table(rows: list[list[str]]) -> str:
    styles = [_LEFT, _LEFT, *[_RIGHT] * (len(_COLUMNS) - 2)]
    head = "".join(f"<th scope='col' style='{style}'>{name}</th>" for style, name in zip(styles, _COLUMNS, strict=True))
    body = "".join(f"<tr>{_row(cells, styles)}</tr>" for cells in rows)
    return f"<table class='xw-facts'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(cells: list[str], styles: list[str]) -> str:
    return "".join(f"<td style='{style}'>{escape(cell)}</td>" for style, cell in zip(styles, cells, strict=True))
