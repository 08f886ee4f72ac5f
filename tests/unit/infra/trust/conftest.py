"""Keys of these tests are quick to open: they guard nothing."""

import pytest

from infra import sealed_key


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_key, "COST", 2)
