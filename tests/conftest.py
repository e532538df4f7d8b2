"""What all tests share."""

import pytest

import tests.shapes  # noqa: F401 - jaxtyping's hook looks for it among what is imported

_DEALT_SINGLY = {"contract", "house"}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: the quick ones fail first, and Playwright's event loop starts after the others'.

    Where several processes share the tests, those of one file stay together, as their fixtures are made once a file;
    tests that enumerate the house share nothing, and are dealt singly.
    """
    items.sort(key=lambda item: "browser" in item.path.parts)
    for item in items:
        if item.path.parent.name not in _DEALT_SINGLY and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name} {item.path.stem}"))
