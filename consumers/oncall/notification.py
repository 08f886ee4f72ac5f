"""One notification: what one receiver is told at once, and why. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from consumers.oncall.steps import OPEN, Step
from schemas.records import Alert

# Alerts in one notification at most; what is told for the first time is always among them.
MAX_ALERTS: Final = 100


class Reason(StrEnum):
    """Why a receiver is told: the words of Alertmanager (notify/notify.go), and two of ours."""

    NONE = "none"  # nothing is sent: what came and went while it was held back is noted
    FIRST = "first notification"
    NEW_ALERTS = "new alerts added"
    SOME_RESOLVED = "some alerts resolved"
    ALL_RESOLVED = "all alerts resolved"
    REPEAT = "repeat interval elapsed"
    ACKNOWLEDGED = "acknowledged"
    REFRESH = "refresh"  # an Alertmanager forgets what is not said again


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupName:
    """What alerts that are told together have in common.

    Attributes:
        route: Alertmanager's key of the route: `{}`, pages `{}/{severity="page"}`.
        labels: The labels that are grouped by, in order of their names.
        shadow: The alerts are watched, not told.
    """

    route: str
    labels: tuple[tuple[str, str], ...]
    shadow: bool

    @property
    def key(self) -> str:
        """Alertmanager's group key, for example `{}:{alertname="X"}`."""
        inside = ", ".join(f"{name}={_quoted(value)}" for name, value in self.labels)
        return self.route + ":{" + inside + "}"

    @property
    def identity(self) -> str:
        """The key, told apart from that of the same alerts in earnest when they are shadows."""
        return f"{self.key} (shadow)" if self.shadow else self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one receiver is told at once.

    Attributes:
        alerts: All that fire, and those that this notification ends.
        news: The steps that this notification tells for the first time.
        firing: Whether anything that the receiver knows of goes on.
    """

    group: GroupName
    reason: Reason
    alerts: tuple[Alert, ...]
    news: tuple[Step, ...]
    firing: bool

    @property
    def sent(self) -> bool:
        """Whether the receiver hears of it."""
        return self.reason is not Reason.NONE and not self.group.shadow

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels that all alerts of the group share and are grouped by."""
        return dict(self.group.labels)

    @property
    def key(self) -> str:
        """Alertmanager's group key."""
        return self.group.key

    @property
    def notification_id(self) -> str:
        """Identity: the same news has the same id whoever sends it."""
        told = sorted((step.alert.fingerprint, step.alert.seq) for step in self.news)
        return hashlib.sha256(f"{self.key}\n{told}".encode()).hexdigest()[:32]


def ordered(news: Sequence[Step], others: Sequence[Alert]) -> tuple[Alert, ...]:
    """In Alertmanager's order; of more alerts than are shown, the news first."""
    told = sorted((step.alert for step in news), key=_by_labels)
    rest = sorted(others, key=_by_labels)
    if len(told) + len(rest) > MAX_ALERTS:
        return (*told, *rest)
    return tuple(sorted((*told, *rest), key=_by_labels))


def is_firing(alert: Alert) -> bool:
    """Whether a receiver is told that it fires."""
    return alert.state in OPEN


def _by_labels(alert: Alert) -> tuple[int, list[tuple[str, str]]]:
    """Fewer labels first, then by name and value (prometheus/common, LabelSet.Before)."""
    return len(alert.labels), sorted(alert.labels.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
