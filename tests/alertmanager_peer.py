"""A real Alertmanager on loopback as judge, and one script that it and our core both play."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import pytest
import yaml

from consumers.oncall.alertmanager import PATH, pushed
from consumers.oncall.grouping import Groups
from consumers.oncall.holding import Holding, Inhibition
from consumers.oncall.webhook import body
from infra.stack.ports import free_port
from schemas import alert_log, moments
from schemas.alert_controls import matcher
from schemas.records import AlertControl, AlertState, ControlKind
from tests import factories
from tests.alert_steps import SECOND_US, plan, step
from tests.waiting import until
from tests.webhook_receiver import WebhookServer

PROGRAM: Final = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
SILENCES: Final = "/api/v2/silences"
PATIENCE_S: Final = 40.0

Labels = dict[str, str]
Told = tuple[tuple[tuple[tuple[str, str], ...], str], ...]


def needed() -> None:
    """Skip where there is no Alertmanager, but never in CI."""
    if PROGRAM is None:
        if os.environ.get("CI") == "true":
            raise RuntimeError("no Alertmanager: install Debian's prometheus-alertmanager")
        pytest.skip("no Alertmanager: install Debian's prometheus-alertmanager")


@contextmanager
def alertmanager(folder: Path, config: Mapping[str, Any]) -> Iterator[str]:
    """Address of an Alertmanager with this configuration, gone after the block."""
    assert PROGRAM is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "am.yaml").write_text(yaml.safe_dump(dict(config)))
    url = f"http://127.0.0.1:{free_port()}"
    with (folder / "am.log").open("wb") as said:
        process = subprocess.Popen(
            [
                PROGRAM,
                f"--config.file={folder}/am.yaml",
                f"--storage.path={folder}/data",
                f"--web.listen-address={url.removeprefix('http://')}",
                "--cluster.listen-address=",
            ],
            stdout=said,
            stderr=said,
        )
        try:
            until(lambda: _ready(url), f"Alertmanager: {folder}/am.log", PATIENCE_S)
            yield url
        finally:
            process.kill()
            process.wait()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").is_success
    except httpx.TransportError:
        return False


class Player(Protocol):
    """Who plays a script: alerts are pushed, silences set, and what is told is awaited."""

    @property
    def told(self) -> list[Told]:
        """What came so far."""

    def push(self, *firing: Labels, gone: Sequence[Labels] = ()) -> None:
        """Alerts that fire from now on, and some that end."""

    def silence(self, seconds: float, *matchers: str) -> None:
        """Silence from now on."""

    def unsilence(self) -> None:
        """End the last silence."""

    def wait(self, count: int) -> None:
        """Until so many different notifications came in a row; each may have been repeated."""

    def pause(self, seconds: float) -> None:
        """Let time pass."""


def differing(told: Sequence[Told]) -> list[Told]:
    """Notifications without those that repeat the one before."""
    return [one for place, one in enumerate(told) if place == 0 or one != told[place - 1]]


def told_of(notification: Mapping[str, Any]) -> Told:
    """Alerts of a webhook body: labels and status."""
    alerts = notification["alerts"]
    return tuple(sorted((tuple(sorted(one["labels"].items())), one["status"]) for one in alerts))


class Ours:
    """Our core with a clock of its own."""

    def __init__(self, groups: Groups, inhibitions: Sequence[Inhibition]) -> None:
        self._groups = groups
        self._holding = Holding(inhibitions)
        self._now_us = SECOND_US
        self._seqs: dict[str, int] = {}
        self._silence: AlertControl | None = None
        self._told: list[Told] = []

    @property
    def told(self) -> list[Told]:
        """What was told."""
        return self._told

    def push(self, *firing: Labels, gone: Sequence[Labels] = ()) -> None:
        for labels in firing:
            self._observe(labels, AlertState.FIRING)
        for labels in gone:
            self._observe(labels, AlertState.RESOLVED)

    def silence(self, seconds: float, *matchers: str) -> None:
        self._silence = factories.alert_control(
            kind=ControlKind.SILENCE,
            matchers=tuple(matcher(one) for one in matchers),
            start_ts=self._now_us,
            end_ts=self._now_us + int(seconds * SECOND_US),
        )
        self._holding.control(self._silence)

    def unsilence(self) -> None:
        assert self._silence is not None
        self._holding.control(
            factories.alert_control(start_ts=self._silence.start_ts, end_ts=self._now_us)
        )

    def wait(self, count: int) -> None:
        for _ in range(1_000):
            if len(differing(self.told)) >= count:
                return
            self.pause(0.1)
        raise AssertionError(f"{len(differing(self.told))} of {count} notifications: {self.told}")

    def pause(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self._now_us += SECOND_US // 10
            while (found := self._groups.due(self._holding, self._now_us)) is not None:
                self._groups.delivered(found, self._now_us)
                if found.sent:
                    self._told.append(told_of(body(found, "ours")))

    def _observe(self, labels: Labels, state: AlertState) -> None:
        fingerprint = alert_log.fingerprint(labels)
        seq = self._seqs[fingerprint] = self._seqs.get(fingerprint, -1) + 1
        one = step(labels, seq, state, stamp_us=self._now_us)
        self._holding.observe(one)
        self._groups.observe(one, self._now_us)


class Theirs:
    """A running Alertmanager that tells this webhook."""

    def __init__(self, url: str, hook: WebhookServer) -> None:
        self._url = url
        self._hook = hook
        self._started: dict[str, int] = {}
        self._silence = ""

    @property
    def told(self) -> list[Told]:
        """What the webhook took."""
        return [told_of(one) for one in list(self._hook.bodies)]

    def push(self, *firing: Labels, gone: Sequence[Labels] = ()) -> None:
        now_us = time.time_ns() // 1_000
        alerts = []
        for labels in firing:
            starts = self._started[str(labels)] = now_us
            alerts.append(pushed(step(labels, starts_at=starts, annotations={}).alert, now_us))
        for labels in gone:
            ended = step(
                labels,
                state=AlertState.RESOLVED,
                starts_at=self._started[str(labels)],
                ends_at=now_us,
                annotations={},
            )
            alerts.append(pushed(ended.alert, now_us))
        httpx.post(self._url + PATH, json=alerts).raise_for_status()

    def silence(self, seconds: float, *matchers: str) -> None:
        now_us = time.time_ns() // 1_000
        made = {
            "matchers": [
                {
                    "name": one.name,
                    "value": one.value,
                    "isRegex": one.op in {"=~", "!~"},
                    "isEqual": one.op in {"=", "=~"},
                }
                for one in map(matcher, matchers)
            ],
            "startsAt": moments.spell(now_us),
            "endsAt": moments.spell(now_us + int(seconds * SECOND_US)),
            "createdBy": "test",
            "comment": "test",
        }
        answer = httpx.post(self._url + SILENCES, json=made).raise_for_status()
        self._silence = answer.json()["silenceID"]

    def unsilence(self) -> None:
        httpx.delete(f"{self._url}/api/v2/silence/{self._silence}").raise_for_status()

    def wait(self, count: int) -> None:
        until(lambda: len(differing(self.told)) >= count, f"{count} told: {self.told}", PATIENCE_S)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


def ours(
    group_by: Sequence[str],
    inhibitions: Sequence[Inhibition],
    *,
    repeat_s: float,
    send_resolved: bool = True,
) -> Ours:
    """Our core with waits of one second."""
    groups = plan(
        *group_by,
        wait_us=SECOND_US,
        interval_us=SECOND_US,
        repeat_us=int(repeat_s * SECOND_US),
        send_resolved=send_resolved,
    )
    return Ours(groups, inhibitions)
