"""What happens over time in other tools' tests, and which test of ours shows what our gate does."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from streams.rollout.policy_faults import read_model


class Story(BaseModel):
    """One of them.

    Attributes:
        shown_by: Our test: its file, and the function.
        worse: Whether theirs is the better answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    what: str
    theirs: str
    ours: str
    shown_by: str
    worse: bool = False
    why: str


class _Stories(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: tuple[Story, ...]


def stories() -> Sequence[Story]:
    """All of them."""
    path = Path(__file__).with_name("stories.yaml")
    return read_model(path, _Stories, unreadable="it comes with the project").rows
