"""Keys of these tests are quick to open: they guard nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import sealed_key
from tests.trust_company import Company


@pytest.fixture(scope="module", autouse=True)
def cheap_keys() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_key, "COST", 2)
        yield


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One founding for all tests: they copy it."""
    folder = tmp_path_factory.mktemp("company")
    Company(folder)
    return folder


@pytest.fixture
def company(founded: Path, tmp_path: Path) -> Company:
    shutil.copytree(founded, tmp_path / "company")
    return Company(tmp_path / "company")
