"""What all tests share."""

import pytest

import tests.shapes  # noqa: F401 - jaxtyping's hook looks for it among what is imported


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: the quick ones fail first, and Playwright's event loop starts after the others'."""
    items.sort(key=lambda item: "browser" in item.path.parts)
