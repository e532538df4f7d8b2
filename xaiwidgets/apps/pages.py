"""The pages of the gallery: the notebooks that stand in a folder, as the catalogue orders and names them."""

from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from xaiwidgets.catalogue import FAMILIES, entries

_HERE = Path(__file__).parent


class GalleryError(Exception):
    """The gallery cannot be served."""


class Page(NamedTuple):
    """One page: its notebook's path below the folder, and the words that the gallery has for it."""

    path: str
    family: str
    title: str
    summary: str


def own_notebooks() -> Path:
    """The package's notebooks: inside an installed package, or beside it in a checkout."""
    for folder in (_HERE / "notebooks", _HERE.parents[1] / "notebooks"):
        if folder.is_dir():
            return folder
    raise GalleryError(f"the notebooks are missing from {_HERE}; install xaiwidgets again")


def pages(folder: Path) -> list[Page]:
    """Every notebook of ``folder``: those of the catalogue first, in its order, then others by name."""
    if not folder.is_dir():
        raise GalleryError(f"{folder} is no folder; give one that holds notebooks")
    order = [f"{entry.family}/{entry.stem}.ipynb" for entry in entries()]
    found = (path.relative_to(folder) for path in folder.rglob("*.ipynb"))
    paths = [path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)]
    if not paths:
        raise GalleryError(f"{folder} holds no notebook; put one there")
    return [_page(path) for path in sorted(paths, key=lambda path: (_rank(path, order), path))]


def by_family(listed: list[Page]) -> list[tuple[str, list[Page]]]:
    """The pages in groups, each with its family's words."""
    return [(FAMILIES.get(family, "More"), list(group)) for family, group in groupby(listed, lambda page: page.family)]


def _rank(path: str, order: list[str]) -> int:
    return order.index(path) if path in order else len(order)


def _page(path: str) -> Page:
    stem, family = Path(path).stem, Path(path).parent.as_posix()
    for entry in entries():
        if (entry.family, entry.stem) == (family, stem):
            return Page(path, family, entry.title, entry.summary)
    return Page(path, family, stem.replace("_", " ").capitalize(), "")
