"""The guard kills what is still watched when its input ends, and nothing else."""

import subprocess
import sys
from pathlib import Path

from infra.stack import guard


def test_groups_that_were_forgotten_are_not_watched() -> None:
    assert guard.watched(["10\n", "10 20\n", "20\n"]) == [20]
    assert guard.watched(["10\n", "\n"]) == []


def test_it_kills_a_watched_group_when_its_input_ends() -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as sleeper:
        subprocess.run(
            [sys.executable, "-I", "-S", str(Path(guard.__file__))],
            input=f"{sleeper.pid}\n".encode(),
            check=True,
            timeout=30,
        )
        assert sleeper.wait(10) == -9


def test_a_group_that_is_gone_is_no_error() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as gone:
        gone.wait()
    subprocess.run(
        [sys.executable, "-I", "-S", str(Path(guard.__file__))],
        input=f"{gone.pid}\n".encode(),
        check=True,
        timeout=30,
    )
