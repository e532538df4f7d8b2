"""Binder installs exact versions of all that the package asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pins(text: str) -> dict[str, str]:
    """The versions that a requirements file names exactly."""
    found = re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def complaints(asked: list[str], pinned: dict[str, str]) -> list[str]:
    """What is asked for and not pinned to a version that will do."""
    wanted = [Requirement(line) for line in asked]
    return [str(line) for line in wanted if not _fits(line, pinned.get(canonicalize_name(line.name)))]


def _fits(wanted: Requirement, version: str | None) -> bool:
    return version is not None and wanted.specifier.contains(version)


def test_every_requirement_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["app"]]
    pinned = pins((ROOT / "binder" / "requirements.txt").read_text())
    assert complaints(asked, pinned) == []
    assert pinned["torch"].endswith("+cpu")


def test_nothing_in_the_file_is_left_open():
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    named = [line for line in lines if line and not line.startswith(("#", "--"))]
    assert len(named) == len(pins("\n".join(named)))


@pytest.mark.parametrize("pinned", [{}, {"a-b": "1.9"}])
def test_a_missing_or_wrong_version_is_found(pinned):
    assert complaints(["a_b>=2"], pinned) == ["a_b>=2"]
