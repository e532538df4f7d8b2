"""One explanation is one stem in four trees."""

from collections.abc import Iterable
from pathlib import Path

from xaiwidgets.catalogue import FAMILIES, Entry


def incomplete(root: Path, entries: Iterable[Entry]) -> list[str]:
    """What an explanation lacks below ``root``, and what stands in a family without one (tests of parts may)."""
    wanted = {path for entry in entries for path in places(entry)}
    there = {path.relative_to(root).as_posix() for path in _in_families(root)}
    missing = [f"{path} is missing" for path in sorted(wanted - there)]
    strays = sorted(path for path in there - wanted if not path.startswith("tests/"))
    return [*missing, *(f"{path} belongs to no explanation" for path in strays)]


def places(entry: Entry) -> list[str]:
    """Where the four files of an explanation stand."""
    family, stem = entry.family, entry.stem
    package = [f"xaiwidgets/{floor}/{family}/{stem}.py" for floor in ("methods", "widgets")]
    return [*package, f"tests/{family}/test_{stem}.py", f"notebooks/{family}/{stem}.ipynb"]


def _in_families(root: Path) -> Iterable[Path]:
    for family in FAMILIES:
        yield from root.glob(f"xaiwidgets/*/{family}/[!_]*.py")
        yield from root.glob(f"tests/{family}/test_*.py")
        yield from root.glob(f"notebooks/{family}/*.ipynb")
