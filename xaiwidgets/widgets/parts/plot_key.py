"""How the lines of a plot look, and the key below it that names them."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class LineLook(NamedTuple):
    """A line's colour, dash and width; ``mark`` stands in the key for the dash, so that colour alone tells nothing."""

    color: str
    dash: str
    width: float
    mark: str

    @property
    def drawn(self) -> dict[str, Any]:
        """What Bokeh's line takes."""
        return {"color": self.color, "line_width": self.width, "line_dash": self.dash}


def key_html(entries: Iterable[tuple[LineLook, str]]) -> str:
    """The key; whoever gives the names escapes what comes from elsewhere."""
    spans = "".join(
        f"<span style='white-space:nowrap'><span aria-hidden='true' style='color:{line.color}'>{line.mark}</span> "
        f"{name}</span>"
        for line, name in entries
    )
    return f"<div class='xw-evidence-text' style='display:flex;flex-wrap:wrap;gap:0 16px'>{spans}</div>"
