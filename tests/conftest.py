"""Fixtures for all tests: the engines, which each test asks for by name."""

pytest_plugins = ["tests.engines"]
