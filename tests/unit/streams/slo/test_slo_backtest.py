"""Replaying the past: rows, keys, transitions, and a score whose figures are known by hand."""

from datetime import UTC, datetime

import pytest

from schemas.records import AlertState, Severity
from streams.slo.backtest import rows
from streams.slo.backtest.episodes import episodes
from streams.slo.backtest.replay import Replayed, replay
from streams.slo.backtest.rows import Counted, Incident, RowsError
from streams.slo.backtest.score import score
from tests.promtool_series import workbook
from tests.slo_log import DAY, HOUR, MINUTE, SECOND

HEAD = "time,hardware,release_id,total,bad\n"
BEGIN_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * SECOND
LABELS = {"hardware": "HW3", "release_id": "r1"}


def outage(
    *spans: tuple[int, int], minutes: int = 1_440, labels: dict[str, str] = LABELS
) -> list[Counted]:
    """1,000 events a minute, all of them bad in the minutes of the spans."""
    return [
        Counted(
            BEGIN_US + (at + 1) * MINUTE,
            labels,
            1_000,
            1_000 * any(first <= at < last for first, last in spans),
        )
        for at in range(minutes)
    ]


def case(first: int, last: int, **labels: str) -> Incident:
    return Incident(BEGIN_US + first * MINUTE, BEGIN_US + last * MINUTE, labels)


def pages(replayed: Replayed) -> list[tuple[int, int | None]]:
    """Begin and end of every page in minutes."""
    return [
        (
            (one.start_us - BEGIN_US) // MINUTE,
            None if one.end_us is None else (one.end_us - BEGIN_US) // MINUTE,
        )
        for one in episodes(replayed)
        if one.severity is Severity.PAGE
    ]


def test_rows_are_read_with_their_labels_and_zones() -> None:
    text = HEAD + "2026-01-01T01:00:00+01:00,HW3,r1,10,1\n\n2026-01-01 00:00:01.5Z,HW3,r2,20,0\n"
    found = rows.series(text.splitlines(), "s.csv")
    assert found[0] == Counted(BEGIN_US, LABELS, 10, 1)
    assert found[1].at_us == BEGIN_US + 1_500_000


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("yesterday,HW3,r1,1,0", "time='yesterday' is no time; write it as 2026-01-31T08:00:00Z"),
        ("2026-01-01T00:00:00,HW3,r1,1,0", "is no time"),
        ("2026-02-31T00:00:00Z,HW3,r1,1,0", "is no time"),
        ("2026-W01-1T00:00:00Z,HW3,r1,1,0", "is no time"),
        ("2026-01-01T00:01:00Z,HW3,r1,-1,0", "total='-1' is no whole number"),
        ("2026-01-01T00:01:00Z,HW3,r1,1.0,0", "total='1.0' is no whole number"),
        ("2026-01-01T00:01:00Z,HW3,r1,,0", "total='' is no whole number"),
        ("2026-01-01T00:01:00Z,HW3,r1,1,2", "bad=2 is more than total=1"),
        ("2026-01-01T00:01:00Z,HW3,r1,1", "4 cells, the first line has 5"),
        ("2026-01-01T00:00:00Z,HW3,r1,1,0", "repeats time and labels of line 2"),
        (f"2026-01-01T00:01:00Z,{'x' * 10_240},r1,1,0", "has 10240 characters; at most 1024"),
        ('2026-01-01T00:01:00Z,"a\nb",r1,1,0', "holds a control character"),
        ('2026-01-01T00:01:00Z,"a"b,r1,1,0', "no CSV"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(row: str, words: str) -> None:
    text = f"{HEAD}2026-01-01T00:00:00Z,HW3,r1,5,0\n{row}\n"
    with pytest.raises(RowsError) as caught:
        rows.series(text.splitlines(keepends=True), "s.csv")
    line = 4 if "\n" in row else 3
    assert f"s.csv, line {line}: " in str(caught.value)
    assert words in str(caught.value)


def test_every_malformed_row_is_named_up_to_twenty() -> None:
    text = HEAD + "x,HW3,r1,1,0\n" * 30
    with pytest.raises(RowsError) as caught:
        rows.series(text.splitlines(), "s.csv")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        f"s.csv, line {number}" for number in range(2, 22)
    ]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("", "no column time, total, bad"),
        ("time,total\n", "no column bad; there are: time, total"),
        ("time,total,bad,bad\n", "column 'bad' stands twice"),
    ],
)
def test_a_file_without_its_columns_is_refused(head: str, words: str) -> None:
    with pytest.raises(RowsError, match=words):
        rows.series(head.splitlines(), "s.csv")


def test_an_incident_ends_after_it_begins() -> None:
    text = "start,end\n2026-01-01T00:01:00Z,2026-01-01T00:00:00Z\n"
    with pytest.raises(RowsError, match=r"i\.csv, line 2: end=2026-01-01T00:00:00Z is not after"):
        rows.incidents(text.splitlines(), "i.csv")


def test_an_outage_pages_and_resolves_as_the_table_of_the_design_says() -> None:
    clean = 12 * 60
    found = replay(workbook("0.99"), outage((clean, clean + 30), minutes=clean + 240))
    # True from minute 9 on; the slow pair until 28 minutes after the end, then held five minutes.
    assert pages(found) == [(clean + 9, clean + 30 + 29 + 5)]


def test_the_bucket_makes_no_difference() -> None:
    coarse, fine = workbook("0.99"), workbook("0.99", bucket_us=10 * SECOND)
    series = outage((300, 320), (700, 703))
    assert replay(fine, series).slo.bucket_us == MINUTE, "a row a minute is judged by the minute"
    shifted = [Counted(row.at_us + SECOND, row.labels, row.total, row.bad) for row in series]
    assert replay(fine, shifted).slo.bucket_us == 10 * SECOND
    assert pages(replay(coarse, series)) == pages(replay(fine, series))


def test_keys_are_apart_others_are_added_up_and_a_missing_label_is_not_stated() -> None:
    hurt = outage((300, 330), minutes=480)
    well = outage(minutes=480, labels={"hardware": "HW4", "release_id": "r1"})
    both = replay(workbook("0.99"), [*hurt, *well])
    assert {tuple(step.labels.items()) for step in both.transitions} == {tuple(LABELS.items())}
    halves = [
        Counted(row.at_us, {"street": name}, row.total // 2, row.bad // 2)
        for row in hurt
        for name in "ab"
    ]
    summed = replay(workbook("0.99"), halves)
    assert pages(summed) == pages(replay(workbook("0.99"), hurt))
    assert summed.transitions[0].labels == {"hardware": "NOT_STATED", "release_id": "NOT_STATED"}


def test_a_column_slo_says_for_which_a_row_is() -> None:
    slo = workbook("0.99")
    mine = outage((300, 330), minutes=480, labels={**LABELS, "slo": slo.name})
    other = outage((300, 330), minutes=480, labels={**LABELS, "slo": "other"})
    assert pages(replay(slo, mine)) == pages(replay(slo, [*mine, *other]))
    assert not replay(slo, other).cells


def test_the_score_of_two_found_one_missed_and_one_false_alert() -> None:
    series = outage((300, 330), (700, 730), (1_100, 1_002), (1_300, 1_320))
    found = replay(workbook("0.99"), series)
    assert [first for first, _ in pages(found)] == [309, 709, 1_309]
    told = score([found], [case(300, 330), case(700, 730), case(1_100, 1_102)])
    page = told["by_severity"]["PAGE"]
    # 30 minutes of a budget of 432 are 6.9 %, 2 minutes are 0.5 %: not significant.
    assert (page["incidents"], page["significant"], page["detected"]) == (3, 2, 2)
    assert (page["alerts"], page["true_alerts"]) == (3, 2)
    assert page["precision"] == pytest.approx(2 / 3, abs=1e-6)
    assert page["recall"] == 1.0
    assert (page["detection_p50_s"], page["detection_p95_s"]) == (540.0, 540.0)
    assert page["reset_p50_s"] == (29 + 5) * 60
    assert page["budget_spent_before_alert"] == pytest.approx(9 / 432, abs=1e-6)
    assert told["pages_a_day"] == 3
    assert told["flaps"] == 0


def test_duplicates_count_once_for_recall_and_each_for_precision() -> None:
    series = [
        *outage((300, 360)),
        *outage((300, 360), labels={"hardware": "HW4", "release_id": "r1"}),
    ]
    found = replay(workbook("0.99"), series)
    page = score([found], [case(300, 360)])["by_severity"]["PAGE"]
    assert (page["alerts"], page["true_alerts"], page["detected"], page["recall"]) == (2, 2, 1, 1.0)
    here = score([found], [case(300, 360, hardware="HW4")])["by_severity"]["PAGE"]
    assert (here["true_alerts"], here["precision"]) == (1, 0.5)


def test_an_alert_that_comes_back_within_an_hour_is_a_flap_and_silence_is_no_score() -> None:
    short = workbook("0.999", keep_firing_us={Severity.PAGE: 0, Severity.TICKET: DAY})
    found = replay(short, outage((300, 302), (350, 352), minutes=600))
    assert len(pages(found)) == 2
    assert score([found], [])["flaps"] == 1
    quiet = score([replay(workbook("0.99"), outage())], [])
    assert (quiet["alerts"], quiet["precision"], quiet["recall"]) == (0, None, None)
    assert quiet["detection_p50_s"] is None


def test_an_alert_still_firing_has_no_reset() -> None:
    found = replay(workbook("0.99"), outage((300, 1_440)))
    assert pages(found)[-1][1] is None
    assert found.transitions[0].state in {AlertState.FIRING, AlertState.PENDING}
    assert score([found], [case(300, 1_439)])["by_severity"]["PAGE"]["reset_p50_s"] is None


def test_silence_in_an_outage_is_no_end_of_it() -> None:
    series = [
        row
        for row in outage((300, 420))
        if not BEGIN_US + 330 * MINUTE < row.at_us < BEGIN_US + 400 * MINUTE
    ]
    assert len(pages(replay(workbook("0.99"), series))) == 1
    assert (pages(replay(workbook("0.99"), series))[0][1] or 0) * MINUTE > HOUR
