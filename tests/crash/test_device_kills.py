"""kill -9 of a device process on real files: the next one goes on, and tells what runs."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.updating_device import R2

SEED = 7
KILLS = 4
ABOUT = 90
"""Operations of a boot that takes a release."""

pytestmark = pytest.mark.crash


def boot(folder: Path, at: int) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tests.crash.device_process", str(folder), str(at)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def test_a_device_killed_again_and_again_ends_on_the_new_model_and_says_so(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for _ in range(KILLS):
        died = boot(tmp_path, chance.randrange(ABOUT // KILLS))
        assert died.returncode == -signal.SIGKILL, died.stderr
    lived = boot(tmp_path, -1)
    assert lived.returncode == 0, lived.stderr
    assert json.loads(lived.stdout) == {
        "runs": "r2",
        "trial": False,
        "engine": R2.digest,
        "said": "COMMITTED",
        "said_of": R2.digest,
    }
