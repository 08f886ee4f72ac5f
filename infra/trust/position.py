"""How far the decisions were read that a Director's Targets were made of; stands in the Targets.

A Director that was cut off from the log, or stopped and woken, would otherwise sign again what the
log has taken back since: its versions are the next ones and its keys are good. Devices pass over
the field.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

from tuf.api.metadata import Targets

FIELD: Final = "x-fleetloop-position"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place on model-releases.

    Attributes:
        log: Identity of the topic.
        read_to: Offset after the last record that was read.
    """

    log: str
    read_to: int

    @classmethod
    def of(cls, targets: Targets) -> Self | None:
        """That of Targets; None: they say none."""
        match targets.unrecognized_fields.get(FIELD):
            case {"log": str(log), "read_to": int(read_to)}:
                return cls(log=log, read_to=read_to)
        return None

    def fields(self) -> dict[str, Any]:
        """As further fields of Targets."""
        return {FIELD: {"log": self.log, "read_to": self.read_to}}
