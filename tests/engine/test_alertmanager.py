"""A real Alertmanager as judge: pushes, fingerprints, webhook bodies, and when who is told."""

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
from consumers.oncall.holding import Holding
from consumers.oncall.posting import Post
from consumers.oncall.steps import Step
from consumers.oncall.webhook import body
from schemas.records import AlertState
from tests.alert_steps import HW3, SECOND_US, notification, step
from tests.alertmanager_peer import (
    Ours,
    Theirs,
    alertmanager,
    differing,
    needed,
    ours,
)
from tests.alertmanager_scripts import JOB_DOWN, LONG_S, SCRIPTS, Script
from tests.waiting import until
from tests.webhook_receiver import WebhookServer, webhook_server

pytestmark = pytest.mark.engine

GONE: Final = AlertState.RESOLVED


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
