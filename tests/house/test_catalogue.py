"""The catalogue finds explanations by where their files stand, and refuses what does not fit."""

from pathlib import Path

import pytest

from tests.house.trees import incomplete
from xaiwidgets.catalogue import CatalogueError, Entry, entries, scan

ROOT = Path(__file__).parents[2]
METHOD = 'class {name}(Method):\n    """Finds it.\n\n    At length.\n    """\n'


def plant(root: Path, **files: str) -> Path:
    """A package with these files, named as methods__saliency__a for methods/saliency/a.py."""
    for name, text in files.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_package_has_explanations_and_each_stands_in_four_trees():
    assert entries()
    assert incomplete(ROOT, entries()) == []


def test_every_class_can_be_fetched_by_its_name():
    import xaiwidgets

    for entry in entries():
        assert getattr(xaiwidgets, entry.widget).__name__ == entry.widget
        assert getattr(xaiwidgets.methods, entry.method).__name__ == entry.method


def test_an_explanation_is_read_without_importing(tmp_path):
    method = "import nothing_that_exists\n\nclass Result: ...\n\n" + METHOD.format(name="Deep")
    package = plant(tmp_path, methods__saliency__deep=method, widgets__saliency__deep="class DeepView(VBox): ...")
    assert scan(package) == (Entry("deep", "saliency", "Deep", "DeepView", "Finds it."),)
    assert scan(package)[0].title == "Deep view"


def test_a_method_may_name_its_base_in_several_ways(tmp_path):
    bases = {"a": "Method[int]", "b": "core.Method", "c": "core.Method[int]"}
    files = {f"methods__text__{stem}": f"class {stem.upper()}({base}): ..." for stem, base in bases.items()}
    assert [entry.method for entry in scan(plant(tmp_path, **files))] == ["A", "B", "C"]


def test_families_keep_the_order_of_the_survey(tmp_path):
    files = {
        f"methods__{family}__{name.lower()}": METHOD.format(name=name)
        for family, name in [("text", "A"), ("feature_analysis", "B"), ("case", "C")]
    }
    assert [entry.method for entry in scan(plant(tmp_path, **files))] == ["B", "C", "A"]


def test_what_begins_with_an_underscore_is_private(tmp_path):
    package = plant(tmp_path, methods__saliency___common="", methods___shared__a="", widgets__parts__a="")
    assert scan(package) == ()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"methods__case__a": METHOD, "methods__text__a": METHOD.replace("{name}", "Other")}, "the stem 'a'"),
        ({"methods__case__a": METHOD, "methods__text__b": METHOD}, "the method '{name}'"),
        ({"widgets__case__a": "class A: ...", "widgets__text__b": "class A: ..."}, "the widget 'A'"),
        ({"methods__case__a": "class A: ..."}, "holds none, but one public class of Method"),
        ({"widgets__case__a": "class A: ...\nclass B: ..."}, "holds A, B, but one public class"),
        ({"methods__nonsense__a": METHOD}, "is no family"),
    ],
)
def test_what_does_not_fit_is_refused_loudly(tmp_path, files, said):
    package = plant(tmp_path, **{place: text.replace("{name}", "Name") for place, text in files.items()})
    with pytest.raises(CatalogueError, match=said.replace("{name}", "Name")):
        scan(package)


def test_a_missing_tree_is_found(tmp_path):
    package = plant(tmp_path / "xaiwidgets", methods__case__a=METHOD.format(name="A"))
    plant(tmp_path, tests__case__test_part_of_a="")
    (tmp_path / "notebooks" / "case").mkdir(parents=True)
    (tmp_path / "notebooks" / "case" / "b.ipynb").touch()
    assert incomplete(tmp_path, scan(package)) == [
        "notebooks/case/a.ipynb is missing",
        "tests/case/test_a.py is missing",
        "xaiwidgets/widgets/case/a.py is missing",
        "notebooks/case/b.ipynb belongs to no explanation",
    ]


def test_the_readme_names_every_explanation():
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    missing = [name for entry in entries() for name in (entry.widget, entry.method) if name and f"`{name}`" not in text]
    assert missing == []
