"""Keeping libraries out of a process."""

import subprocess
import sys

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


def test_arrow_works_without_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "pandas is kept out of this process"
