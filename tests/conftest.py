"""Fixtures for all tests: the engines, which each test asks for by name."""

import pytest

pytest_plugins = ["tests.engines"]

LONGEST = "test_demo_kills.py"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test begins first, whatever the order: else one process waits for it alone."""
    items.sort(key=lambda item: item.path.name != LONGEST)
