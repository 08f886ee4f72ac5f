"""Where each alert of the watch stands, and the steps that may not be on the log yet."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from schemas.records import AlertKind, AlertState, Severity
from streams.watch.phases import Change, Phase
from streams.watch.signals import Found, Labels, as_found, as_labels

MAX_STEPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Name:
    """Which alert: its identity is made of all three."""

    alertname: str
    severity: Severity
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of state. Times in UTC microseconds of ingest time.

    Attributes:
        at_us: The moment that decided. starts_us: When the condition became true.
    """

    name: Name
    kind: AlertKind
    state: AlertState
    at_us: int
    starts_us: int
    found: Found


@dataclass(slots=True)
class Episode:
    """Phase of one alert, and what was found last."""

    kind: AlertKind
    phase: Phase
    found: Found


class Episodes:
    """All alerts of the watch.

    Attributes:
        steps: Changes, the oldest first; beyond 10,000 the oldest are lost, and what then holds
            is told by the comparison with the log.
    """

    def __init__(self) -> None:
        self._held: dict[Name, Episode] = {}
        self.steps: deque[Step] = deque(maxlen=MAX_STEPS)

    def __iter__(self) -> Iterator[Step]:
        """What holds of each alert now, as a step to it."""
        for name, held in self._held.items():
            yield self._step(name, held, starts_us=held.phase.since_us or held.phase.at_us)

    def names(self, alertname: str, severity: Severity) -> list[Name]:
        """Those of one rule."""
        return [
            name for name in self._held if (name.alertname, name.severity) == (alertname, severity)
        ]

    def judge(
        self,
        name: Name,
        kind: AlertKind,
        at_us: int,
        found: Found,
        *,
        holds: bool,
        for_us: int = 0,
        gap_us: int = 1 << 62,
    ) -> None:
        """Judge one alert at a moment; what never was true leaves no trace."""
        held = self._held.get(name)
        if held is None:
            if not holds:
                return
            held = self._held[name] = Episode(kind, Phase(), found)
        began = held.phase.since_us
        change = held.phase.step(at_us, holds=holds, for_us=for_us, gap_us=gap_us)
        held.found = found
        if change is Change.FIRED:
            self.steps.append(self._step(name, held, starts_us=held.phase.since_us or at_us))
        elif change is Change.ENDED:
            self.steps.append(self._step(name, held, starts_us=began or at_us))

    def forget_before(self, at_us: int) -> None:
        """Drop the steps of earlier moments."""
        kept = [step for step in self.steps if step.at_us >= at_us]
        self.steps.clear()
        self.steps.extend(kept)

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "held": [
                [_plain(name), held.kind, asdict(held.phase), asdict(held.found)]
                for name, held in self._held.items()
            ],
            "steps": [
                [
                    *(_plain(step.name), step.kind, step.state),
                    *(step.at_us, step.starts_us, asdict(step.found)),
                ]
                for step in self.steps
            ],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the values of `state()`."""
        for name, kind, phase, found in state["held"]:
            self._held[_name(name)] = Episode(AlertKind(kind), Phase(**phase), as_found(found))
        for name, kind, reached, at_us, starts_us, found in state["steps"]:
            self.steps.append(
                Step(
                    name=_name(name),
                    kind=AlertKind(kind),
                    state=AlertState(reached),
                    at_us=at_us,
                    starts_us=starts_us,
                    found=as_found(found),
                )
            )

    @staticmethod
    def _step(name: Name, held: Episode, starts_us: int) -> Step:
        return Step(
            name=name,
            kind=held.kind,
            state=AlertState.FIRING if held.phase.firing else AlertState.RESOLVED,
            at_us=held.phase.at_us,
            starts_us=starts_us,
            found=held.found,
        )


def _plain(name: Name) -> list[Any]:
    return [name.alertname, name.severity, name.labels]


def _name(plain: Any) -> Name:
    return Name(plain[0], Severity(plain[1]), as_labels(plain[2]))
