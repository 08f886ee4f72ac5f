"""The 20 published cases of 2017: the same verifier, reading the older form."""

from datetime import datetime
from pathlib import Path

import pytest

from producers.device.client.files import FolderFiles
from producers.device.trust.delegations import find
from producers.device.trust.images import receive
from producers.device.trust.limits import IMAGES
from producers.device.trust.refusal import RefusedError
from producers.device.trust.repository import Repository
from producers.device.trust.sources import FolderSource
from producers.device.trust.store import Store
from tests.attack_vectors import Case, parameters, right, unpack
from tests.legacy_tuf import LegacyReader


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("tuf2017", tmp_path_factory.mktemp("tuf2017"))


@pytest.mark.parametrize("case", parameters("tuf2017"))
def test_the_step_ends_as_published(case: Case, archive: Path, tmp_path: Path) -> None:
    (step,) = case.steps
    folder = archive / step["dir"]
    refused = verified(folder, tmp_path, datetime.fromisoformat(case.row["clock"]))
    assert (refused is None) == (step["expected"] == "accept"), refused
    if refused is not None:
        assert right(step, refused.role, refused.reason.value), refused


def verified(folder: Path, own: Path, now: datetime) -> RefusedError | None:
    """Follow the repository to its file; the refusal, if any."""
    source = FolderSource(folder)
    followed = Repository(
        source, Store(FolderFiles(own)), IMAGES, now, trust_first=True, reader=LegacyReader(folder)
    )
    try:
        followed.refresh()
        target = find(followed, "targets/file.txt", IMAGES.delegations)
        receive(source, target, consistent=False, keep=len)
    except RefusedError as error:
        return error
    return None
