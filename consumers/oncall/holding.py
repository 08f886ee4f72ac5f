"""What is held back and what was acknowledged: inhibition, silences, acknowledgements. Pure."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from consumers.oncall.steps import Step
from schemas.alert_controls import ControlBook, matches
from schemas.alert_log import WATCHDOG_LASTS_US
from schemas.records import Alert, AlertControl, AlertKind, AlertState, ControlKind, Matcher

log = logging.getLogger("fleetloop.oncall")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition:
    """While a source holds, targets with the same labels are not told.

    Attributes:
        equal: Labels that must be equal in both, a missing one being ""; None: all that neither
            side's matchers name.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] | None = None

    def shared(self, labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """The part of the labels that source and target must share."""
        if self.equal is not None:
            return tuple((name, labels.get(name, "")) for name in self.equal)
        named = {one.name for one in (*self.source, *self.target)}
        return tuple(sorted(item for item in labels.items() if item[0] not in named))


class Holding:
    """Decides at the moment of telling; every receiver asks the same one.

    Attributes:
        controls: Silences and acknowledgements.
        controls_seen: How many controls have come.
    """

    def __init__(self, inhibitions: Sequence[Inhibition]) -> None:
        self._rules = tuple(inhibitions)
        self._sources: tuple[dict[tuple[tuple[str, str], ...], dict[str, Alert]], ...] = tuple(
            {} for _ in self._rules
        )
        self._since: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self.controls = ControlBook()
        self.controls_seen = 0

    def control(self, record: AlertControl) -> None:
        """Take the next silence or acknowledgement; one that can never be used is left out."""
        self.controls.observe(record)
        self.controls_seen += 1
        if (problem := self.controls.refused.get(record.control_id)) is not None:
            log.warning("control %s is not used: %s", record.control_id, problem)

    def observe(self, step: Step) -> None:
        """Take the next valid step of any alert."""
        alert = step.alert
        self._last[alert.fingerprint] = step.stamp_us
        if step.open:
            self._since.setdefault(alert.fingerprint, step.stamp_us)
        else:
            self._since.pop(alert.fingerprint, None)
        for rule, sources in zip(self._rules, self._sources, strict=True):
            if not matches(rule.source, alert.labels):
                continue
            held = sources.setdefault(rule.shared(alert.labels), {})
            if step.open:
                held[alert.fingerprint] = alert
            else:
                held.pop(alert.fingerprint, None)

    def why(self, alert: Alert, now_us: int) -> tuple[str, ...]:
        """By what an alert is held back; nothing: it may be told."""
        found = [f"inhibited by {fingerprint}" for fingerprint in self._inhibiting(alert)]
        found += [f"silenced by {one.control_id}" for one in self._silencing(alert, now_us)]
        if alert.state is AlertState.SUPPRESSED:
            found.append("suppressed by the engine")
        if self.dead(alert, now_us):
            found.append("its watch no longer beats")
        return tuple(found)

    def dead(self, alert: Alert, now_us: int) -> bool:
        """Whether it is a watchdog whose watch has stopped: its silence is the alarm."""
        if alert.kind is not AlertKind.WATCHDOG:
            return False
        return now_us - self._last.get(alert.fingerprint, 0) > WATCHDOG_LASTS_US

    def acknowledged(self, alert: Alert, now_us: int) -> AlertControl | None:
        """The acknowledgement of the open episode; one of an earlier episode does not count."""
        since = self._since.get(alert.fingerprint)
        found = (
            one
            for one in self.controls.active(ControlKind.ACKNOWLEDGEMENT, now_us)
            if since is not None and since <= one.start_ts and matches(one.matchers, alert.labels)
        )
        return next(found, None)

    def _silencing(self, alert: Alert, now_us: int) -> Iterator[AlertControl]:
        for one in self.controls.active(ControlKind.SILENCE, now_us):
            if matches(one.matchers, alert.labels):
                yield one

    def _inhibiting(self, alert: Alert) -> Iterator[str]:
        for rule, sources in zip(self._rules, self._sources, strict=True):
            if not matches(rule.target, alert.labels):
                continue
            both = matches(rule.source, alert.labels)
            for fingerprint, source in sources.get(rule.shared(alert.labels), {}).items():
                if source.shadow and not alert.shadow:
                    continue  # what is only watched silences nobody
                # As Alertmanager: two alerts that are both source and target hide nothing.
                if fingerprint != alert.fingerprint and not (
                    both and matches(rule.target, source.labels)
                ):
                    yield fingerprint
