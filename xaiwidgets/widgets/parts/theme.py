"""How our Bokeh figures look: the colours and sizes of the page around them."""

from typing import TypeVar

from bokeh.models import Axis, Grid, LayoutDOM, Plot, Title

OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
"""Colours of categories that stay apart for colour-blind eyes, in the order in which they are given out."""

ABOVE, BELOW = "#0072b2", "#d55e00"

MID_GREY = "#7d8590"
"""Readable on white and on black: what text has before the browser tells the page's own colours."""

FONT = "system-ui, sans-serif"

TAG = "xw-theme"
"""Marks figures whose axes, grids and titles take the page's colours in the browser."""


Figure = TypeVar("Figure", bound=LayoutDOM)


def category_color(index: int) -> str:
    """Return the colour of a category; after six they repeat."""
    return OKABE_ITO[index % len(OKABE_ITO)]


def style(figure: Figure) -> Figure:
    """Give a figure the look of the page: no toolbar, thin grid, quiet axes, transparent ground, full width."""
    figure.tags = [*figure.tags, TAG]
    if figure.sizing_mode is None and figure.width is None:
        figure.sizing_mode = "stretch_width"
    for plot in figure.select({"type": Plot}):
        _style_plot(plot)
    return figure


def _style_plot(plot: Plot) -> None:
    plot.toolbar_location = None
    plot.toolbar.logo = None
    plot.background_fill_color = plot.border_fill_color = plot.outline_line_color = None
    plot.min_border = 4
    for axis in plot.select({"type": Axis}):
        _style_axis(axis)
    for grid in plot.select({"type": Grid}):
        grid.grid_line_color, grid.grid_line_alpha, grid.grid_line_width = MID_GREY, 0.3, 1
    # Horizontal lines are read against the axis; vertical ones only add ink.
    for grid in plot.xgrid:
        grid.grid_line_color = None
    for title in plot.select({"type": Title}):
        title.text_color, title.text_font, title.text_font_size = MID_GREY, FONT, "11px"


def _style_axis(axis: Axis) -> None:
    axis.axis_line_color = axis.minor_tick_line_color = axis.major_tick_line_color = None
    axis.major_label_text_color = axis.axis_label_text_color = MID_GREY
    axis.major_label_text_font = axis.axis_label_text_font = FONT
    axis.major_label_text_font_size = axis.axis_label_text_font_size = "11px"
    axis.axis_label_text_font_style = "normal"
