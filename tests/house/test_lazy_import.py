"""``import xaiwidgets`` loads nothing heavy and starts nothing: looked at in a fresh interpreter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import xaiwidgets

HEAVY = {"torch", "numpy", "bokeh", "ipywidgets", "IPython", "anywidget", "jupyter_bokeh", "voila", "PIL"}
_LOOK = """
import json, sys, threading
import xaiwidgets
names = {names!r}
values = [repr(getattr(xaiwidgets, name)) for name in names]
json.dump({{"modules": list(sys.modules), "threads": threading.active_count(), "dir": dir(xaiwidgets)}}, sys.stdout)
"""


def look(path: Path, names: list[str] | None = None) -> dict:
    """What a fresh interpreter with ``path`` has after importing xaiwidgets and fetching ``names``."""
    code = _LOOK.format(names=names or [])
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return json.loads(subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=path))


def complaints(seen: dict) -> list[str]:
    heavy = [f"loads {name}" for name in sorted(HEAVY.intersection(seen["modules"]))]
    return [*heavy, *(["starts a thread"] if seen["threads"] > 1 else [])]


def test_the_package_loads_nothing_heavy():
    seen = look(Path(xaiwidgets.__file__).parents[1])
    assert complaints(seen) == []
    assert {"load_model", "ImageModel", "core", "models", "data", "compute", "methods"} <= set(seen["dir"])


def test_listing_its_names_loads_nothing_heavy():
    assert complaints(look(Path(xaiwidgets.__file__).parents[1], ["catalogue", "methods", "__version__"])) == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import torch", "loads torch"),
        ("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()", "starts a thread"),
    ],
)
def test_the_look_can_fail(tmp_path, code, said):
    (tmp_path / "torch.py").touch()  # stands in for the real one, which takes seconds
    (tmp_path / "xaiwidgets.py").write_text(code)
    assert said in complaints(look(tmp_path))


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(AttributeError, match=r"FeatureVisualizr.*did you mean 'FeatureVisualizer'"):
        xaiwidgets.FeatureVisualizr  # noqa: B018 - the access is the test
