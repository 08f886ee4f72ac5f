"""Keeps out of a process what it only pays for: libraries nobody uses, threads that wait."""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Refusal(MetaPathFinder):
    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the interface of finders
        target: ModuleType | None = None,  # noqa: ARG002 - as above
    ) -> ModuleSpec | None:
        if fullname in self.names:
            raise ModuleNotFoundError(f"{fullname} is kept out of this process", name=fullname)
        return None


def without(*names: str) -> None:
    """Make the import of modules fail as if they were not installed, from now on.

    pyarrow imports pandas at its first scalar when it is there: 50 MB and seconds of a worker's
    start, to recognise objects that no worker has.
    """
    sys.meta_path.insert(0, _Refusal(frozenset(names)))


def alone() -> None:
    """Have BLAS compute in the thread that asks, unless the environment says otherwise.

    OpenBLAS reads this when numpy is first imported. On two threads the many small products of a
    search took sixteen times the CPU, and sums round otherwise with the number of cores: the same
    log must give the same question on any machine.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
