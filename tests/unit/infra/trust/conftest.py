"""Keys of these tests are quick to open: they guard nothing."""

from collections.abc import Iterator

import pytest

from infra import sealed_key


@pytest.fixture(scope="module", autouse=True)
def cheap_keys() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_key, "COST", 2)
        yield
