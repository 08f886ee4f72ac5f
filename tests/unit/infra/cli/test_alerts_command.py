"""`fleetloop alerts`: what it shows, what it writes, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

from consumers.oncall.delivery import Answer
from consumers.oncall.holding import Holding
from consumers.oncall.outbox import Outbox, Outcome
from consumers.oncall.steps import Step
from infra.cli import alert_desk
from infra.cli.output import Exit
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas import alert_log
from schemas.facts import Fact
from schemas.records import AlertControl, AlertState, ControlKind
from schemas.topics import ALERT_CONTROLS, ALERTS
from tests.alert_steps import HW3, plan, step
from tests.command_line import fleetloop
from tests.webhook_receiver import webhook_server

PAGE = HW3 | {"severity": "page"}
TICKET = HW3 | {"severity": "ticket"}
GONE = AlertState.RESOLVED
WHO = ("--by", "alice", "--comment", "known")


class Log:
    """Both topics in memory, instead of a broker."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.later: list[Fact] = []

    def alert(self, one: Step) -> str:
        """Write a step; its fingerprint."""
        self.facts.append(self.fact(one))
        return one.alert.fingerprint

    def fact(self, one: Step) -> Fact:
        return Fact(
            topic=ALERTS.name, partition=0, offset=0, stamp_us=one.stamp_us, record=one.alert
        )

    def write(self, settings: Settings, controls: list[AlertControl]) -> None:
        assert settings == Settings()
        self.facts += [
            Fact(topic=ALERT_CONTROLS.name, partition=0, offset=0, stamp_us=0, record=control)
            for control in controls
        ]

    def follower(self, settings: Settings) -> "Log":
        assert settings == Settings()
        return self

    def catch_up(self) -> list[Fact]:
        return self.facts

    def poll(self, timeout_s: float) -> list[Fact]:
        assert timeout_s < 1
        return [self.later.pop(0)] if self.later else []

    def close(self) -> None:
        """Nothing to give back."""

    @property
    def controls(self) -> list[AlertControl]:
        return [fact.record for fact in self.facts if isinstance(fact.record, AlertControl)]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Log:
    made = Log()
    monkeypatch.setattr(alert_desk, "follower", made.follower)
    monkeypatch.setattr(alert_desk, "write", made.write)
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", f"file://{tmp_path}/objects")
    return made


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == Exit.OK, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def episode(labels: dict[str, str], seq: int = 0, **over: Any) -> Step:
    fingerprint = alert_log.fingerprint(labels)
    return step(labels, seq, alert_id=alert_log.alert_id(fingerprint, 0), **over)


def test_the_list_says_what_holds_an_alert_back(log: Log) -> None:
    page = log.alert(episode(PAGE))
    log.alert(episode(TICKET))
    log.alert(episode(HW3 | {"hardware": "HW4", "region": "EU"}))
    log.alert(episode(HW3 | {"hardware": "HW4", "region": "EU"}, 1, state=GONE, resolved_at=5))
    shown = rows(fleetloop("alerts", "list", "-o", "json"))
    assert {row["severity"]: row["held_back"] for row in shown if row["state"] == "FIRING"} == {
        "PAGE": None,
        "TICKET": f"inhibited by {page}",
    }
    assert [row["region"] for row in shown if row["state"] == "RESOLVED"] == ["EU"]
    assert len(shown) == 3
    assert len(rows(fleetloop("alerts", "list", "--firing", "-o", "json"))) == 2


def test_one_alert_in_full_with_what_each_receiver_was_told(log: Log, tmp_path: Path) -> None:
    identity = log.alert(episode(PAGE))
    groups = plan("slo")
    groups.observe(episode(PAGE), 0)
    told = groups.due(Holding(()), 0)
    assert told is not None
    outbox = Outbox(ObjectStore(f"file://{tmp_path}/objects"), "pager", "t")
    outbox.record(told, Answer(3), Outcome.DELIVERED, 1_000_000)
    shown = {
        row["what"]: row["value"]
        for row in rows(fleetloop("alerts", "get", identity, "-o", "json"))
    }
    assert shown["told pager"] == (
        "1970-01-01T00:00:01Z firing, first notification, DELIVERED, 3 attempts"
    )
    assert shown["label hardware"] == "HW3"
    assert fleetloop("alerts", "get", "none").exit_code == Exit.CONDITION_NOT_MET


def test_an_alert_is_taken_and_given_back(log: Log) -> None:
    identity = log.alert(episode(PAGE, stamp_us=5))
    assert fleetloop("alerts", "ack", identity, *WHO).exit_code == Exit.OK
    (control,) = log.controls
    assert (control.kind, control.by, control.comment) == (
        ControlKind.ACKNOWLEDGEMENT,
        "alice",
        "known",
    )
    (row,) = rows(fleetloop("alerts", "list", "-o", "json"))
    assert row["acked_by"] == "alice"
    assert fleetloop("alerts", "ack", identity, "--undo", *WHO).exit_code == Exit.OK
    (row,) = rows(fleetloop("alerts", "list", "-o", "json"))
    assert row["acked_by"] is None
    assert fleetloop("alerts", "ack", identity, "--undo", *WHO).exit_code == Exit.CONDITION_NOT_MET


def test_what_is_over_or_unknown_cannot_be_taken_and_nobody_takes_it_unnamed(log: Log) -> None:
    identity = log.alert(episode(PAGE))
    assert fleetloop("alerts", "ack", identity, "--by", "alice").exit_code == Exit.USAGE
    log.alert(episode(PAGE, 1, state=GONE))
    for name in (identity, "none"):
        assert fleetloop("alerts", "ack", name, *WHO).exit_code == Exit.CONDITION_NOT_MET
    assert log.controls == []


def test_a_silence_is_made_listed_and_ended(log: Log) -> None:
    log.alert(episode(PAGE))
    made = fleetloop("alerts", "silence", "add", "hardware=HW3", "--for", "2h", *WHO)
    assert made.exit_code == Exit.OK
    assert "1 alerts that are open now" in made.stderr
    (row,) = rows(fleetloop("alerts", "silence", "list", "-o", "json"))
    assert row["id"] == made.stdout.strip()
    assert (row["state"], row["matchers"], row["open_alerts"]) == ("active", 'hardware="HW3"', 1)
    (alert,) = rows(fleetloop("alerts", "list", "-o", "json"))
    assert alert["held_back"] == f"silenced by {row['id']}"
    assert fleetloop("alerts", "silence", "expire", row["id"], *WHO).exit_code == Exit.OK
    assert rows(fleetloop("alerts", "silence", "list", "-o", "json")) == []
    (over,) = rows(fleetloop("alerts", "silence", "list", "--expired", "-o", "json"))
    assert over["state"] == "expired"
    gone = fleetloop("alerts", "silence", "expire", row["id"], *WHO)
    assert gone.exit_code == Exit.CONDITION_NOT_MET


def test_a_silence_of_tomorrow_is_pending_and_may_be_taken_back(log: Log) -> None:
    words = ("alerts", "silence", "add", "a=b", "--from", "2999-01-01T00:00:00Z", *WHO)
    identity = fleetloop(*words).stdout.strip()
    (row,) = rows(fleetloop("alerts", "silence", "list", "-o", "json"))
    assert (row["state"], row["start"]) == ("pending", "2999-01-01T00:00:00Z")
    fleetloop("alerts", "silence", "expire", identity, *WHO)
    assert rows(fleetloop("alerts", "silence", "list", "-o", "json")) == []
    assert len(log.controls) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["hardware"],
        ["hardware=~("],
        ["hardware=~.*"],
        ["hardware=HW3", "--for", "soon"],
        ["hardware=HW3", "--from", "soon"],
        [],
    ],
)
def test_a_silence_that_means_nothing_is_not_written(log: Log, words: list[str]) -> None:
    assert fleetloop("alerts", "silence", "add", *words, *WHO).exit_code == Exit.USAGE
    assert log.controls == []


def test_watching_an_alert_ends_when_it_is_resolved(log: Log) -> None:
    identity = log.alert(episode(PAGE))
    log.later = [
        log.fact(episode(TICKET)),
        log.fact(episode(PAGE, 1, state=AlertState.STALE)),
        log.fact(episode(PAGE, 2, state=GONE)),
    ]
    done = fleetloop("alerts", "watch", identity, "-o", "json")
    assert done.exit_code == Exit.OK
    states = [json.loads(line)["state"] for line in done.stdout.splitlines()]
    assert states == ["FIRING", "STALE", "RESOLVED"]


def test_watching_is_given_up_in_time(log: Log) -> None:
    identity = log.alert(episode(PAGE))
    assert fleetloop("alerts", "watch", identity, "--timeout", "0").exit_code == Exit.TIMED_OUT
    every = fleetloop("alerts", "watch", "--timeout", "0.01")
    assert every.exit_code == Exit.OK
    assert "FIRING" in every.stdout


@pytest.mark.parametrize(
    ("answers", "taken", "code"),
    [
        ([], [True, True, True, True], Exit.OK),
        ([200, 500], [True, True, True, False], Exit.UNREACHABLE),
        ([400], [True, True, False], Exit.CONDITION_NOT_MET),
    ],
)
def test_every_receiver_is_asked_whether_it_hears(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    answers: list[int],
    taken: list[bool],
    code: Exit,
) -> None:
    with webhook_server(answers) as server:
        told = {
            "receivers": [
                {"name": "record", "kind": "file", "path": str(tmp_path / "told.jsonl")},
                {"name": "hook", "kind": "webhook", "url": server.url},
            ]
        }
        (tmp_path / "oncall.yaml").write_text(yaml.safe_dump(told))
        monkeypatch.setenv("FLEETLOOP_ONCALL_FILE", str(tmp_path / "oncall.yaml"))
        done = fleetloop("alerts", "test", "-o", "json")
    assert done.exit_code == code
    shown = json.loads(done.stdout)
    assert [row["taken"] for row in shown] == taken
    assert [body["status"] for body in server.bodies] == ["firing", "resolved"][: len(taken) - 2]
    assert server.bodies[0]["alerts"][0]["labels"]["test"] == "true"
    lines = (tmp_path / "told.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["firing", "resolved"]
