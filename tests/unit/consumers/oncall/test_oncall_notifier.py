"""The notifier on a log in memory: each page once, whatever is killed and whoever is silent."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.oncall import webhook
from consumers.oncall.delivery import Receiver, ReceiverBusyError, ReceiverRefusedError
from consumers.oncall.holding import Holding
from consumers.oncall.lane import Lane
from consumers.oncall.notification import Notification
from consumers.oncall.notifier import Notifier
from consumers.oncall.outbox import Outbox, OutboxError, Outcome, deliveries
from infra.objects import ObjectStore
from schemas import alert_log
from schemas.facts import Fact
from schemas.records import AlertState, DeadLetter, Matcher
from schemas.topics import ALERT_CONTROLS, ALERTS
from tests import factories
from tests.alert_steps import plan

LABELS = {"alertname": "LatencySLOBurn", "slo": "s", "release_id": "r3", "hardware": "HW3"}
FINGERPRINT = alert_log.fingerprint(LABELS)


class _Log:
    """The alerts topic; several notifiers may read it."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def write(self, seq: int, state: AlertState, **over: Any) -> None:
        fields = {"fingerprint": FINGERPRINT, "labels": LABELS, "seq": seq, "state": state}
        record = factories.alert(**(fields | over))
        self.facts.append(
            Fact(
                topic=ALERTS.name,
                partition=0,
                offset=len(self.facts),
                stamp_us=len(self.facts),
                record=record,
            )
        )

    def control(self, **over: Any) -> None:
        """Silence the alert."""
        matchers = (Matcher(name="hardware", op="=", value="HW3"),)
        self.facts.append(
            Fact(
                topic=ALERT_CONTROLS.name,
                partition=0,
                offset=0,
                stamp_us=0,
                record=factories.alert_control(matchers=matchers, **over),
            )
        )


class _Following:
    def __init__(self, log: _Log) -> None:
        self._log = log
        self._read = 0

    def catch_up(self, timeout_s: float = 1.0) -> list[Fact]:
        return self.poll(timeout_s)

    def poll(self, timeout_s: float = 0.0) -> list[Fact]:
        assert timeout_s >= 0
        facts, self._read = self._log.facts[self._read :], len(self._log.facts)
        return facts


class _Pager:
    """Takes notifications; raises what `answers` holds first."""

    def __init__(self, name: str = "pager") -> None:
        self.name = name
        self.answers: list[Exception] = []
        self.told: list[tuple[str, list[str]]] = []
        self.free = threading.Event()
        self.free.set()

    def send(self, notification: Notification) -> str:
        self.free.wait(10)
        if self.answers:
            raise self.answers.pop(0)
        body = webhook.body(notification, self.name)
        self.told.append((body["status"], [alert["status"] for alert in body["alerts"]]))
        return "taken"

    def close(self) -> None:
        """Nothing to give back."""


class _Process:
    """One life of the notifier."""

    def __init__(
        self,
        log: _Log,
        objects: ObjectStore,
        *receivers: Receiver,
        topic_id: str = "t",
        adopt: bool = False,
    ) -> None:
        self.stop = threading.Event()
        self.letters: list[DeadLetter] = []
        self.lanes = [
            self._lane(receiver, Outbox(objects, receiver.name, topic_id, adopt_new_topic=adopt))
            for receiver in receivers
        ]
        self.now_us = 0
        self.notifier = Notifier(_Following(log), Holding(()), self.lanes, lambda: self.now_us)
        self.notifier.start()

    def _lane(self, receiver: Receiver, outbox: Outbox) -> Lane:
        return Lane(
            receiver,
            plan("slo", told=outbox.told),
            outbox,
            give_up_after_s=60.0,
            refuse=self.letters.append,
            topic_id="t",
            stop=self.stop,
        )

    def settle(self) -> None:
        """Step until nothing is owed any more."""
        deadline = time.monotonic() + 20
        self.notifier.step(0)
        while not all(lane.idle for lane in self.lanes):
            assert time.monotonic() < deadline
            time.sleep(0.002)
            self.now_us += 1
            self.notifier.step(0)

    def close(self) -> None:
        self.stop.set()
        for lane in self.lanes:
            lane.close()


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}")


@pytest.fixture
def processes() -> Iterator[list[_Process]]:
    started: list[_Process] = []
    yield started
    for process in started:
        process.close()


def test_a_page_and_its_end_are_told_once_over_any_number_of_lives(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, pager = _Log(), _Pager()
    for write in (None, AlertState.FIRING, None, AlertState.RESOLVED, None):
        if write is not None:
            log.write(int(write is AlertState.RESOLVED), write)
        processes.append(_Process(log, objects, pager))
        processes[-1].settle()
    assert pager.told == [("firing", ["firing"]), ("resolved", ["resolved"])]
    found = deliveries(objects)
    assert [(one.number, one.status, one.outcome) for one in found] == [
        (0, "firing", Outcome.DELIVERED),
        (1, "resolved", Outcome.DELIVERED),
    ]
    assert {alert.fingerprint for one in found for alert in one.alerts} == {FINGERPRINT}


def test_an_episode_while_the_notifier_was_down_is_still_told(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, pager = _Log(), _Pager()
    processes.append(_Process(log, objects, pager))
    processes[0].settle()
    log.write(0, AlertState.FIRING)
    log.write(1, AlertState.RESOLVED)
    processes.append(_Process(log, objects, pager))
    processes[1].settle()
    assert [status for status, _ in pager.told] == ["firing", "resolved"]


def test_killed_between_answer_and_record_it_repeats_once_and_no_more(
    objects: ObjectStore, processes: list[_Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        """The process is gone."""

    def killed(*_: object) -> None:
        raise KilledError

    log, pager = _Log(), _Pager()
    processes.append(_Process(log, objects, pager))
    log.write(0, AlertState.FIRING)
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "record", killed)
        with pytest.raises(KilledError):
            processes[0].settle()
    for _ in range(3):
        processes.append(_Process(log, objects, pager))
        processes[-1].settle()
    assert pager.told == [("firing", ["firing"])] * 2
    assert len(deliveries(objects)) == 1


def test_killed_between_record_and_summary_it_does_not_repeat(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, pager = _Log(), _Pager()
    processes.append(_Process(log, objects, pager))
    for seq in range(50):
        log.write(seq, AlertState.FIRING if seq % 2 == 0 else AlertState.RESOLVED)
    processes[0].settle()
    assert len(pager.told) == 50
    processes.append(_Process(log, objects, pager))
    processes[1].settle()
    assert len(pager.told) == 50


def test_a_shadow_is_noted_as_what_would_have_been_told_and_sent_to_nobody(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, pager = _Log(), _Pager()
    processes.append(_Process(log, objects, pager))
    for seq, state in enumerate((AlertState.FIRING, AlertState.RESOLVED)):
        log.write(seq, state, shadow=True)
        processes[-1].settle()
        processes.append(_Process(log, objects, pager))
        processes[-1].settle()
    assert pager.told == []
    assert [(one.status, one.outcome) for one in deliveries(objects)] == [
        ("firing", Outcome.SHADOW),
        ("resolved", Outcome.SHADOW),
    ]


def test_what_came_and_went_under_a_silence_stays_untold_in_the_next_life(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, pager = _Log(), _Pager()
    processes.append(_Process(log, objects, pager))
    log.control(start_ts=0, end_ts=1_000)
    processes[0].notifier.step(0)
    log.write(0, AlertState.FIRING)
    processes[0].notifier.step(0)
    log.write(1, AlertState.RESOLVED)
    processes[0].settle()
    processes.append(_Process(log, objects, pager))
    processes[1].now_us = 2_000
    processes[1].settle()
    assert pager.told == []
    assert [one.outcome for one in deliveries(objects)] == [Outcome.HELD_BACK]


def test_a_void_record_is_told_to_nobody(objects: ObjectStore, processes: list[_Process]) -> None:
    log, pager = _Log(), _Pager()
    processes.append(_Process(log, objects, pager))
    log.write(0, AlertState.FIRING)
    log.write(1, AlertState.RESOLVED)
    log.write(1, AlertState.FIRING, event_id="zombie")
    processes[0].settle()
    assert [status for status, _ in pager.told] == ["firing", "resolved"]


def test_a_silent_receiver_holds_up_no_other(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, silent, other = _Log(), _Pager("silent"), _Pager("other")
    silent.free.clear()
    processes.append(_Process(log, objects, silent, other))
    log.write(0, AlertState.FIRING)
    deadline = time.monotonic() + 20
    while not other.told:
        assert time.monotonic() < deadline
        processes[0].notifier.step(0)
    assert silent.told == []
    silent.free.set()
    processes[0].settle()
    assert silent.told == other.told


def test_what_a_receiver_refuses_is_a_dead_letter_and_is_not_sent_again(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, pager = _Log(), _Pager()
    pager.answers = [ReceiverRefusedError("answered 400, which is not tried again")]
    processes.append(_Process(log, objects, pager))
    log.write(0, AlertState.FIRING)
    processes[0].settle()
    (letter,) = processes[0].letters
    assert (letter.stage, letter.topic, letter.offset) == ("oncall", ALERTS.name, 0)
    assert letter.reason == "pager: answered 400, which is not tried again"
    assert b'"status": "firing"' in letter.body
    assert deliveries(objects)[0].outcome is Outcome.REFUSED
    processes.append(_Process(log, objects, pager))
    processes[1].settle()
    assert (pager.told, processes[1].letters) == ([], [])


def test_stopped_while_a_receiver_is_busy_it_is_told_in_the_next_life(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, pager = _Log(), _Pager()
    pager.answers = [ReceiverBusyError("not now")] * 1_000
    processes.append(_Process(log, objects, pager))
    log.write(0, AlertState.FIRING)
    processes[0].notifier.step(0)
    processes[0].close()
    pager.answers = []
    processes.append(_Process(log, objects, pager))
    processes[1].settle()
    assert [status for status, _ in pager.told] == ["firing"]


def test_a_damaged_outbox_is_named(objects: ObjectStore) -> None:
    objects.put_named("oncall/pager/told.json", b"{}")
    with pytest.raises(OutboxError, match=r"oncall/pager/told\.json"):
        Outbox(objects, "pager", "t")


def test_a_topic_made_again_is_refused_and_adopted_every_page_of_it_is_told(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    log, again, pager = _Log(), _Log(), _Pager()
    processes.append(_Process(log, objects, pager))
    log.write(0, AlertState.FIRING)
    processes[0].settle()
    again.write(0, AlertState.FIRING)
    with pytest.raises(OutboxError, match=r"log t, the broker's log is u.*--adopt-new-topic"):
        _Process(again, objects, pager, topic_id="u")
    for adopt in (True, False):
        processes.append(_Process(again, objects, pager, topic_id="u", adopt=adopt))
        processes[-1].settle()
    assert pager.told == [("firing", ["firing"])] * 2
    assert [one.number for one in deliveries(objects)] == [0, 1]


def test_readiness_tells_whether_the_alerts_were_read(
    objects: ObjectStore, processes: list[_Process]
) -> None:
    process = _Process(_Log(), objects, _Pager())
    processes.append(process)
    assert all(check().ok for check in process.notifier.checks().values())
