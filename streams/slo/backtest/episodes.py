"""Alerts of a replay as episodes, and whether one meets an incident."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.records import AlertState, Severity
from streams.slo.backtest.replay import Replayed
from streams.slo.backtest.rows import Incident

FLAP_WITHIN_US: Final = 3_600_000_000


@dataclass(slots=True)
class Episode:
    """An alert from firing to resolved.

    Attributes:
        reach_us: How long after an incident's end it may begin and still be about it: the short
            window of the severity's fastest tier.
        end_us: None: it still fires when the series ends.
    """

    slo: str
    labels: Mapping[str, str]
    severity: Severity
    start_us: int
    reach_us: int
    end_us: int | None = None

    def meets(self, incident: Incident) -> bool:
        """Whether it overlaps [start, end + reach] of an incident at its place."""
        here = at_place(self.labels, incident)
        begun = self.start_us <= incident.end_us + self.reach_us
        return here and begun and (self.end_us is None or self.end_us >= incident.start_us)


def at_place(labels: Mapping[str, str], incident: Incident) -> bool:
    """Whether a key is where an incident says; a label that the key has not says nothing."""
    return all(labels.get(name, value) == value for name, value in incident.labels.items())


def episodes(replayed: Replayed) -> list[Episode]:
    """Alerts of a replay in order of their begin; what never fired disturbed nobody."""
    slo = replayed.slo
    reach = {name: min(tier.short_us for tier in slo.tiers_of(name)) for name in slo.severities}
    running: dict[tuple[Severity, tuple[str, ...]], Episode] = {}
    found: list[Episode] = []
    for step in replayed.transitions:
        name = (step.severity, tuple(step.labels[label] for label in slo.group_by))
        if step.state is AlertState.RESOLVED and name in running:
            running.pop(name).end_us = step.at_us
        elif step.state is AlertState.FIRING and name not in running:
            made = Episode(slo.name, step.labels, step.severity, step.at_us, reach[step.severity])
            running[name] = made
            found.append(made)
    return found


def flaps(alerts: Sequence[Episode]) -> int:
    """How often an alert came back within an hour of its end."""
    last: dict[tuple[str, Severity, str], int] = {}
    count = 0
    for alert in sorted(alerts, key=lambda one: one.start_us):
        name = (alert.slo, alert.severity, str(sorted(alert.labels.items())))
        ended = last.get(name)
        count += ended is not None and alert.start_us - ended <= FLAP_WITHIN_US
        if alert.end_us is not None:
            last[name] = alert.end_us
    return count
