"""A release run beside the live model: the same pictures, its answers compared and never used."""

from dataclasses import dataclass, field
from typing import Any

from producers.device.encounters import Meeting
from producers.device.engine import Answers, Engine
from producers.device.slots import Model


@dataclass(slots=True)
class ShadowReport:
    """What a reporting window tells of the shadow.

    Attributes:
        encounters: By the live model's class of the nearest frame; differing: likewise.
        disagreements: Frames given another class.
        judged: Frames it was to answer; late: of these, after the deadline or not at all.
        busy_us: Sum of its latencies, device time.
    """

    release_id: str
    classes: int
    encounters: list[int] = field(default_factory=list)
    differing: list[int] = field(default_factory=list)
    disagreements: int = 0
    judged: int = 0
    late: int = 0
    busy_us: int = 0

    def __post_init__(self) -> None:
        self.encounters, self.differing = [0] * self.classes, [0] * self.classes

    def fields(self) -> dict[str, Any]:
        """The fields of the window's record."""
        return {
            "shadow_release_id": self.release_id,
            "disagreements": self.disagreements,
            "shadow_encounters": tuple(self.encounters),
            "shadow_differing": tuple(self.differing),
            "shadow_judged": self.judged,
            "shadow_late": self.late,
            "shadow_busy_us": self.busy_us,
        }


class Shadow:
    """A model beside the live one, and what it answered in the encounter under way.

    Args:
        engine: None: it does not load, so that no frame is answered.
        warmup: Frames not judged, right after it was loaded.
        factor: How many times longer than here an inference takes on the device.
    """

    def __init__(self, model: Model, engine: Engine | None, *, warmup: int, factor: float) -> None:
        self.model, self.engine = model, engine
        self._warmup_left, self._factor = warmup, factor
        self._meeting: Meeting | None = None
        self._named: list[str | None] = []

    def take(self, meeting: Meeting, answers: Answers | None, row: int, to: ShadowReport) -> None:
        """Its answer to the frame that is looked at; answers None: none came."""
        if meeting is not self._meeting:
            self._meeting, self._named = meeting, []
        latency_us = None if answers is None else round(answers.core_ns[row] * self._factor / 1000)
        to.busy_us += latency_us or 0
        if self._warmup_left > 0 and latency_us is not None:
            self._warmup_left -= 1
        else:
            to.judged += 1
            to.late += latency_us is None or latency_us > self.model.deadline_us
        named = None
        if self.engine is not None and answers is not None:
            named = self.engine.classes[answers.top1[row]]
        self._named.append(named)

    def beside(self, meeting: Meeting, name: str, to: ShadowReport) -> None:
        """The live model's answer to the same frame."""
        if meeting is self._meeting and self._named[-1] not in (None, name):
            to.disagreements += 1

    def compare(self, meeting: Meeting, index: int, name: str, to: ShadowReport) -> bool:
        """The live model saw the encounter whole, and gave its nearest frame this class.

        Returns:
            Whether this model saw it whole as well, and gives it another one.
        """
        whole = meeting is self._meeting and len(self._named) == len(meeting.encounter.frames)
        if whole and None not in self._named and index < len(to.encounters):
            to.encounters[index] += 1
            to.differing[index] += self._named[-1] != name
            return self._named[-1] != name
        return False
