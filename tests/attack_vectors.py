"""The published Uptane and TUF attack vectors: cases, steps, and their files unpacked."""

import json
import os
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

SHARED: Final = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[2] / "shared"))
FOLDER: Final = SHARED / "data" / "uptane_vectors"


@dataclass(frozen=True, slots=True)
class Case:
    """One published case: its row of index.json."""

    row: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.row["name"]).split("/", 1)[1]

    @property
    def steps(self) -> list[dict[str, Any]]:
        return list(self.row["steps"])


@cache
def cases(of: str) -> tuple[Case, ...]:
    """All cases of a set; none where the data are not."""
    index = FOLDER / "index.json"
    if not index.exists():
        return ()
    return tuple(Case(row) for row in json.loads(index.read_text()) if row["set"] == of)


def parameters(of: str) -> list[Any]:
    """The cases of a set as test parameters; where there are none, one that says why it skips."""
    found = [pytest.param(case, id=case.name) for case in cases(of)]
    reason = f"needs the attack vectors in {FOLDER} (FLEETLOOP_SHARED)"
    return found or [pytest.param(None, id="missing", marks=pytest.mark.skip(reason=reason))]


def unpack(archive: str, into: Path) -> Path:
    """Unpack an archive of the set."""
    with tarfile.open(FOLDER / f"{archive}.tar.xz") as tar:
        tar.extractall(into, filter="data")
    return into


def right(step: dict[str, Any], at_role: str, reason: str) -> bool:
    """Whether role and reason of a refusal are the step's, or listed as also right."""
    if (at_role, reason) == (step["at_role"], step["reason"]):
        return True
    for also in step.get("also_right", ()):
        word, *elsewhere = also.split()  # "unmet_threshold at the role whose key id is wrong"
        if reason == word and (elsewhere or at_role == step["at_role"]):
            return True
    return False
