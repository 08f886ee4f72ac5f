"""`fleetloop drift status` and `campaigns create --from-alert` on a log in memory."""

import json
from typing import Any

import pytest

from infra.cli import campaigns, drift, log
from infra.cli.output import Exit
from producers.campaigns.predicate import parse
from schemas.facts import Fact
from schemas.records import CollectionCampaign, Lifecycle
from schemas.topics import (
    ALERTS,
    DEVICES,
    DRIFT_PARTIALS,
    MODEL_RELEASES,
    TopicSpec,
)
from tests import factories
from tests.command_line import fleetloop
from tests.drift_log import KEYRING, UNSURE, DriftLoop, proposed


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> DriftLoop:
    """City drifts, the coast does not, an older release has no reference; as commands see it."""
    made = DriftLoop()
    made.decide(proposed())
    made.decide(proposed("release-0", counter=2, metrics={}))
    for _ in range(10):
        made.minute(confidence=UNSURE)
        made.minute(region="coast")
        made.minute(release_id="release-0")
    device = factories.device(lifecycle=Lifecycle.ACTIVE, consent_pictures=True)

    def read(_: object, topic: TopicSpec) -> list[Fact]:
        if topic in (ALERTS, MODEL_RELEASES):
            return [fact for fact in made.facts if fact.topic == topic.name]
        held: dict[str, list[tuple[int, Any, int]]] = {
            DRIFT_PARTIALS.name: [
                (at, record, stamp)
                for at in (0, 1)
                for record, stamp in made.logs[DRIFT_PARTIALS.name, at]
            ],
            DEVICES.name: [(0, device, made.now_us)],
        }
        return [
            Fact(topic=topic.name, partition=at, offset=offset, stamp_us=stamp, record=record)
            for offset, (at, record, stamp) in enumerate(held.get(topic.name, ()))
        ]

    for module in (campaigns, drift, log):
        monkeypatch.setattr(module, "read_whole", read)
    monkeypatch.setattr(log, "load_keyring", lambda _: KEYRING)
    return made


def answer(*words: str) -> list[dict[str, Any]]:
    result = fleetloop("drift", "status", *words, "-o", "json")
    assert result.exit_code == Exit.OK, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


@pytest.mark.usefixtures("loop")
def test_status_tells_every_place_and_why() -> None:
    rows = {(row["release_id"], row["region"]): row for row in answer()}
    assert {name: row["standing"] for name, row in rows.items()} == {
        ("release-0", "city"): "NOT_COMPARED",
        ("release-1", "city"): "DRIFTED",
        ("release-1", "coast"): "AS_VALIDATED",
    }
    drifted = rows["release-1", "city"]
    assert drifted["since"].endswith("Z")
    assert "more than validation allows" in drifted["why"]
    assert rows["release-1", "coast"]["encounters"] >= 900
    assert "within what validation allows" in rows["release-1", "coast"]["why"]
    assert "no reference" in rows["release-0", "city"]["why"]
    assert len(answer("--release", "release-1")) == 2


@pytest.mark.usefixtures("loop")
def test_a_release_that_was_never_counted_is_named() -> None:
    result = fleetloop("drift", "status", "--release", "release-9")
    assert result.exit_code == Exit.CONDITION_NOT_MET
    assert "there are: release-0, release-1" in result.stderr


def test_an_empty_log_says_what_is_missing(
    loop: DriftLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "read_whole", lambda *_: [])
    result = fleetloop("drift", "status")
    assert (loop.told() != [], result.exit_code) == (True, Exit.CONDITION_NOT_MET)
    assert "worker run drift" in result.stderr


def test_a_person_turns_the_alert_into_a_campaign(
    loop: DriftLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[CollectionCampaign] = []
    monkeypatch.setattr(campaigns, "_publish", lambda _s, record, _n: made.append(record))
    words = ("campaigns", "create", "drifted", "--quota", "10", "--for", "7d", "--from-alert")
    result = fleetloop(*words, loop.alerts[0].fingerprint)
    assert result.exit_code == Exit.OK, result.stderr
    assert made[0].predicate == loop.alerts[0].annotations["campaign"]
    parse(made[0].predicate)
    missing = fleetloop(*words, "no-such-alert")
    assert missing.exit_code == Exit.CONDITION_NOT_MET
    assert "no alert no-such-alert" in missing.stderr


@pytest.mark.usefixtures("loop")
def test_a_campaign_has_one_condition() -> None:
    words = ("campaigns", "create", "both", "--quota", "10", "--for", "7d")
    assert fleetloop(*words).exit_code == Exit.USAGE
    assert fleetloop(*words, "--when", "flips > 1", "--from-alert", "x").exit_code == Exit.USAGE
