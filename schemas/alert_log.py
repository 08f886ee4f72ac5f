"""The one reader of `alerts`: which records count, and what an alert's identity is."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from schemas.records import Alert, AlertState

FNV_OFFSET: Final = 14695981039346656037
FNV_PRIME: Final = 1099511628211
SEPARATOR: Final = b"\xff"
WATCHDOG_BEAT_US: Final = 5 * 60_000_000
"""How often a watch that lives writes a step of its Watchdog: some 115,000 in the 400 days that
every start reads."""
WATCHDOG_LASTS_US: Final = 7 * 60_000_000
"""How long a step counts as life: a beat, and two minutes in which a restart may delay the next."""
NAMESPACE: Final = UUID("a5f0f2b4-5f0e-5b0c-9d8a-3b0f6d1c7e21")


class Verdict(StrEnum):
    """Whether a record on the log moves the state of its alert."""

    VALID = "VALID"
    VOID = "VOID"


def fingerprint(labels: Mapping[str, str]) -> str:
    """Identity of an alert, 16 hex digits, equal to what Alertmanager computes.

    FNV-1a 64 over `name 0xFF value 0xFF` in order of the names (prometheus/common
    model/signature.go).
    """
    digest = FNV_OFFSET
    for name in sorted(labels):
        for byte in name.encode() + SEPARATOR + labels[name].encode() + SEPARATOR:
            digest = (digest ^ byte) * FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"


def alert_id(identity: str, starts_at: int) -> str:
    """Id of one episode: fingerprint and begin in UTC microseconds."""
    return str(uuid5(NAMESPACE, f"{identity}/{starts_at}"))


def event_id(identity: str, seq: int) -> str:
    """Id of one step: whoever writes it, the same step has the same id."""
    return str(uuid5(NAMESPACE, f"{identity}#{seq}"))


class AlertBook:
    """What holds for each alert: the first record with the next `seq` wins, others are void.

    The first record seen of a fingerprint counts with any `seq`: retention may have taken those
    before it, and nobody can write a later one without having read them.
    """

    def __init__(self) -> None:
        self._last: dict[str, Alert] = {}

    def observe(self, record: Alert) -> Verdict:
        """Take note of the next record in log order."""
        last = self._last.get(record.fingerprint)
        if last is not None and record.seq != last.seq + 1:
            return Verdict.VOID
        self._last[record.fingerprint] = record
        return Verdict.VALID

    def last(self, identity: str) -> Alert | None:
        """The step that holds now."""
        return self._last.get(identity)

    def next_seq(self, identity: str) -> int:
        """What a writer must put into `seq` for its record to count."""
        last = self._last.get(identity)
        return 0 if last is None else last.seq + 1

    def firing(self) -> Iterator[Alert]:
        """Alerts that fire now."""
        return (alert for alert in self._last.values() if alert.state is AlertState.FIRING)

    def open(self) -> Iterator[Alert]:
        """Alerts that have begun and are not resolved, told to somebody or not."""
        return (alert for alert in self._last.values() if alert.state is not AlertState.RESOLVED)

    def __iter__(self) -> Iterator[Alert]:
        return iter(self._last.values())
