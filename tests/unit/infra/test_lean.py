"""Keeping out of a process what it only pays for."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from infra.lean import without
without("pandas")
import pyarrow as pa
assert pa.scalar(1).as_py() == 1
assert "pandas" not in sys.modules
try:
    import pandas
except ModuleNotFoundError as error:
    print(error)
"""


STARTED = """
import os, sys
from infra.cli import main
main.command_for = lambda words: lambda: None
main.run()
assert "numpy" not in sys.modules, "numpy has read how many threads it may use"
print(os.environ["OPENBLAS_NUM_THREADS"])
"""


def test_arrow_works_without_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "pandas is kept out of this process"


@pytest.mark.parametrize(("told", "used"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")])
def test_a_command_computes_in_one_thread_unless_told_otherwise(
    told: dict[str, str], used: str
) -> None:
    environment = {name: v for name, v in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", STARTED],
        env=environment | told,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == used
