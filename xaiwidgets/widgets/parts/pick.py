"""One of several things to choose from, with its name above."""

from collections.abc import Sequence

import ipywidgets as widgets


def pick(label: str, options: Sequence[str]) -> widgets.Dropdown:
    """A list of which the first entry is chosen; it looks as the settings do."""
    control = widgets.Dropdown(description=label, options=list(options))
    control.add_class("xw-setting")
    return control
