"""kill -9 of a device process on real files: the next one goes on, and tells what runs."""

import json
import os
import random
import signal
from pathlib import Path

import pytest

from tests.crash.forked import Forked
from tests.updating_device import R2

SEED = 7
KILLS = 4
ABOUT = 90
"""Operations of a boot that takes a release."""

pytestmark = pytest.mark.crash


def boot(folder: Path, at: int) -> int:
    """How a boot ends that dies at an operation; what it says stands in a log beside the folder."""
    process = Forked(
        "tests.crash.device_process",
        str(folder),
        str(at),
        environment=os.environ,
        log=folder.with_suffix(".log"),
    )
    return process.wait(120)


def test_a_device_killed_again_and_again_ends_on_the_new_model_and_says_so(tmp_path: Path) -> None:
    chance, folder = random.Random(SEED), tmp_path / "device"
    folder.mkdir()
    log = folder.with_suffix(".log")
    for _ in range(KILLS):
        died = boot(folder, chance.randrange(ABOUT // KILLS))
        assert died == -signal.SIGKILL, log.read_text()
    lived = boot(folder, -1)
    assert lived == 0, log.read_text()
    assert json.loads(log.read_text().splitlines()[-1]) == {
        "runs": "r2",
        "trial": False,
        "engine": R2.digest,
        "said": "COMMITTED",
        "said_of": R2.digest,
    }
