"""The one frame of every explanation: a top bar, three columns, a foot."""

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from xaiwidgets.widgets.parts.foot import Foot
from xaiwidgets.widgets.parts.run_bar import RunBar


class XwRoot(widgets.VBox):
    """The frame; explanations subclass it and add their traits.

    ``what`` is what is explained (layer, units, an image), ``picture`` the picture and its plot, ``how`` the settings
    and the evidence. Where there is less room than 700 px the columns stack: picture, what, how. Measures and looks are
    the style sheet's business, which the run bar brings along.
    """

    def __init__(
        self,
        bar: RunBar,
        what: Sequence[widgets.Widget],
        picture: Sequence[widgets.Widget],
        how: Sequence[widgets.Widget],
        foot: Foot,
        **traits: Any,
    ) -> None:
        columns = [_box(what, "xw-what"), _box(picture, "xw-picture"), _box(how, "xw-how")]
        super().__init__([bar, _box(columns, "xw-columns"), foot], **traits)
        self.add_class("xw-root")

    def dispose(self) -> None:
        """Close this widget and everything in it; ipywidgets alone would keep all of it until the kernel ends."""
        close_all(self)

    def __repr__(self) -> str:
        """The class alone: a box would list every trait of every child."""
        return f"<{type(self).__name__}>"


def heading(text: str, note: str = "") -> widgets.HTML:
    """A column's heading in small capitals, with a note in plain letters behind it."""
    box = widgets.HTML(heading_html(text, note))
    box.add_class("xw-heading-box")
    return box


def heading_html(text: str, note: str = "") -> str:
    """What stands in a `heading`, to change it."""
    tail = f" <span class='xw-heading-note'>{escape(note)}</span>" if note else ""
    return f"<h3 class='xw-heading'>{escape(text)}{tail}</h3>"


def close_all(widget: widgets.Widget) -> None:
    """Close a widget, its children, and what they hold: ``close()`` leaves ``layout`` and ``style`` open."""
    for child in getattr(widget, "children", ()):
        if callable(getattr(child, "dispose", None)):
            child.dispose()
        if not isinstance(child, XwRoot):  # an explanation inside another has closed all of its own
            close_all(child)
    for name in ("layout", "style"):
        held = getattr(widget, name, None)
        if isinstance(held, widgets.Widget):
            held.close()
    widget.close()


def _box(children: Sequence[widgets.Widget], name: str) -> widgets.Box:
    box = widgets.VBox(list(children))
    box.add_class(name)
    return box
