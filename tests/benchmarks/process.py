"""What needs no browser: publishing to nobody, steering, memory, import time."""

import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import psutil

import xaiwidgets as xw
from tests.benchmarks.floor import LAYER, UNITS
from tests.benchmarks.table import Table
from xaiwidgets.compute import worker_for
from xaiwidgets.methods import ActivationMaximization

STEPS = 24


def step_seconds(widget: bool, model: object) -> float:
    """The median time of a step on the worker, with the widget listening or without anybody."""
    times: list[float] = []

    def note(job: object) -> None:
        if job.latest is not None and job.latest.done == int(job.latest.done):
            times.append(time.perf_counter())

    if widget:
        view = xw.FeatureVisualizer(model, layer=LAYER, units=UNITS, steps=STEPS)
        view.run()
        view.current.job.subscribe(note)
        view.wait()
        view.dispose()
    else:
        job = worker_for("cpu").submit(ActivationMaximization(layer=LAYER, units=UNITS, steps=STEPS)(model))
        job.subscribe(note)
        job.wait()
    return statistics.median(np.diff(times[4:]))


def measure(table: Table) -> None:
    """Print what publishing costs with the page closed, how soon steering shows, memory and import."""
    model = xw.load_model("efficientnet_lite0", device="cpu")
    step_seconds(False, model)
    ratios = [step_seconds(False, model) / step_seconds(True, model) for _ in range(5)]
    table.row("publishing with the page closed: share of silent speed", statistics.median(ratios), "", ">= 0.98")
    table.row("a live setting takes effect after", _steps_to_steer(model), "steps", "<= 2")
    table.row("memory, slope over runs 10 to 50 of one widget", _slope(10, 50, one=True), "MB", "<= 0.2 a run")
    table.row("the same, a widget made and disposed of each time, 50 to 90", _slope(50, 90, one=False), "MB", "")
    table.row("import xaiwidgets, beyond Python itself", _import_milliseconds(), "ms", "< 150")


def _steps_to_steer(model: object) -> float:
    """Whole steps between a change that a slider sends and the first images that it shaped."""
    method = ActivationMaximization(layer="_blocks.2", units=(1, 2), steps=400)
    seen: list[tuple[float, float]] = []
    job = worker_for("cpu").submit(method(model))
    job.subscribe(lambda job: job.latest and seen.append((job.latest.done, float(job.latest.value.images.std()))))
    while len(seen) < 20:
        time.sleep(0.01)
    sent_at = job.latest.done
    job.send({"learning_rate": 1.0})  # twenty times the step: the contrast jumps with the first image that it shaped
    while len(seen) < 40:
        time.sleep(0.01)
    job.cancel()
    jumps = [(done, later - earlier) for (_, earlier), (done, later) in pairwise(seen)]
    usual = max(abs(jump) for done, jump in jumps if done <= sent_at)
    return next(done for done, jump in jumps if done > sent_at and abs(jump) > 3 * usual) - sent_at


def _slope(first: int, last: int, *, one: bool) -> float:
    """Megabytes that each run adds, by a straight line; ``one`` widget for all runs, or a new one each time."""
    from tests.networks import image_model

    model, sizes, view = image_model("resnet"), [], None
    for _ in range(last):
        if view is None or not one:
            view = xw.FeatureVisualizer(model, layer="3", units=[1, 2, 3], steps=12)
        view.run()
        view.wait()
        if not one:
            view.dispose()
        sizes.append(psutil.Process().memory_info().rss / 2**20)
    view.dispose()
    return float(np.polyfit(range(first, last), sizes[first:], 1)[0])


def _import_milliseconds() -> float:
    """The median over eleven fresh interpreters, less that of Python alone."""

    def once(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
        return 1000 * (time.perf_counter() - begun)

    turns = [(once("import xaiwidgets"), once("pass")) for _ in range(11)]
    return statistics.median(a - b for a, b in turns)
