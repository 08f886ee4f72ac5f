"""The states of an alert, edge by edge, and Prometheus' own scenarios restated."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from schemas.records import AlertState, Severity
from streams.slo.engine import Engine
from streams.slo.objectives import Slo
from streams.slo.phases import (
    BURNING,
    EMPTY,
    MUTED,
    NEVER,
    NOT_FOR_LONG,
    RECOVERED,
    SILENT,
    UNMUTED,
    Episode,
    Policy,
    Stage,
)
from streams.slo.transitions import Transition
from tests.slo_log import HOUR, MINUTE, SECOND, slo, tier

KEY = {"hardware": "HW3", "release_id": "release-1"}
RULES = Policy(wait=2, keep=3, no_data_after=4, calm=(30, 60), flap_within=100)

# What is seen at each tick (b: burning, g: good, -: no data) and the stage after it; x: it is over.
LIVES = [
    # from pending
    ("b", "P"),
    ("bb", "PP"),
    ("bbb", "PPF"),
    ("bg", "Px"),
    ("b-", "Px"),
    # from firing
    ("bbbb", "PPFF"),
    ("bbbg", "PPFH"),
    ("bbb-", "PPFS"),
    # from held
    ("bbbgg", "PPFHH"),
    ("bbbgb", "PPFHF"),
    ("bbbg-", "PPFHS"),
    ("bbbgggg", "PPFHHHx"),
    ("bbbggbgggg", "PPFHHFHHHx"),
    # from stale; the time since it was first seen to be good goes on, the end needs data
    ("bbb-b", "PPFSF"),
    ("bbb-g", "PPFSH"),
    ("bbbg--g", "PPFHSSx"),
    ("bbbg---", "PPFHSSS"),
    ("bbb----", "PPFSSSS"),
    ("bbb-----", "PPFSSSSN"),
    # from silent
    ("bbb-----b", "PPFSSSSNF"),
    ("bbb-----gggg", "PPFSSSSNHHHx"),
    ("bbb-----g-", "PPFSSSSNHS"),
    ("bbb------", "PPFSSSSNN"),
]


@pytest.mark.parametrize(("seen", "stages"), LIVES)
def test_every_edge_of_an_episode(seen: str, stages: str) -> None:
    episode = Episode(since=0)
    for tick, (sight, stage) in enumerate(zip(seen, stages, strict=True)):
        over = False
        if sight == "b":
            episode.burn(tick, 1, RULES)
        elif sight == "g":
            over = episode.cool(tick, RULES)
        else:
            over = episode.starve(tick, RULES)
        assert over == (stage == "x")
        if not over:
            assert episode.stage.value[0] == stage
            assert episode.due(RULES) > tick, "time alone never has to be waited for in the past"


def test_time_alone_changes_what_waits_for_time() -> None:
    episode = Episode(since=10)
    episode.burn(10, 1, RULES)
    assert episode.due(RULES) == 12
    episode.burn(12, 1, RULES)
    assert episode.due(RULES) == NEVER
    episode.starve(13, RULES)
    assert episode.due(RULES) == 17
    episode.cool(15, RULES)
    assert episode.due(RULES) == 18


def test_a_flapping_episode_waits_twice_the_short_window_of_the_tiers_that_were_true() -> None:
    for tiers, ticks in ((0b01, 30), (0b10, 60), (0b11, 60)):
        episode = Episode(since=0, flaps=3)
        episode.burn(2, tiers, RULES)
        assert not episode.cool(3, RULES)
        assert not episode.cool(3 + ticks - 1, RULES)
        assert episode.cool(3 + ticks, RULES)


@pytest.mark.parametrize(
    ("stage", "told", "muted", "visible"),
    [
        (Stage.PENDING, None, False, AlertState.PENDING),
        (Stage.PENDING, None, True, AlertState.PENDING),
        (Stage.FIRING, None, False, AlertState.FIRING),
        (Stage.FIRING, AlertState.FIRING, True, AlertState.SUPPRESSED),
        (Stage.FIRING, AlertState.SUPPRESSED, False, AlertState.FIRING),
        (Stage.HELD, AlertState.FIRING, False, AlertState.FIRING),
        (Stage.HELD, AlertState.SUPPRESSED, False, AlertState.SUPPRESSED),
        (Stage.HELD, AlertState.NO_DATA, False, AlertState.NO_DATA),
        (Stage.STALE, AlertState.FIRING, False, AlertState.STALE),
        (Stage.STALE, AlertState.SUPPRESSED, False, AlertState.STALE),
        (Stage.STALE, AlertState.NO_DATA, False, AlertState.NO_DATA),
        (Stage.NO_DATA, AlertState.STALE, False, AlertState.NO_DATA),
        (Stage.NO_DATA, AlertState.STALE, True, AlertState.SUPPRESSED),
    ],
)
def test_what_is_told_of_a_stage(
    stage: Stage, told: AlertState | None, muted: bool, visible: AlertState
) -> None:
    assert Episode(since=0, stage=stage, told=told).visible(muted=muted) is visible


def _play(made: Slo, shares: Iterable[int | None]) -> list[Transition]:
    """A hundred events a bucket, so many of them bad; None: no event."""
    engine, found = Engine(made), []
    for number, bad in enumerate(shares):
        if bad is not None:
            engine.count(KEY, number * made.bucket_us, 100, bad)
        found += engine.advance((number + 1) * made.bucket_us + 1, number)
    return found


def _told(found: Sequence[Transition], unit: int) -> list[tuple[str, str, int]]:
    return [(t.severity.value, t.state.value, t.at_us // unit) for t in found]


def _instant(**over: int) -> Slo:
    """One-minute buckets and windows: true exactly when more than half of a minute is bad.

    A window must be longer than its short one, so the long one is two minutes; of both, more than
    a quarter must be bad, which one bad minute among two is.
    """
    page = tier(2 * MINUTE, MINUTE, "0.25", objective="0.5", period_us=4 * MINUTE)
    return slo(
        page,
        objective=page.limit,
        period_us=4 * MINUTE,
        bucket_us=MINUTE,
        for_us={Severity.PAGE: over.get("wait", 0) * MINUTE},
        keep_firing_us={Severity.PAGE: over.get("keep", 0) * MINUTE},
    )


def test_prometheus_keep_firing_for() -> None:
    """TestKeepFiringFor: rule > 50 keep_firing_for 1m over `75 85 70 70 10x5`."""
    told = _told(_play(_instant(keep=1), [75, 85, 70, 70, 10, 10, 10, 10, 10]), MINUTE)
    # Evaluations 0 to 3 fire, evaluation 4 (tick 5) is the first false one and is kept, 5 is gone.
    assert told == [("PAGE", "FIRING", 1), ("PAGE", "RESOLVED", 6)]


def test_prometheus_pending_and_keep_firing_for() -> None:
    """TestPendingAndKeepFiringFor: for 1m, keep_firing_for 1m over `75 10x10`: pending vanishes."""
    found = _play(_instant(wait=1, keep=1), [75, *[10] * 10])
    assert _told(found, MINUTE) == [("PAGE", "PENDING", 1), ("PAGE", "RESOLVED", 2)]
    assert found[1].reason == NOT_FOR_LONG


def test_prometheus_for() -> None:
    """Pending -> firing when it was true for as long as `for`; activeAt is when it began."""
    found = _play(_instant(wait=2), [75, 75, 75, 75, 10, 10])
    assert _told(found, MINUTE) == [
        ("PAGE", "PENDING", 1),
        ("PAGE", "FIRING", 3),
        ("PAGE", "RESOLVED", 5),
    ]
    assert {one.starts_us for one in found} == {MINUTE}
    assert [one.reason for one in found] == [BURNING, BURNING, RECOVERED]


def _two_severities() -> Slo:
    period = 2_000 * SECOND
    return slo(
        tier(20 * SECOND, 5 * SECOND, "0.5", period_us=period),
        tier(30 * SECOND, 10 * SECOND, "0.15", period_us=period, severity=Severity.TICKET),
        keep_firing_us={Severity.PAGE: 3 * SECOND, Severity.TICKET: 3 * SECOND},
        no_data_after_us=20 * SECOND,
    )


def test_a_ticket_is_muted_while_its_page_fires_and_comes_back_when_it_still_burns() -> None:
    found = _play(_two_severities(), [0] * 5 + [100] * 20 + [30] * 60 + [0] * 40)
    assert [(t.severity.value, t.state.value, t.reason) for t in found] == [
        ("TICKET", "FIRING", BURNING),
        ("PAGE", "FIRING", BURNING),
        ("TICKET", "SUPPRESSED", MUTED),
        ("PAGE", "RESOLVED", RECOVERED),
        ("TICKET", "FIRING", UNMUTED),
        ("TICKET", "RESOLVED", RECOVERED),
    ]
    tickets = [t for t in found if t.severity is Severity.TICKET]
    assert len({t.starts_us for t in tickets}) == 1, "one episode"
    assert found[1].at_us == found[2].at_us
    assert found[3].at_us == found[4].at_us


def test_a_ticket_that_burns_no_more_when_the_page_ends_does_not_come_back() -> None:
    patient = replace(
        _two_severities(), keep_firing_us={Severity.PAGE: 8 * SECOND, Severity.TICKET: 9 * SECOND}
    )
    found = _play(patient, [0] * 5 + [100] * 20 + [0] * 60)
    page, ticket = (
        next(t for t in found if t.severity is severity and t.state is AlertState.RESOLVED)
        for severity in (Severity.PAGE, Severity.TICKET)
    )
    assert ticket.ends_us is not None
    assert ticket.ends_us < page.at_us < ticket.at_us, "held, not burning, when the page ends"
    tickets = [t.state.value for t in found if t.severity is Severity.TICKET]
    assert tickets == ["FIRING", "SUPPRESSED", "RESOLVED"]


def test_page_and_ticket_that_begin_together_are_a_page() -> None:
    found = _play(_two_severities(), [100] * 3)
    assert [(t.severity.value, t.state.value) for t in found] == [
        ("PAGE", "FIRING"),
        ("TICKET", "SUPPRESSED"),
    ]


def test_silence_is_not_health() -> None:
    found = _play(_two_severities(), [100] * 5 + [None] * 60 + [0] * 10)
    pages = [(t.state.value, t.reason) for t in found if t.severity is Severity.PAGE]
    assert pages == [
        ("FIRING", BURNING),
        ("STALE", EMPTY),
        ("NO_DATA", SILENT),
        ("RESOLVED", RECOVERED),
    ]
    stale, silent = (t.at_us for t in found if t.state in {AlertState.STALE, AlertState.NO_DATA})
    assert (stale, silent - stale) == (10 * SECOND, 20 * SECOND)
    assert [t.ends_us for t in found if t.state is not AlertState.RESOLVED] == [None] * 4


def test_what_burns_again_after_silence_is_the_same_episode() -> None:
    found = _play(_two_severities(), [100] * 5 + [None] * 60 + [100] * 3)
    pages = [t for t in found if t.severity is Severity.PAGE]
    assert [t.state.value for t in pages] == ["FIRING", "STALE", "NO_DATA", "FIRING"]
    assert len({t.starts_us for t in pages}) == 1


def _flaps(bursts: int, pause: int, tail: int) -> list[Transition]:
    page = tier(4 * MINUTE, MINUTE, "0.25", objective="0.5", period_us=8 * MINUTE)
    made = slo(
        page,
        objective=page.limit,
        period_us=8 * MINUTE,
        bucket_us=MINUTE,
        keep_firing_us={Severity.PAGE: MINUTE},
    )
    return _play(made, ([100] * 2 + [0] * pause) * bursts + [0] * tail)


def test_after_three_resolutions_in_an_hour_the_fourth_firing_stays_until_it_is_calm() -> None:
    found = _flaps(bursts=8, pause=6, tail=40)
    states = [t.state.value for t in found]
    assert states == ["FIRING", "RESOLVED"] * 4
    assert [(t.flapping, t.flap_count) for t in found[::2]] == [
        (False, 0),
        (False, 1),
        (False, 2),
        (True, 3),
    ]
    last = found[-1]
    assert last.flapping
    # The last burst ends with minute 58; the first false minute is the 59th, and 30 are calm.
    assert (last.ends_us, last.at_us) == (59 * MINUTE, 89 * MINUTE)


def test_after_it_was_calm_it_starts_anew() -> None:
    found = _flaps(bursts=4, pause=6, tail=40)
    again = _flaps(bursts=4, pause=6, tail=40 + 2)
    assert [t.flapping for t in again] == [t.flapping for t in found]
    slow = _flaps(bursts=6, pause=28, tail=0)
    assert not any(t.flapping for t in slow), "two resolutions an hour are no flapping"


def test_a_page_that_lasts_for_hours_is_no_flapping() -> None:
    found = _flaps(bursts=1, pause=0, tail=HOUR // MINUTE)
    assert [t.flap_count for t in found] == [0, 0]
