"""What the repository must not carry."""

import re
from collections.abc import Iterator
from pathlib import Path

VISIBLE = {"pyproject.toml", "xaiwidgets", "notebooks", "tests", "binder", "README.md", "LICENSE"}
LEFTOVERS = {"dist", "build"}  # ignored by git
LONGEST = 250  # lines of a file of the package: it is one idea
CODE = {".py", ".js", ".css"}
TEXT = {*CODE, ".md", ".toml", ".txt", ".j2", ".html", ".json", ".ipynb", ""}
_PLACES = "home|root|work|tmp|Users|farm|opt"
_HOSTS = r"p[y]pi\.org|n[p]mjs\.|d[e]b\.debian|python[h]osted\.org"
FORBIDDEN = {
    "the path of a machine": re.compile(rf"(?<![\w.}}])/(?:{_PLACES})/\w"),
    "the host of a registry": re.compile(_HOSTS),
}


def files(root: Path) -> Iterator[Path]:
    """The text files that belong to the repository."""
    folders = [root / name for name in [*sorted(VISIBLE), ".ci", ".gitignore", ".gitattributes"]]
    for top in folders:
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


def strangers(root: Path) -> list[str]:
    """Visible entries at the top that have no place there."""
    there = {path.name for path in root.iterdir() if not path.name.startswith(".")}
    return sorted(there - VISIBLE - LEFTOVERS)


def leaks(root: Path) -> list[str]:
    """Lines that name a machine or a registry."""
    return [
        f"{path.relative_to(root)}:{number} names {what}: {line.strip()}"
        for path in files(root)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


def long_files(root: Path) -> list[str]:
    """Files of the package that are too long to be one idea."""
    code = [path for path in files(root) if path.suffix in CODE and path.is_relative_to(root / "xaiwidgets")]
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in code}
    return [f"{path.relative_to(root)} has {length} lines" for path, length in lengths.items() if length > LONGEST]
