"""How soon 100,000 points follow the hand: ``python -m tests.benchmarks.point_map``.

A real drag over the map in a real browser against a real Voilà server on the same cores: the time between two pictures,
beside Bokeh's own scatter of the same points (its thinning of points while one drags switched off). Then the time from
pointing at a point to its picture. Needs a quiet machine.
"""

import platform
import statistics
from itertools import pairwise

from playwright.sync_api import Page

from tests.benchmarks.page import voila
from tests.benchmarks.table import Table

COUNT = 100_000
POINTS = f"""
import numpy as np, ipywidgets as widgets
random, count = np.random.default_rng(0), {COUNT}
kinds = random.integers(0, 10, count)
places = random.normal(size=(10, 2))[kinds] * 3 + random.normal(size=(count, 2))
"""
MAP = """
from xaiwidgets.widgets.parts.point_map import PointMap
view = PointMap("map", "image")
view.show(places, kinds, [str(kind) for kind in range(10)], marked=range(0, count, 100))
pictures = random.integers(0, 256, (32, 28, 28, 1)).astype(np.uint8)
view.on_hover(lambda point: view.show_picture(point, pictures[point % 32], f"number {point}"))
view
"""
BOKEH = """
from bokeh.plotting import figure
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.theme import category_color
plot = figure(height=420, tools="pan", active_drag="pan", lod_threshold=None, sizing_mode="stretch_width")
plot.scatter(*places.T.astype(np.float32), size=4, alpha=0.6, color=[category_color(kind) for kind in kinds])
LivePlot(plot)
"""
WATCH = """() => { window.times = []; const note = (time) => { times.push(time); requestAnimationFrame(note); };
    requestAnimationFrame(note); }"""
MOVED = """([x, y]) => new Promise((done) => {
    const stage = document.querySelector(".xw-map-stage");
    const { left, top } = stage.getBoundingClientRect();
    const words = document.querySelector(".xw-map-tip-words");
    const begun = performance.now();
    stage.dispatchEvent(new PointerEvent("pointermove", { clientX: left + x, clientY: top + y, bubbles: true }));
    const look = () => (words.textContent ? done(performance.now() - begun) : requestAnimationFrame(look));
    look();
})"""


def dragged(page: Page, place: str, moves: int = 30) -> list[float]:
    """Milliseconds between two pictures of the page while a hand drags."""
    box = page.locator(place).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.wait_for_timeout(1000)
    page.mouse.down()
    page.mouse.move(x + 8, y)
    page.evaluate(WATCH)
    for step in range(1, moves + 1):
        page.mouse.move(x + 8 + 3 * step, y + 2 * step)
        page.wait_for_timeout(16)
    times = page.evaluate("() => window.times")
    page.mouse.up()
    return [after - before for before, after in pairwise(times)]


def pictured(page: Page) -> list[float]:
    """Milliseconds from pointing at a point to its picture."""
    page.get_by_role("button", name="Show all").click()
    box = page.locator(".xw-map-field").bounding_box()
    times = []
    for step in range(9):
        page.wait_for_timeout(300)
        times.append(page.evaluate(MOVED, [box["width"] / 2 - 90 + 20 * step, box["height"] / 2]))
    return times


def main() -> None:
    """Print both, and what was wanted."""
    table = Table()
    with voila() as opener:
        print(f"{platform.machine()}, Chromium {opener.browser.version}, {COUNT:,} points")
        page = opener([POINTS, MAP])
        page.wait_for_function("() => Number(document.querySelector('.xw-map-picture').dataset.drawn) > 0")
        times = dragged(page, ".xw-map-field")
        table.row("between two pictures while dragging, mean", statistics.mean(times), "ms", "<= 100")
        table.row("  the longest", max(times), "ms", "<= 100")
        painted = page.evaluate("() => Number(document.querySelector('.xw-map-picture').dataset.milliseconds)")
        table.row("  of it painting the points", painted, "ms")
        times = pictured(page)
        table.row("from pointing at a point to its picture, median of 9", statistics.median(times), "ms", "<= 200")
        table.row("  the longest", max(times), "ms")
        page.close()
        page = opener([POINTS, BOKEH])
        page.wait_for_function("() => Number(document.querySelector('.xw-plot').dataset.plot) > 0")
        page.wait_for_timeout(3000)
        table.row("Bokeh's scatter of the same points, mean", statistics.mean(dragged(page, ".xw-plot", 8)), "ms")


if __name__ == "__main__":
    main()
