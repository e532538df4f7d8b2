"""What all tests share."""

from pathlib import PurePosixPath

import pytest

import tests.shapes  # noqa: F401 - jaxtyping's hook looks for it among what is imported


def group(test: str) -> str:
    """What a test is run with where several processes share the tests: each group has a browser of its own, or none."""
    path = PurePosixPath(test.partition("::")[0])
    if "browser" not in path.parts:
        return "python"
    return "explanations" if path.stem == "test_every_explanation" else "pages"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: the quick ones fail first, and Playwright's event loop starts after the others'."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With ``-n 3`` the groups run side by side, each in a process of its own: pages mostly wait."""
    from xdist.scheduler import LoadScopeScheduling

    class InGroups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return InGroups(config, log)
