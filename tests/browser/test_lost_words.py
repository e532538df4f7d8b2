"""What a page says before its kernel can hear it: every part says it again until it is answered."""

import pytest

CELLS = [
    """
import ipywidgets, numpy as np
from bokeh.plotting import figure
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.point_map import PointMap
frames, points = FrameView(), PointMap("a map", "image")
frames.show(np.full((1, 8, 8, 3), 200, np.uint8), lossless=True)
points.show(np.array([[0, 0], [1, 1]], np.float32), [0, 0], ["cat"])
drawing = figure(height=100)
drawing.line([0, 1], [0, 1])
plot = LivePlot(drawing, label="a plot")
""",
    "ipywidgets.VBox([frames, points, plot])",
]
# The words are on their way to the kernel by the page's socket.
LOSE_FIRST = """
window.lost = 0;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    if (/"type": ?"(hello|library)"/.test(text) && window.lost < 4) window.lost += 1;
    else send.call(this, data);
};
"""
DRAWN = """() => [[".xw-frames-picture", "frame"], [".xw-map-picture", "drawn"], [".xw-plot", "plot"]]
    .every(([part, count]) => Number(document.querySelector(part)?.dataset[count]) > 0)"""


@pytest.mark.parametrize("lost", ["", LOSE_FIRST], ids=["heard", "lost"])
def test_words_that_are_lost_are_said_again(open_voila, lost):
    page = open_voila.tab()
    page.add_init_script(lost)
    page.goto(open_voila.server.address(open_voila.server.write(CELLS)), wait_until="commit")
    open_voila.wait(page)
    page.wait_for_function(DRAWN)
    assert page.evaluate("window.lost ?? 4") == 4
