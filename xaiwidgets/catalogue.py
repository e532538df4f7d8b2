"""Finds every explanation by where its file stands.

An explanation is one stem in two trees of the package: ``methods/<family>/<stem>.py`` holds one public class that
subclasses ``Method``; ``widgets/<family>/<stem>.py`` holds one public class that shows it. A leading underscore makes
a file or a folder private. Files are read, never imported, so that asking for names costs milliseconds.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

# The families of the survey, in its order, and the words that the gallery has for them.
FAMILIES = {
    "feature_analysis": "Feature analysis",
    "model_inspection": "Model inspection",
    "saliency": "Saliency",
    "proxy": "Proxy models",
    "mathematics": "Mathematical analysis",
    "case": "Explanation by case",
    "text": "Explanation by text",
    "representation": "Interpretable representation",
    "renovation": "Model renovation",
}
_PACKAGE = Path(__file__).parent
_SHARED = {"parts"}  # folders below widgets/ that are no family


class CatalogueError(ImportError):
    """The files of the package contradict each other."""


class Entry(NamedTuple):
    """One explanation: its stem and family, its classes' names, and its first sentence."""

    stem: str
    family: str
    method: str | None
    widget: str | None
    summary: str

    @property
    def title(self) -> str:
        """The name for people: ``FeatureVisualizer`` is "Feature visualizer"."""
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", self.widget or self.method or "")
        return " ".join(word if i == 0 or word.isupper() else word.lower() for i, word in enumerate(words))


@cache
def entries() -> tuple[Entry, ...]:
    """Every explanation of this package, in the order of the families."""
    return scan(_PACKAGE)


def load_widget(name: str) -> type:
    """The widget class called ``name``."""
    known = {entry.widget: f"widgets.{entry.family}.{entry.stem}" for entry in entries() if entry.widget}
    return _load(name, known, "xaiwidgets")


def load_method(name: str) -> type:
    """The method class called ``name``."""
    known = {entry.method: f"methods.{entry.family}.{entry.stem}" for entry in entries() if entry.method}
    return _load(name, known, "xaiwidgets.methods")


def _load(name: str, known: dict[str, str], where: str) -> type:
    if name in known:
        return getattr(import_module(f"{__package__}.{known[name]}"), name)
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"module {where!r} has no attribute {name!r}{hint}", name=name)


def scan(package: Path) -> tuple[Entry, ...]:
    """Read the two trees below ``package``, and refuse what does not fit."""
    methods = {place: _method(path) for place, path in _files(package / "methods")}
    widgets = {place: _widget(path) for place, path in _files(package / "widgets")}
    order = list(FAMILIES)
    places = sorted(methods | widgets, key=lambda place: (order.index(place[0]), place[1]))
    found = tuple(_entry(place, methods.get(place), widgets.get(place)) for place in places)
    for what in ("stem", "method", "widget"):
        _refuse_duplicates(what, [getattr(entry, what) for entry in found if getattr(entry, what)])
    return found


def _entry(place: tuple[str, str], method: ast.ClassDef | None, widget: ast.ClassDef | None) -> Entry:
    family, stem = place
    texts = (ast.get_docstring(node) for node in (widget, method) if node)
    summary = next((text.split("\n\n")[0].replace("\n", " ") for text in texts if text), "")
    return Entry(stem, family, method.name if method else None, widget.name if widget else None, summary)


def _files(tree: Path) -> Iterator[tuple[tuple[str, str], Path]]:
    """Each public file below a family, with its (family, stem)."""
    for folder in sorted(tree.glob("[!_.]*/")):
        if folder.name in _SHARED:
            continue
        if folder.name not in FAMILIES:
            raise CatalogueError(f"{folder} is no family; name it as one of {', '.join(FAMILIES)}, or begin it with _")
        for path in sorted(folder.glob("[!_.]*.py")):
            yield (folder.name, path.stem), path


def _method(path: Path) -> ast.ClassDef:
    """The one public class whose bases name ``Method``."""
    return _only([node for node in _classes(path) if "Method" in map(_name, node.bases)], path, "class of Method")


def _widget(path: Path) -> ast.ClassDef:
    """The one public class of a widget's file."""
    return _only(_classes(path), path, "class")


def _only(found: list[ast.ClassDef], path: Path, what: str) -> ast.ClassDef:
    if len(found) == 1:
        return found[0]
    came = ", ".join(node.name for node in found) or "none"
    raise CatalogueError(f"{path} holds {came}, but one public {what} is wanted; begin the others with _ or move them")


def _classes(path: Path) -> list[ast.ClassDef]:
    body = ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body
    return [node for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


def _name(base: ast.expr) -> str:
    """``Method``, ``core.Method`` and ``Method[Result]`` are all called "Method"."""
    if isinstance(base, ast.Subscript):
        return _name(base.value)
    return getattr(base, "attr", None) or getattr(base, "id", "")


def _refuse_duplicates(what: str, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise CatalogueError(f"two explanations have the {what} {twice[0]!r}; each {what} names one, so rename one")
