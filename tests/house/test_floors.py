"""Arrows between the floors go down only, and each check can fail."""

from pathlib import Path

import pytest

import xaiwidgets
from tests.house.floors import violations

PACKAGE = Path(xaiwidgets.__file__).parent


def plant(root: Path, place: str, line: str) -> Path:
    package = root / "xaiwidgets"
    path = package / place
    path.parent.mkdir(parents=True)
    path.write_text(line + "\n")
    return package


def test_arrows_go_down_only():
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("place", "line", "said"),
    [
        ("core/a.py", "from xaiwidgets.models import load_model", "core must not know models"),
        ("core/a.py", "def f():\n    import torch", "torch begins above core"),
        ("models/a.py", "from ..methods import feature_analysis", "models must not know methods"),
        ("models/a.py", "from ..data.photographs import photographs", "models must not know data"),
        ("data/a.py", "import xaiwidgets.models.probe", "data must not know models"),
        ("methods/saliency/a.py", "from ...compute import Worker", "methods must not know compute"),
        ("methods/saliency/a.py", "from xaiwidgets import FeatureVisualizer", "methods must not know widgets"),
        ("methods/saliency/a.py", "import bokeh.plotting", "bokeh belongs to the widgets"),
        ("compute/a.py", "from xaiwidgets import methods", "compute must not know methods"),
        ("compute/a.py", "from IPython import get_ipython", "IPython belongs to the widgets"),
        ("widgets/parts/a.py", "from xaiwidgets.apps import cli", "widgets must not know apps"),
        ("catalogue.py", "import xaiwidgets.core", "the package must not know core"),
        ("__init__.py", "import ipywidgets", "ipywidgets belongs to the widgets"),
    ],
)
def test_an_upward_import_is_found(tmp_path, place, line, said):
    found = violations(plant(tmp_path, place, line))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("apps/a.py", "from xaiwidgets.widgets import parts\nimport voila"),
        ("widgets/a/b.py", "from xaiwidgets import load_model\nfrom ..parts import x\nfrom ... import core"),
        ("methods/a/b.py", "import torch\nfrom ...models import Probe\nfrom xaiwidgets.catalogue import entries"),
        ("compute/a.py", "from xaiwidgets.core import Step\nfrom . import worker"),
    ],
)
def test_a_downward_import_is_let_pass(tmp_path, place, line):
    assert violations(plant(tmp_path, place, line)) == []
