"""The gallery's pages are the notebooks of a folder, in the catalogue's order and words."""

from pathlib import Path

import pytest

from xaiwidgets.apps.pages import GalleryError, Page, by_family, own_notebooks, pages
from xaiwidgets.catalogue import entries


def plant(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def test_every_explanation_has_a_page_and_comes_in_the_catalogues_order():
    listed = pages(own_notebooks())
    assert [page.title for page in listed] == [entry.title for entry in entries()]
    assert all(page.summary for page in listed)


def test_notebooks_of_others_come_after_and_are_named_by_their_files(tmp_path):
    known = entries()[0]
    folder = plant(tmp_path, "own.ipynb", f"{known.family}/{known.stem}.ipynb", "case/two_words.ipynb", "case/a.py")
    assert [page.title for page in pages(folder)] == [known.title, "Two words", "Own"]


def test_hidden_copies_are_no_pages(tmp_path):
    folder = plant(tmp_path, "a.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb")
    assert pages(folder) == [Page("a.ipynb", ".", "A", "")]


def test_pages_are_grouped_by_family():
    a, b = Page("text/a.ipynb", "text", "A", ""), Page("text/b.ipynb", "text", "B", "")
    c = Page("c.ipynb", ".", "C", "")
    assert by_family([a, b, c]) == [("Explanation by text", [a, b]), ("More", [c])]


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(GalleryError, match="is no folder"):
        pages(tmp_path / "nowhere")
