"""Both stages on a log: the order of arrival, duplicates, batches and restarts change nothing."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert_log import AlertBook, Verdict, fingerprint
from schemas.records import AlertState, InferenceEvent, PartialKind, Severity
from schemas.topics import ALERTS, SLO_PARTIALS
from schemas.validation import validate
from streams.slo.objectives import Slo
from tests.slo_log import SECOND, START_US, Loop, rows, slo, tier, told, window

STORY_S = 45
BAD_S = range(12, 22)
LATENESS_US = 2 * SECOND
CHECKPOINT_STEPS = 9


def _story() -> Iterator[tuple[int, int, InferenceEvent]]:
    """Partition, time of the window's end, record: two releases on two generations of hardware."""
    for second in range(1, STORY_S):
        for number in range(4):
            hardware, release = ("HW3", "HW4")[number % 2], f"release-{number // 2 + 1}"
            late = 8 if (hardware, release) == ("HW3", "release-2") and second in BAD_S else 0
            end = START_US + second * SECOND
            made = window(
                f"dev-{number}", second, end, late=late, hardware=hardware, release_id=release
            )
            yield number % 2, end, made


def _play(
    *, jitter: Random | None = None, doubled: float = 0.0, restarts: frozenset[int] = frozenset()
) -> Loop:
    loop = Loop([_slo()])
    arrivals = []
    for partition, end, record in _story():
        delay = jitter.randrange(LATENESS_US) if jitter else 0
        arrivals.append((end + delay, partition, record))
        if jitter and jitter.random() < doubled:
            later = end + delay + jitter.randrange(5 * SECOND)
            arrivals.append((later, partition, record))
    arrivals.sort(key=lambda arrival: arrival[0])
    for step in range(2 * (STORY_S + 10)):
        loop.now_us += SECOND // 2
        while arrivals and arrivals[0][0] <= loop.now_us:
            _, partition, record = arrivals.pop(0)
            loop.arrive(partition, [record])
        loop.pass_time(0, jitter)
        if step % CHECKPOINT_STEPS == CHECKPOINT_STEPS - 1:
            loop.checkpoint()
        if step in restarts:
            loop.restart()
    return loop


def _slo() -> Slo:
    return slo(
        tier(20 * SECOND, 5 * SECOND, "0.2", period_us=2_000 * SECOND),
        tier(
            30 * SECOND,
            10 * SECOND,
            "0.15",
            period_us=2_000 * SECOND,
            severity=Severity.TICKET,
        ),
    )


def test_the_bad_release_pages_by_name_and_resolves_when_it_is_good_again() -> None:
    loop = _play()
    pages = [alert for alert in loop.alerts if alert.severity is Severity.PAGE]
    assert [(alert.seq, alert.state) for alert in pages] == [
        (0, AlertState.FIRING),
        (1, AlertState.RESOLVED),
    ]
    fired, resolved = pages
    assert fired.labels == {
        "alertname": "LatencySLOBurn",
        "slo": "perception-latency",
        "severity": "page",
        "hardware": "HW3",
        "release_id": "release-2",
    }
    assert fired.fingerprint == fingerprint(fired.labels)
    assert fired.alert_id == resolved.alert_id
    assert fired.starts_at == resolved.starts_at
    assert START_US + 12 * SECOND < fired.starts_at <= START_US + 22 * SECOND
    assert resolved.ends_at is not None
    assert resolved.ends_at < resolved.watermark
    assert {(one.label, one.value) for one in fired.suspects} == {
        ("hardware", "HW3"),
        ("release_id", "release-2"),
    }
    assert fired.latency is not None
    assert 79 < fired.latency.p99_ms < 81
    assert {one.device_id for one in fired.exemplars} == {"dev-2"}
    assert "HW3" in fired.annotations["summary"]
    assert {alert.labels["hardware"] for alert in loop.alerts} == {"HW3"}


@settings(max_examples=12, deadline=None)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from([0.0, 0.3]),
    st.frozensets(st.integers(CHECKPOINT_STEPS, 100), max_size=5),
)
def test_any_order_within_lateness_duplicates_batches_and_restarts_tell_the_same(
    jitter: Random, doubled: float, restarts: frozenset[int]
) -> None:
    loop = _play(jitter=Random(jitter.randrange(2**32)), doubled=doubled, restarts=restarts)
    assert told(loop.alerts) == EXPECTED


EXPECTED = told(_play().alerts)


def test_the_story_has_something_to_tell() -> None:
    assert len(EXPECTED) == 5


def test_a_new_worker_without_state_tells_no_history_again() -> None:
    loop = _play()
    before = len(loop.alerts)
    loop.restart(keep_state=False)
    for _ in range(20):
        loop.pass_time(SECOND)
    assert len(loop.alerts) == before


def test_a_worker_that_lost_its_state_while_an_alert_fires_neither_repeats_nor_forgets_it() -> None:
    loop = Loop([_slo()])
    for second in range(1, 30):
        late = 8 if second > 8 else 0
        record = window("dev-0", second, START_US + second * SECOND, late=late)
        loop.arrive(0, [record])
        loop.pass_time(SECOND)
        if second == 20:
            loop.restart(keep_state=False)
    said = [(alert.severity, alert.state) for alert in loop.alerts]
    assert sorted(said) == [
        (Severity.PAGE, AlertState.FIRING),
        (Severity.TICKET, AlertState.FIRING),
        (Severity.TICKET, AlertState.SUPPRESSED),
    ]
    for second in range(30, 60):
        loop.arrive(0, [window("dev-0", second, START_US + second * SECOND)])
        loop.pass_time(SECOND)
    assert [alert.state for alert in loop.alerts[3:]] == [AlertState.RESOLVED] * 2


def test_until_it_reads_its_own_record_back_it_says_nothing_more() -> None:
    loop = Loop([slo()], read_back=False)
    for second in range(1, 30):
        late = 8 if 8 < second < 14 else 0
        loop.arrive(0, [window("dev-0", second, START_US + second * SECOND, late=late)])
        loop.pass_time(SECOND)
    assert [alert.state for alert in loop.alerts] == [AlertState.FIRING]
    loop.read_back = True
    loop.processor.observe([_fact for _fact in loop._facts if _fact.topic == ALERTS.name])
    loop.pass_time(SECOND)
    assert [alert.state for alert in loop.alerts] == [AlertState.FIRING, AlertState.RESOLVED]


def test_a_zombies_record_is_void_and_the_next_step_still_comes() -> None:
    loop = _play()
    page = [alert for alert in loop.alerts if alert.severity is Severity.PAGE]
    zombie = replace(page[0], event_id="zombie", seq=1)
    book = AlertBook()
    assert [book.observe(record) for record in (*page, zombie)] == [
        Verdict.VALID,
        Verdict.VALID,
        Verdict.VOID,
    ]
    last = book.last(page[0].fingerprint)
    assert last is not None
    assert last.state is AlertState.RESOLVED
    loop.add_fact(ALERTS.name, zombie)
    for second in range(STORY_S + 12, STORY_S + 24):
        end = START_US + second * SECOND
        record = window("dev-2", second, end, late=9, hardware="HW3", release_id="release-2")
        loop.arrive(0, [record])
        loop.pass_time(SECOND)
    again = [alert for alert in loop.alerts if alert.severity is Severity.PAGE][2:]
    assert [(alert.seq, alert.state) for alert in again] == [(2, AlertState.FIRING)]
    assert again[0].alert_id != page[0].alert_id


def test_what_both_stages_write_keeps_the_rules_of_its_topic() -> None:
    loop = _play()
    stamps = np.array([alert.evaluated_at for alert in loop.alerts], dtype=np.int64)
    assert validate(ALERTS.name, rows(ALERTS.name, loop.alerts), stamps) == []
    for held in loop.partials.values():
        records, written = zip(*held, strict=True)
        batch = rows(SLO_PARTIALS.name, records)
        assert validate(SLO_PARTIALS.name, batch, np.array(written, dtype=np.int64)) == []


def test_progress_goes_to_every_partition_after_the_cells_it_covers_with_ids_of_its_own() -> None:
    loop = _play()
    for held in loop.partials.values():
        marks = [one for one, _ in held if one.kind is PartialKind.PROGRESS]
        assert {one.source_partition for one in marks} == {0, 1}
    everything = [one for held in loop.partials.values() for one, _ in held]
    assert len({one.event_id for one in everything}) == len(everything)
    cells = [one for one in everything if one.kind is PartialKind.CELL]
    best = {
        (one.source_partition, tuple(one.key.items()), one.bucket_start): one.total for one in cells
    }
    assert sum(best.values()) == 10 * 4 * (STORY_S - 1)


def test_a_reader_that_dies_before_it_has_caught_up_makes_no_history_of_what_came_since() -> None:
    """The trace of a worker killed young: the next one took its own start for the first."""
    loop = Loop([_slo()])
    loop.pass_time(SECOND)
    loop.checkpoint()  # started, and killed before it had caught up
    for end, partition, record in sorted(_arrivals(), key=lambda one: one[0]):
        loop.now_us = max(loop.now_us, end)
        loop.arrive(partition, [record])
    loop.restart()
    for _ in range(12):
        loop.pass_time(SECOND)
    assert told(loop.alerts) == told(_play().alerts)


def _arrivals() -> Iterator[tuple[int, int, InferenceEvent]]:
    return ((end, partition, record) for partition, end, record in _story())
