"""What a device tells: reporting windows, edge cases and takeovers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.camera.camera import EncounterRequest, Light, Weather, World
from producers.campaigns.book import CampaignBook
from producers.device.buckets import TokenBucket
from producers.device.disengagements import CHOICE, LATE, UNSURE, WRONG, Cause, Driver, cause
from producers.device.edge_cases import EdgeCases
from producers.device.encounters import Glimpse, Meeting
from producers.device.identity import EventIds, Who
from producers.device.triggers import Seen, control_sample, trigger
from producers.device.windows import Windows
from producers.scenario.equipment import Triggers
from producers.scenario.world import Drive
from schemas.histograms import count
from schemas.records import CollectionCampaign, InferenceEvent, Trigger
from schemas.validation import check
from tests.unit.producers.device import kit
from tests.unit.producers.device.kit import NOW, SECOND

MODEL = kit.model("r1")


def windows(exemplars: int = 2) -> Windows:
    return Windows(kit.who(), EventIds("hw3-00001", 1), 2 * SECOND, exemplars)


def frame(one: Windows, at_s: float, latency_us: int | None = 10_000, **changes: Any) -> Any:
    """A frame that is due, and its answer unless `latency_us` is None."""
    now = NOW + round(at_s * SECOND)
    record = one.due(now, changes.get("model", MODEL), 3, 7.0)
    if latency_us is not None:
        one.deliver(
            now,
            latency_us,
            changes.get("top1", 1),
            changes.get("confidence", 0.95),
            judged=changes.get("judged", True),
        )
    return record


def test_a_window_is_told_with_the_first_frame_after_its_end() -> None:
    one = windows()
    assert [frame(one, at) for at in (0, 0.5, 1.0, 1.5)] == [None] * 4
    record: InferenceEvent = frame(one, 2.0)
    assert (record.window_start, record.window_end) == (NOW, NOW + 2 * SECOND)
    assert (record.expected, record.produced, record.distance_m) == (4, 4, 28.0)
    assert record.event_id == "hw3-00001/1/0"


def test_late_missing_and_unjudged_results_are_counted_apart() -> None:
    one = windows()
    frame(one, 0.0, 400_000, judged=False)
    frame(one, 0.5, 50_000)
    frame(one, 1.0, 50_001, top1=2, confidence=0.31)
    frame(one, 1.5, None)
    record: InferenceEvent = frame(one, 2.0)
    assert (record.expected, record.produced, record.warmup, record.late) == (4, 3, 1, 1)
    assert count(record.latency) == record.produced - record.warmup
    assert (record.latency.min_us, record.latency.max_us) == (50_000, 50_001)
    assert record.confidence == (0, 0, 0, 1, 0, 0, 0, 0, 0, 2)
    assert record.classes == (0, 2, 1)
    check("inference-events", record, record.window_end)


def test_another_model_ends_the_window_early() -> None:
    one = windows()
    frame(one, 0.0)
    record: InferenceEvent = frame(one, 0.5, model=kit.model("r2"))
    assert (record.release_id, record.window_end) == ("r1", NOW + SECOND // 2)
    last = one.close(NOW + SECOND)
    assert last is not None
    assert (last.release_id, last.window_start, last.window_end) == (
        "r2",
        NOW + SECOND // 2,
        NOW + SECOND,
    )


def test_after_a_gap_windows_stay_on_their_grid_and_empty_ones_are_not_told() -> None:
    one = windows()
    frame(one, 0.0)
    frame(one, 9.0)
    record = one.close(NOW + 9 * SECOND + 1)
    assert record is not None
    assert record.window_start == NOW + 8 * SECOND
    assert one.close(NOW + 10 * SECOND) is None


def test_the_slowest_results_are_told_in_full() -> None:
    one = windows(exemplars=2)
    for index, latency in enumerate((10_000, 90_000, 20_000, 70_000)):
        frame(one, index / 2, latency)
    record: InferenceEvent = frame(one, 2.0)
    assert [shown.latency_us for shown in record.exemplars] == [90_000, 70_000]
    assert len({shown.trace_id for shown in record.exemplars}) == 2
    assert all(len(shown.trace_id) == 32 for shown in record.exemplars)


@given(
    st.lists(
        st.tuples(st.integers(0, 200_000), st.booleans(), st.booleans(), st.floats(0, 1)),
        min_size=1,
        max_size=40,
    )
)
def test_every_window_obeys_the_rules_whatever_happened(
    frames: list[tuple[int, bool, bool, float]],
) -> None:
    one, told = windows(), 0
    for index, (latency, answered, judged, confidence) in enumerate(frames):
        shown = latency if answered else None
        record = frame(one, index / 2, shown, judged=judged, confidence=confidence)
        if record is not None:
            check("inference-events", record, record.window_end)
            told += record.expected
    last = one.close(NOW + len(frames) * SECOND)
    assert last is not None
    check("inference-events", last, last.window_end)
    assert told + last.expected == len(frames)


def glimpse(**changes: Any) -> Glimpse:
    plain: dict[str, Any] = {
        "top1": 1,
        "confidence": 0.9,
        "margin": 0.85,
        "entropy": 0.3,
        "last_top1": 1,
        "flips": 0,
        "far_near": 0.0,
        "late": 0,
        "embedding": np.array([0.6, 0.8], np.float32),
    }
    return Glimpse(**{**plain, **changes})


def meeting(answers: list[tuple[int, float, float]]) -> Meeting:
    one = Meeting(kit.encounter(EncounterRequest("d", 4), frames=len(answers)))
    for index, (top1, confidence, margin) in enumerate(answers):
        one.look()
        one.answer(top1, confidence, margin, 0.5, np.eye(3, dtype=np.float32)[index % 3])
    return one


def test_a_glimpse_is_the_worst_frame_and_the_mean_embedding() -> None:
    found = meeting([(0, 0.8, 0.7), (1, 0.45, 0.05), (1, 0.9, 0.85)]).glimpse()
    assert found is not None
    assert (found.top1, found.confidence, found.margin) == (1, 0.45, 0.05)
    assert (found.flips, found.last_top1) == (1, 1)
    assert found.embedding == pytest.approx(np.full(3, 3**-0.5))


def test_an_encounter_that_no_single_model_saw_whole_is_not_judged() -> None:
    one = meeting([(0, 0.8, 0.7), (1, 0.5, 0.05)])
    one.whole = False
    assert one.glimpse() is None


@pytest.mark.parametrize(
    ("changes", "taken_over", "expected"),
    [
        ({}, False, None),
        ({"flips": 2, "confidence": 0.1}, True, Trigger.DISENGAGEMENT),
        ({"flips": 2, "confidence": 0.1}, False, Trigger.FLIP),
        ({"flips": 1, "far_near": 0.6, "confidence": 0.1}, False, Trigger.FLIP),
        ({"flips": 1, "far_near": 0.59}, False, None),
        ({"confidence": 0.49, "margin": 0.01}, False, Trigger.LOW_CONFIDENCE),
        ({"confidence": 0.5, "margin": 0.19}, False, Trigger.MARGIN),
        ({"confidence": 0.5, "margin": 0.2, "flips": 1}, False, None),
    ],
)
def test_triggers_in_order_of_their_strength(
    changes: dict[str, Any], expected: Trigger | None, *, taken_over: bool
) -> None:
    one = replace(seen(3, **changes), taken_over=taken_over)
    assert trigger(Triggers(), one) is expected


@pytest.mark.parametrize(
    ("changes", "shadow_differs", "novelty", "expected"),
    [
        ({}, False, 1.01, Trigger.NOVELTY),
        ({}, False, 1.0, None),
        ({"confidence": 0.49}, False, 3.0, Trigger.LOW_CONFIDENCE),
        ({"confidence": 0.49}, True, 3.0, Trigger.SHADOW_DISAGREEMENT),
        ({"flips": 2}, True, 3.0, Trigger.FLIP),
    ],
)
def test_what_is_new_is_the_last_reason_and_what_two_models_dispute_comes_before_doubt(
    changes: dict[str, Any], novelty: float, expected: Trigger | None, *, shadow_differs: bool
) -> None:
    one = replace(seen(3, **changes), shadow_differs=shadow_differs, novelty=novelty)
    assert trigger(Triggers(), one) is expected


def test_the_control_sample_is_its_share_of_everything() -> None:
    assert control_sample(Triggers(random_share=0.02), 0.019)
    assert not control_sample(Triggers(random_share=0.02), 0.02)


@pytest.mark.parametrize(
    ("answers", "far_near"),
    [
        ([(0, 0.8, 0.7), (1, 0.5, 0.1), (1, 0.9, 0.85)], 0.8),
        ([(0, 0.8, 0.7), (1, 0.5, 0.1), (0, 0.9, 0.85)], 0.0),
        ([(0, 0.8, 0.7)], 0.0),
    ],
)
def test_far_against_near_is_how_sure_both_ends_were_of_different_classes(
    answers: list[tuple[int, float, float]], far_near: float
) -> None:
    found = meeting(answers).glimpse()
    assert found is not None
    assert found.far_near == far_near


def test_the_quota_allows_a_burst_and_then_its_rate() -> None:
    bucket = TokenBucket.full(burst=3, per_hour=60)

    def take(now_us: int) -> bool:
        if not bucket.holds(now_us):
            return False
        bucket.spend()
        return True

    assert [take(NOW) for _ in range(5)] == [True, True, True, False, False]
    assert not take(NOW + 59 * SECOND)
    assert take(NOW + 61 * SECOND)
    assert not take(NOW)
    assert sum(take(NOW + minute * 60 * SECOND) for minute in range(3, 63)) == 60


def seen(number: int, **changes: Any) -> Seen:
    ask = EncounterRequest("hw3-00001", number, World(Weather.RAIN, Light.NIGHT))
    return Seen(
        model=MODEL,
        classes=kit.CLASSES,
        encounter=kit.encounter(ask),
        glimpse=glimpse(**changes),
        speed_mps=12.0,
        taken_over=False,
    )


def edge_cases(
    album: kit.Album, rules: Triggers, who: Who, *asked: CollectionCampaign
) -> EdgeCases:
    book = CampaignBook()
    for record in asked:
        book.observe(record)
    return EdgeCases(who, EventIds("hw3-00001", 1), rules, seed=1, pictures=album, campaigns=book)


def test_bytes_are_a_quota_of_their_own_and_what_is_over_it_is_not_stored() -> None:
    (strip,) = edge_cases(kit.Album(), Triggers(random_share=1.0), kit.who()).consider(seen(3), NOW)
    rules = Triggers(
        random_share=1.0, burst_bytes=2.5 * strip.uplink_bytes, bytes_per_hour=strip.uplink_bytes
    )
    album = kit.Album()
    cases = edge_cases(album, rules, kit.who())
    sent = [cases.consider(seen(3), NOW) for _ in range(4)]
    assert [len(one) for one in sent] == [1, 1, 0, 0]
    assert cases.consider(seen(3), NOW + 29 * 60 * SECOND) == []
    assert len(cases.consider(seen(3), NOW + 31 * 60 * SECOND)) == 1


def test_of_mere_doubts_the_greatest_of_a_window_are_sent_at_its_end() -> None:
    rules = Triggers(random_share=0.0, margin_below=0.5, shortlist=2, shortlist_s=60.0)
    cases = edge_cases(kit.Album(), rules, kit.who())
    for number, margin in enumerate([0.4, 0.1, 0.3, 0.2, 0.6]):
        doubt = seen(number, margin=margin, confidence=0.9, flips=0)
        assert cases.consider(doubt, NOW + number * SECOND) == []
    sent = cases.consider(seen(9, margin=0.05, confidence=0.9, flips=0), NOW + 60 * SECOND)
    assert [case.margin for case in sent] == [0.1, 0.2]
    assert [case.captured_ts for case in sent] == [NOW + SECOND, NOW + 3 * SECOND]
    assert [case.margin for case in cases.close(NOW + 61 * SECOND)] == [0.05]
    assert cases.close(NOW + 62 * SECOND) == []


def test_of_what_is_new_the_newest_of_a_window_is_sent_beside_the_doubts() -> None:
    rules = Triggers(random_share=0.0, shortlist=1, shortlist_novel=1, shortlist_s=60.0)
    cases = edge_cases(kit.Album(), rules, kit.who())
    for number, novelty in enumerate([1.2, 2.5, 1.7, 0.9]):
        assert cases.consider(replace(seen(number), novelty=novelty), NOW) == []
    assert cases.consider(replace(seen(4, margin=0.1), novelty=5.0), NOW) == []
    sent = cases.close(NOW + 60 * SECOND)
    assert [case.trigger for case in sent] == [Trigger.MARGIN, Trigger.NOVELTY]
    assert sent[1].encounter_id == "hw3-00001/1"


@pytest.mark.parametrize(("consent", "place"), [(True, True), (False, True), (True, False)])
def test_without_consent_no_picture_and_no_place_leaves_the_device(
    *, consent: bool, place: bool
) -> None:
    album = kit.Album()
    who = kit.who(consent_pictures=consent, consent_location=place)
    cases = edge_cases(album, Triggers(random_share=1.0), who).consider(seen(3), NOW)
    assert bool(cases) == consent == bool(album.bodies)
    for case in cases:
        assert (case.context.place_cell is not None) == place
        assert (case.context.weather, case.context.light) == ("RAIN", "NIGHT")
        check("edge-cases", case, NOW)


@pytest.mark.parametrize(
    ("changes", "wrong", "chance", "expected"),
    [
        ({}, False, 0.0004, CHOICE),
        ({}, False, 0.0006, None),
        ({}, True, 0.0199, WRONG),
        ({}, True, 0.0201, CHOICE),
        ({"late": 1}, True, 0.0499, LATE),
        ({"late": 1}, True, 0.0501, WRONG),
        ({"late": 1, "confidence": 0.4}, True, 0.0799, UNSURE),
        ({"late": 1, "confidence": 0.4}, True, 0.09, None),
    ],
)
def test_each_sign_of_trouble_keeps_its_own_share_of_takeovers(
    changes: dict[str, Any], *, wrong: bool, chance: float, expected: Cause | None
) -> None:
    assert cause(Drive(), glimpse(**changes), wrong=wrong, chance=chance) is expected


def test_takeovers_are_more_frequent_when_the_model_is_wrong() -> None:
    driver = Driver(kit.who(), EventIds("hw3-00001", 1), Drive(), seed=1)

    def takeovers(*, wrong: bool) -> int:
        names = [f"hw3-00001/{number}" for number in range(5000)]
        found = [
            driver.watch(MODEL, name, glimpse(), wrong=wrong, speed_mps=10.0, now_us=NOW)
            for name in names
        ]
        for record in found:
            if record is not None:
                check("disengagements", record, NOW)
        return sum(record is not None for record in found)

    assert takeovers(wrong=True) > 10 * takeovers(wrong=False) >= 0
    assert takeovers(wrong=True) == pytest.approx(5000 * 0.0205, rel=0.3)
