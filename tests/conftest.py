"""Fixtures for all tests: the engines, which each test asks for by name."""

import pytest

pytest_plugins = ["tests.engines"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests, so that no process ends with one while the other is idle."""
    items.sort(key=lambda item: item.get_closest_marker("crash") is None)
