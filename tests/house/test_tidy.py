"""The repository is tidy, and each check can fail."""

import subprocess
import sys
from pathlib import Path

from tests.house.tidy import LONGEST, leaks, long_files, strangers

ROOT = Path(__file__).parents[2]


def plant(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return root


def lint(*arguments: str, cwd: Path) -> str:
    """What ruff has to say, a line each."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "--output-format", "concise"]
    return subprocess.run([*command, *arguments, "."], cwd=cwd, capture_output=True, text=True, check=False).stdout


def test_nothing_else_stands_at_the_top():
    assert strangers(ROOT) == []


def test_no_file_names_a_machine_or_a_registry():
    assert leaks(ROOT) == []


def test_no_file_is_longer_than_one_idea():
    assert long_files(ROOT) == []


def test_every_rule_of_ruff_holds():
    assert lint(cwd=ROOT) == ""


def test_a_stranger_at_the_top_is_found(tmp_path):
    assert strangers(plant(plant(tmp_path, "notes.txt", ""), "xaiwidgets/a.py", "")) == ["notes.txt"]


def test_a_leak_is_found(tmp_path):
    plant(tmp_path, "xaiwidgets/a.py", "x = '/{}/someone'".format("home"))
    plant(tmp_path, "binder/b.txt", "https://{}.org".format("pypi"))
    assert [said.split(" names ")[0] for said in leaks(tmp_path)] == ["binder/b.txt:1", "xaiwidgets/a.py:1"]


def test_a_long_file_is_found(tmp_path):
    plant(tmp_path, "xaiwidgets/a.py", "x = 1\n" * (LONGEST + 1))
    assert long_files(tmp_path) == [f"xaiwidgets/a.py has {LONGEST + 1} lines"]


def test_a_broken_rule_is_found(tmp_path):
    plant(tmp_path, "a.py", "import os\n")
    assert "F401" in lint("--config", str(ROOT / "pyproject.toml"), cwd=tmp_path)
