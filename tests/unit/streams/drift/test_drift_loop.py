"""Both stages on a log: what is said, and that batches, restarts and repeats change nothing."""

from random import Random

import pytest

from schemas.records import AlertKind, Severity
from schemas.references import to_metrics
from schemas.topics import ALERTS, DRIFT_PARTIALS, INFERENCE_EVENTS
from schemas.validation import check
from streams.drift.comparing import ComparingFold
from streams.drift.partials import Place
from tests.drift_log import PLACE, SURE, UNSURE, DriftLoop, proposed, reference

DRIFTED = ("release-1/city/HW3", "FIRING")
OVER = ("release-1/city/HW3", "RESOLVED")


@pytest.fixture
def loop() -> DriftLoop:
    made_loop = DriftLoop()
    made_loop.decide(proposed())
    return made_loop


def fold_of(loop: DriftLoop, place: Place = PLACE) -> ComparingFold:
    for at, fold in loop.folds.items():
        if at[0] == DRIFT_PARTIALS.name and (place in fold.places or place in fold.unjudged):
            assert isinstance(fold, ComparingFold)
            return fold
    raise AssertionError(f"{place} was never compared")


def test_answers_as_in_validation_are_no_drift(loop: DriftLoop) -> None:
    loop.minutes(60)
    assert loop.told() == []
    held = fold_of(loop).places[PLACE]
    assert held.looks >= 14  # a hundred encounters a minute: one look each
    assert held.nats < 1


def test_a_change_is_told_within_six_looks_and_ends_when_it_is_over(loop: DriftLoop) -> None:
    loop.minutes(20)
    loop.minutes(6, confidence=UNSURE)
    assert loop.told() == [DRIFTED]
    alert = loop.alerts[0]
    assert (alert.kind, alert.severity) == (AlertKind.DRIFT, Severity.TICKET)
    assert "less sure than" in alert.annotations["summary"]
    assert alert.annotations["runbook_url"] == "docs/runbooks/ModelDrift.md"
    assert alert.annotations["campaign"].startswith('region == "city" and hardware == "HW3" and ')
    check(ALERTS.name, alert, loop.now_us)
    loop.minutes(12)
    assert loop.told() == [DRIFTED, OVER]
    loop.minutes(8, confidence=UNSURE)
    assert loop.told() == [DRIFTED, OVER, DRIFTED]


def test_each_place_is_compared_alone(loop: DriftLoop) -> None:
    for _ in range(10):
        loop.minute(confidence=UNSURE)
        loop.minute(region="north")
    assert loop.told() == [DRIFTED]
    assert fold_of(loop).places[PLACE._replace(region="north")].shift is None


def test_a_region_is_compared_with_its_own_validation_where_it_has_one() -> None:
    """North was unsure when it was validated: there it is no drift, and to be sure is one."""
    loop = DriftLoop()
    own = to_metrics(reference(confidence=UNSURE), "north")
    loop.decide(proposed(metrics=to_metrics(reference()) | own))
    for _ in range(6):
        loop.minute(confidence=UNSURE, region="north")
        loop.minute(confidence=UNSURE, region="coast")
    assert loop.told() == [("release-1/coast/HW3", "FIRING")]
    loop.checkpoint()
    loop.restart()
    loop.minutes(6, region="north")
    assert loop.told()[1:] == [("release-1/north/HW3", "FIRING")]


@pytest.mark.parametrize("seed", range(4))
def test_batches_restarts_and_repeats_change_nothing(seed: int) -> None:
    random = Random(seed)

    def play(*, torn: bool) -> DriftLoop:
        loop = DriftLoop()
        loop.decide(proposed())
        for number in range(40):
            look = UNSURE if 15 <= number < 25 else SURE
            loop.minute(random if torn else None, confidence=look)
            if torn and number % 5 == 2:
                loop.checkpoint()
            if torn and random.random() < 0.3:
                loop.restart()
                loop.work(random)
        return loop

    whole, torn = play(torn=False), play(torn=True)
    assert torn.told() == whole.told() == [DRIFTED, OVER]
    mine, others = fold_of(whole).places[PLACE], fold_of(torn).places[PLACE]
    assert mine.state() == others.state()


def test_a_window_counts_once_and_when_it_arrives(loop: DriftLoop) -> None:
    loop.minutes(3)
    log = loop.logs[INFERENCE_EVENTS.name, 0]
    log.extend((record, loop.now_us) for record, _ in log[:10])  # an outbox sent again
    loop.report(devices=2, window_start=loop.now_us - 7_200_000_000)  # away for two hours
    loop.minutes(3)
    cells = [
        record
        for partition in (0, 1)
        for record, _ in loop.logs[DRIFT_PARTIALS.name, partition]
        if record.kind == "CELL"
    ]
    newest = {(one.source_partition, one.bucket_start): one for one in cells}
    assert sum(one.windows for one in newest.values()) == 5 * 10 + 2 + 10
    assert loop.folds[INFERENCE_EVENTS.name, 0].tally["duplicate"] == 10
    assert all(one.frames == 60 * one.windows for one in cells)


def test_an_older_release_without_a_reference_is_not_judged() -> None:
    loop = DriftLoop()
    loop.decide(proposed(metrics={"accuracy": 0.9}))
    loop.minutes(10, confidence=UNSURE)
    assert loop.told() == []
    fold = fold_of(loop)
    assert PLACE not in fold.places
    assert fold.unjudged[PLACE] >= 90
    assert "no reference" in fold.validations.why_not(PLACE.release_id)


def test_an_unsound_reference_is_said_and_not_judged() -> None:
    loop = DriftLoop()
    broken = to_metrics(reference()) | {"reference/confidence/9": 1.0}
    loop.decide(proposed(metrics=broken))
    loop.minutes(4, confidence=UNSURE)
    assert loop.told() == []
    why = fold_of(loop).validations.why_not(PLACE.release_id)
    assert "each must hold every frame" in why


def test_few_answers_are_added_up_until_they_are_a_look(loop: DriftLoop) -> None:
    loop.minutes(30, devices=1, confidence=UNSURE)  # ten encounters a minute
    held = fold_of(loop).places[PLACE]
    assert held.looks == held.encounters // 30


def test_a_drifted_release_that_was_taken_back_is_no_matter_any_more(loop: DriftLoop) -> None:
    loop.minutes(10, confidence=UNSURE)
    assert loop.told() == [DRIFTED]
    loop.processor._gone["release-1", "HW3"] = loop.now_us
    loop.minutes(2, confidence=UNSURE)
    assert loop.told() == [DRIFTED, OVER]


def test_history_is_not_news(loop: DriftLoop) -> None:
    loop.running = False
    loop.minutes(10, confidence=UNSURE)
    loop.minutes(20)
    loop.running = True
    loop.minutes(3)
    assert loop.told() == []


def test_answers_of_more_classes_than_the_reference_are_counted_apart(loop: DriftLoop) -> None:
    loop.minutes(4, classes=(30, 18, 6, 6))
    assert fold_of(loop).tally["unlike"] == 40


def test_every_record_keeps_the_rules(loop: DriftLoop) -> None:
    loop.minutes(3)
    for partition in (0, 1):
        for record, stamp in loop.logs[DRIFT_PARTIALS.name, partition]:
            check(DRIFT_PARTIALS.name, record, stamp)


def test_windows_without_answers_are_left_out(loop: DriftLoop) -> None:
    loop.minutes(2, confidence=(0,) * 10, classes=(0, 0, 0))
    assert loop.folds[INFERENCE_EVENTS.name, 0].tally["uncompared"] == 10
