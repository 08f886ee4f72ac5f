"""A real Alertmanager as judge: pushes, fingerprints, webhook bodies, and when who is told.

The scripts restate Alertmanager's own acceptance tests (test/with_api_v2/acceptance: send_test,
inhibit_test, silence_test) so that each step waits for what the one before leads to: no script
depends on how fast this machine is. What they do not restate: TestMergeAlerts' merging of
overlapping pushes and the resolve_timeout (our alerts come from a log that says when they end),
TestRetry (see test_oncall_delivery) and TestReload (see test_oncall_notifier).
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from consumers.oncall.alertmanager import PATH, AlertmanagerReceiver
from consumers.oncall.delivery import ReceiverRefusedError
from consumers.oncall.grouping import PAGES, Groups, Routing, Timing, Told
from consumers.oncall.holding import Holding, Inhibition
from consumers.oncall.posting import Post
from consumers.oncall.steps import Step
from consumers.oncall.webhook import body
from schemas.alert_controls import matcher
from schemas.records import AlertState
from tests.alert_steps import HW3, SECOND_US, notification, step
from tests.alertmanager_peer import (
    Labels,
    Ours,
    Player,
    Theirs,
    alertmanager,
    differing,
    needed,
    ours,
)
from tests.waiting import until
from tests.webhook_receiver import WebhookServer, webhook_server

pytestmark = pytest.mark.engine

GONE: Final = AlertState.RESOLVED
LONG_S: Final = 3_600.0


class Script:
    """What happens, and the labels of its alerts: those of one scenario are told apart by it."""

    repeat_s = LONG_S
    send_resolved = True

    def alert(self, alertname: str, **labels: str) -> Labels:
        return {"alertname": alertname, "scenario": type(self).__name__, **labels}

    def play(self, player: Player) -> None:
        raise NotImplementedError


class Batching(Script):
    """TestBatching: alerts that come within the wait, then some more, are told together."""

    def play(self, player: Player) -> None:
        player.push(self.alert("test1"), self.alert("test5"))
        player.wait(1)
        player.push(self.alert("test2"), self.alert("test3"), self.alert("test4"))
        player.wait(2)
        player.pause(2.5)


class Repeat(Script):
    """TestRepeat: an alert is told again and again until it is resolved, and then no more."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        player.push(self.alert("test"))
        player.wait(1)
        player.pause(2.5)
        player.push(gone=[self.alert("test")])
        player.wait(2)
        player.pause(2.0)


class Resolved(Script):
    """TestResolved, with ends that are said: some are resolved, then the rest."""

    def play(self, player: Player) -> None:
        names = [self.alert("test", lbl=value) for value in ("v1", "v2", "v3")]
        player.push(*names)
        player.wait(1)
        player.push(gone=names[:1])
        player.wait(2)
        player.push(gone=names[1:])
        player.wait(3)
        player.pause(2.0)


class ResolvedFilter(Script):
    """TestResolvedFilter: a receiver that does not hear of ends hears of what still fires."""

    send_resolved = False

    def play(self, player: Player) -> None:
        names = [self.alert("test", lbl=value) for value in ("v1", "v2", "v3")]
        player.push(*names[:2])
        player.wait(1)
        player.push(names[2], gone=names[:1])
        player.wait(2)
        player.push(gone=names[1:2])
        player.pause(2.5)


class Again(Script):
    """The end of TestMergeAlerts: an alert that fires again after its end is told anew."""

    def play(self, player: Player) -> None:
        player.push(self.alert("test"))
        player.wait(1)
        player.push(gone=[self.alert("test")])
        player.wait(2)
        player.push(self.alert("test"))
        player.wait(3)


class Inhibiting(Script):
    """TestInhibiting: an inhibited alert is left out, and is told again once it is not."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        down = self.alert("JobDown", job="testjob", zone="aa")
        player.push(
            self.alert("test1", job="testjob", zone="aa"),
            self.alert("InstanceDown", job="testjob", zone="aa"),
            self.alert("InstanceDown", job="testjob", zone="ab"),
        )
        player.wait(1)
        player.push(down)
        player.wait(2)
        player.push(gone=[down])
        player.wait(4)


class AlwaysInhibiting(Script):
    """TestAlwaysInhibiting: source and target end together and are both in the last word."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        down = self.alert("JobDown", job="testjob", zone="aa")
        instance = self.alert("InstanceDown", job="testjob", zone="aa")
        player.push(down)
        player.wait(1)
        player.push(instance)
        player.pause(2.5)
        player.push(gone=[instance, down])
        player.wait(2)
        player.pause(2.0)


class Silencing(Script):
    """TestSilencing: what is silenced is left out until the silence is over."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        player.push(self.alert("test1"), self.alert("test2"))
        player.wait(1)
        player.silence(4.0, "alertname=test1", "scenario=Silencing")
        player.wait(3)


class SilenceDelete(Script):
    """TestSilenceDelete: while everything is silenced nothing is told, and then all of it."""

    repeat_s = 0.001

    def play(self, player: Player) -> None:
        player.silence(100.0, "scenario=~SilenceD.+")
        player.push(self.alert("test1"), self.alert("test2"))
        player.pause(3.0)
        assert player.told == []
        player.unsilence()
        player.wait(1)


class SilencedForAll(Script):
    """Every operator: not equal and not like a pattern hold back as Alertmanager reads them."""

    def play(self, player: Player) -> None:
        player.silence(100.0, "zone!~b.*", "scenario!=", "scenario=SilencedForAll")
        player.push(self.alert("test1", zone="aa"), self.alert("test2", zone="bb"))
        player.wait(1)
        player.pause(2.0)


SCRIPTS: Final[Sequence[type[Script]]] = (
    Batching,
    Repeat,
    Resolved,
    ResolvedFilter,
    Again,
    Inhibiting,
    AlwaysInhibiting,
    Silencing,
    SilenceDelete,
    SilencedForAll,
)
JOB_DOWN: Final = Inhibition(
    source=(matcher("alertname=JobDown"),),
    target=(matcher("alertname=InstanceDown"),),
    equal=("job", "zone", "scenario"),
)


@dataclass
class Played:
    """One script as the judge played it."""

    script: Script
    player: Theirs
    error: BaseException | None = None

    def play(self) -> None:
        try:
            self.script.play(self.player)
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            self.error = error


def config(hooks: dict[str, WebhookServer]) -> dict[str, Any]:
    """One route and one webhook for each script; silences of one mean its own alerts alone."""
    return {
        "route": {
            "receiver": "nobody",
            "routes": [
                {
                    "matchers": [f'scenario="{script.__name__}"'],
                    "receiver": script.__name__,
                    "group_by": ["scenario"],
                    "group_wait": "1s",
                    "group_interval": "1s",
                    "repeat_interval": f"{int(script.repeat_s * 1_000)}ms",
                }
                for script in SCRIPTS
            ],
        },
        "receivers": [
            {"name": "nobody"},
            *(
                {
                    "name": script.__name__,
                    "webhook_configs": [
                        {"url": hooks[script.__name__].url, "send_resolved": script.send_resolved}
                    ],
                }
                for script in SCRIPTS
            ),
        ],
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="JobDown"'],
                "target_matchers": ['alertname="InstanceDown"'],
                "equal": ["job", "zone", "scenario"],
            }
        ],
    }


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Played]]:
    """Every script as Alertmanager played it, all at the same time."""
    needed()
    with ExitStack() as stack:
        hooks = {one.__name__: stack.enter_context(webhook_server()) for one in SCRIPTS}
        url = stack.enter_context(alertmanager(tmp_path_factory.mktemp("am"), config(hooks)))
        played = {one.__name__: Played(one(), Theirs(url, hooks[one.__name__])) for one in SCRIPTS}
        threads = [threading.Thread(target=one.play) for one in played.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield played


@pytest.mark.parametrize("script", SCRIPTS)
def test_alertmanager_and_our_core_tell_the_same(
    judged: dict[str, Played], script: type[Script]
) -> None:
    theirs = judged[script.__name__]
    if theirs.error is not None:
        raise theirs.error
    mine: Ours = ours(
        ("scenario",), [JOB_DOWN], repeat_s=script.repeat_s, send_resolved=script.send_resolved
    )
    script().play(mine)
    assert differing(mine.told) == differing(theirs.player.told)
    repeats = [len(told) > len(differing(told)) for told in (mine.told, theirs.player.told)]
    assert repeats[0] == repeats[1] or script.repeat_s < LONG_S


def test_it_takes_our_pushes_computes_our_fingerprints_and_refuses_as_we_expect(
    tmp_path: Path,
) -> None:
    needed()
    route = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    told = [
        step(
            HW3 | {"severity": "page", "note": 'quo"te \\ and\nline ü'},
            annotations={"summary": "s"},
        ),
        step(HW3 | {"severity": "ticket", "empty": ""}, annotations={}),
    ]
    now_us = time.time_ns() // 1_000
    steps = [Step(alert=_at(one, now_us), partition=0, offset=0, stamp_us=0) for one in told]
    with alertmanager(tmp_path, route) as url:
        receiver = AlertmanagerReceiver("am", Post(url + PATH, 10.0), lambda: now_us)
        assert receiver.send(notification(*steps)) == "answered 200"
        found = {one["fingerprint"]: one for one in httpx.get(url + PATH).json()}
        labels = [{n: v for n, v in one.alert.labels.items() if v} for one in steps]
        assert sorted(str(one["labels"]) for one in found.values()) == sorted(
            str(dict(sorted(one.items()))) for one in labels
        )
        assert steps[0].alert.fingerprint in found
        bad = Step(
            alert=_at(step({"alertname": "A", "no-name": "x"}), now_us),
            partition=0,
            offset=0,
            stamp_us=0,
        )
        with pytest.raises(ReceiverRefusedError, match=r"answered 400.*no-name"):
            receiver.send(notification(bad, steps[0]))
        receiver.close()


def _at(one: Step, now_us: int) -> Any:
    return replace(one.alert, starts_at=now_us)


def test_the_webhook_body_that_it_sends_for_our_alerts_is_ours_field_by_field(
    tmp_path: Path,
) -> None:
    """Ours has notification_reason, as Alertmanager since 0.32; its externalURL is its address."""
    needed()
    group_by = ["alertname", "slo", "region"]
    timing = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
    with webhook_server() as hook:
        told = {
            "route": {
                "receiver": "hook",
                "group_by": group_by,
                **timing,
                "routes": [{"matchers": ['severity="page"'], "receiver": "hook", **timing}],
            },
            "receivers": [{"name": "hook", "webhook_configs": [{"url": hook.url}]}],
        }
        with alertmanager(tmp_path, told) as url:
            mine = _bodies(url, hook, group_by)
    assert len(hook.bodies) == len(mine) == 4
    for theirs, our in zip(_by_key(hook.bodies), _by_key(mine), strict=True):
        assert our.pop("notification_reason") in {"first notification", "all alerts resolved"}
        assert theirs.pop("externalURL").startswith("http://")
        assert our.pop("externalURL") == ""
        assert our == theirs


def _by_key(bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(bodies, key=lambda one: (one["groupKey"], one["status"]))


def _bodies(url: str, hook: WebhookServer, group_by: Sequence[str]) -> list[dict[str, Any]]:
    """Push a page and two tickets, then their ends; what we would have sent meanwhile."""
    now_us = time.time_ns() // 1_000
    receiver = AlertmanagerReceiver("am", Post(url + PATH, 10.0), lambda: time.time_ns() // 1_000)
    timing = Timing(wait_us=0, interval_us=0, repeat_us=10**15)
    routing = Routing(group_by=tuple(group_by), page=timing, ticket=timing, watchdog=timing)
    groups = Groups(routing, Told({}, {}), send_resolved=True, acknowledges=False)
    texts = {"summary": 'slow "indeed" \\ ü', "runbook_url": "docs/runbooks/LatencySLOBurn.md"}
    page = HW3 | {"severity": "page", "region": 'e"u\\1'}
    ticket = HW3 | {"severity": "ticket"}
    keys = [
        (page, texts),
        (ticket, texts),
        (ticket | {"release_id": "r4"}, texts | {"summary": "x"}),
    ]
    mine: list[dict[str, Any]] = []
    for seq, state in ((0, AlertState.FIRING), (1, GONE)):
        steps = [
            step(
                labels,
                seq,
                state,
                annotations=notes,
                starts_at=now_us,
                ends_at=None if seq == 0 else now_us + SECOND_US,
            )
            for labels, notes in keys
        ]
        if state is GONE:
            until(lambda: time.time_ns() // 1_000 > now_us + SECOND_US, "the end is over")
        receiver.send(notification(*steps))
        for one in steps:
            groups.observe(one, seq)
        while (found := groups.due(Holding(()), seq)) is not None:
            groups.delivered(found, seq)
            mine.append(body(found, "hook"))
        until(lambda: len(hook.bodies) >= len(mine), f"{len(mine)} bodies", 40.0)
    receiver.close()
    assert {one["groupKey"].startswith(PAGES) for one in mine} == {True, False}
    return mine
