"""A person's order to forget a device, and what became of such orders."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from consumers.erasure.steps import Progress
from schemas.erasures import ErasureBook
from schemas.facts import Fact
from schemas.records import Erasure


class State(StrEnum):
    """How far an erasure is."""

    REQUESTED = "REQUESTED"
    UNDER_WAY = "UNDER_WAY"
    DONE = "DONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One device's newest erasure.

    Attributes:
        until_us: Records stamped later are not covered, UTC microseconds.
        progress: What was done; None before anything was.
    """

    order: Erasure
    until_us: int
    progress: Progress | None

    @property
    def state(self) -> State:
        """How far it is."""
        if self.progress is None:
            return State.REQUESTED
        return State.UNDER_WAY if self.progress.completed_at is None else State.DONE


def order(device_id: str, *, by: str, reason: str, now_us: int) -> Erasure:
    """The record that everything obeys; its id tells nothing of the device.

    Args:
        device_id: The device.
        by: Who orders it.
        reason: Why, in the person's words.
        now_us: Now, UTC microseconds.
    """
    identity = hashlib.sha256(f"erasure\n{device_id}\n{now_us}".encode()).hexdigest()[:32]
    return Erasure(
        event_id=identity,
        source="live",
        device_id=device_id,
        requested_ts=now_us,
        by=by,
        reason=reason,
    )


def statuses(facts: Iterable[Fact], progress: Mapping[str, Progress]) -> list[Status]:
    """The newest erasure of each device, in log order.

    Args:
        facts: All of `erasures`.
        progress: What was done, by erasure id.
    """
    book = ErasureBook()
    orders: dict[str, Erasure] = {}
    for fact in facts:
        orders[book.observe(fact).erasure_id] = fact.record
    return [
        Status(
            order=orders[erased.erasure_id],
            until_us=erased.until_us,
            progress=progress.get(erased.erasure_id),
        )
        for erased in book.all()
    ]
