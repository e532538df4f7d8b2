"""Who imports whom, read from the files: arrows go down only."""

import ast
from collections.abc import Iterator
from pathlib import Path

FLOORS = {"apps": 6, "widgets": 5, "compute": 4, "methods": 3, "data": 2, "models": 2, "core": 1}
STRANGERS = {"methods": {"compute"}, "compute": {"methods"}}
FRONT_END = {"ipywidgets", "bokeh", "jupyter_bokeh", "anywidget", "IPython", "voila"}
# Names that the package itself gives away lazily.
OF_FLOORS = {"load_model": "models", "ImageModel": "models", "ImageSet": "data", "ConceptSet": "data"}


def violations(package: Path) -> list[str]:
    """Each import in ``package`` that a floor must not have, as a sentence."""
    files = sorted(package.rglob("*.py"))
    return [said for path in files for said in _of_file(path.relative_to(package.parent), path.read_text("utf-8"))]


def _of_file(path: Path, text: str) -> Iterator[str]:
    floor = _floor(path)
    for module in sorted(imports(path, ast.parse(text))):
        top, _, rest = module.partition(".")
        target = rest.split(".")[0]
        if top == path.parts[0] and target in FLOORS and not _may_know(floor, target):
            yield f"{path}: {floor or 'the package'} must not know {target} ({module})"
        if top in FRONT_END and FLOORS.get(floor, 0) < FLOORS["widgets"]:
            yield f"{path}: {top} belongs to the widgets"
        if top == "torch" and FLOORS.get(floor, 0) <= FLOORS["core"]:
            yield f"{path}: torch begins above core"


def _floor(path: Path) -> str:
    """The floor of a file; the package's own files stand below all of them, but its command is the app."""
    if path.name == "__main__.py":
        return "apps"
    return path.parts[1] if len(path.parts) > 2 else ""


def _may_know(floor: str, target: str) -> bool:
    if floor == target:
        return True
    return FLOORS.get(floor, 0) > FLOORS[target] and target not in STRANGERS.get(floor, set())


def imports(path: Path, tree: ast.Module) -> set[str]:
    """The full names of all that a file imports, inside functions too; ``path`` begins with the package's name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(path, node)
            found |= {f"{base}.{_owner(base, path, alias.name)}" for alias in node.names}
    return found


def _base(path: Path, node: ast.ImportFrom) -> str:
    """``from ..core import x`` in xaiwidgets/models/a.py comes from xaiwidgets.core."""
    above = path.parts[: len(path.parts) - node.level] if node.level else ()
    return ".".join([*above, *filter(None, [node.module])])


def _owner(base: str, path: Path, name: str) -> str:
    """The floor behind a name that is imported from the package itself: a class of the catalogue is a widget."""
    if base != path.parts[0] or name in FLOORS or name == "catalogue":
        return name
    return OF_FLOORS.get(name) or ("widgets" if name[0].isupper() else name)
