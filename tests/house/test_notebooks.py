"""Every notebook is stored clean, and each check can fail. The gallery's tests run them all."""

from pathlib import Path

import nbformat
import pytest

from tests.house.notebooks import ROOT, complaints, notebooks
from xaiwidgets.apps.pages import own_notebooks, pages

ALL = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.relative_to(ROOT).as_posix())


def plant(folder: Path, code: str, twin: str | None, output: str = "") -> Path:
    cell = nbformat.v4.new_code_cell(code)
    if output:
        cell.outputs = [nbformat.v4.new_output("stream", text=output)]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "a.ipynb")
    if twin is not None:
        (folder / "a.py").write_text(twin)
    return folder / "a.ipynb"


def test_there_are_notebooks():
    assert notebooks()


def test_each_is_a_page_of_the_gallery_whose_tests_run_them():
    served = {page.path for page in pages(own_notebooks())}
    assert served == {path.relative_to(ROOT / "notebooks").as_posix() for path in notebooks()}


@ALL
def test_it_is_stored_clean(path):
    assert complaints(path) == []


@pytest.mark.parametrize(
    ("twin", "output", "said"),
    [
        ("# %%\n1", "1", ["has outputs"]),
        (None, "", ["has no a.py beside it"]),
        ("# %%\n2", "", ["differs from a.py; run jupytext --sync"]),
        ("1", "", ["a.py is not in the format py:percent"]),
        ("# %%\n1", "", []),
    ],
)
def test_a_notebook_that_is_not_clean_is_found(tmp_path, twin, output, said):
    assert complaints(plant(tmp_path, "1", twin, output)) == said
