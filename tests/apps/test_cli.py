"""The ``xaiwidgets`` command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import xaiwidgets
from xaiwidgets.apps.cli import main

ROOT = Path(__file__).parents[2]


def test_it_serves_what_is_asked_for(monkeypatch, tmp_path):
    asked = {}
    monkeypatch.setattr("xaiwidgets.apps.server.serve", lambda folder, **rest: asked.update(folder=folder, **rest))
    assert main(["app", "--port", "9000", "--no-browser", "--folder", str(tmp_path)]) == 0
    assert asked == {"folder": tmp_path, "port": 9000, "browser": False, "show_errors": False}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["app", "--port", "0"], "'0' is no port; give a number from 1 to 65535"),
        (["app", "--port", "many"], "'many' is no port"),
        ([], "COMMAND"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("made", "said"), [(True, "holds no notebook; put one there"), (False, "is no folder")])
def test_a_folder_without_notebooks_is_refused_with_a_sentence(capsys, tmp_path, made, said):
    folder = tmp_path / "pages"
    if made:
        folder.mkdir()
    assert main(["app", "--no-browser", "--folder", str(folder)]) == 2
    assert said in capsys.readouterr().err


def test_the_module_is_the_command():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.check_output([sys.executable, "-m", "xaiwidgets", "--version"], env=environment, text=True)
    assert said.split() == ["xaiwidgets", xaiwidgets.__version__]
