"""What holds for each notebook as it is stored: no outputs, and a twin as py:percent that says the same."""

from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).parents[2]


def notebooks(root: Path = ROOT) -> list[Path]:
    """Every notebook of the repository."""
    return sorted(path for path in (root / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def complaints(path: Path) -> list[str]:
    """What is wrong with a notebook as it is stored."""
    cells = nbformat.read(path, as_version=4).cells
    twin = path.with_suffix(".py")
    found = ["has outputs"] if any(cell.get("outputs") or cell.get("execution_count") for cell in cells) else []
    if not twin.exists():
        return [*found, f"has no {twin.name} beside it"]
    if _text(cells) != _text(jupytext.read(twin).cells):
        found.append(f"differs from {twin.name}; run jupytext --sync")
    if "# %%" not in twin.read_text("utf-8"):
        found.append(f"{twin.name} is not in the format py:percent")
    return found


def _text(cells: list) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in cells]
