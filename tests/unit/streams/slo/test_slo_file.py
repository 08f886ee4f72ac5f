"""SLO files: what is meant, and what is refused with which words."""

from fractions import Fraction
from pathlib import Path

import pytest

from schemas.records import Severity
from streams.slo import durations, slo_file
from streams.slo.objectives import alerting_digest, counting_digest
from streams.slo.slo_file import SloFileError
from tests.slo_log import DAY, HOUR, MINUTE, SECOND

DEMO = Path(__file__).parents[4] / "infra" / "demo" / "slo.yaml"
TEXT = slo_file.DEFAULT_FILE.read_text()


def test_the_file_that_ships_has_the_four_tiers_of_the_workbook() -> None:
    (slo,) = slo_file.load(None)
    assert (slo.objective, slo.threshold_us, slo.period_us) == (Fraction("0.99"), 50_000, 30 * DAY)
    assert [(tier.severity, tier.factor) for tier in slo.tiers] == [
        (Severity.PAGE, Fraction("14.4")),
        (Severity.PAGE, 6),
        (Severity.TICKET, 3),
        (Severity.TICKET, 1),
    ]
    assert slo.tiers[0].limit == Fraction("0.144")
    assert slo.group_by == ("hardware", "release_id")
    assert slo.bucket_us == 10 * SECOND
    assert slo.keep_firing_us == {Severity.PAGE: 5 * MINUTE, Severity.TICKET: 30 * MINUTE}


def test_the_demo_pages_after_eight_seconds_of_mostly_late_frames() -> None:
    (slo,) = slo_file.load(DEMO)
    page = slo.tiers_of(Severity.PAGE)[0]
    assert (page.long_us, page.short_us, slo.bucket_us) == (2 * MINUTE, 20 * SECOND, SECOND)
    assert page.long_us * page.limit / Fraction("0.9") == 8 * SECOND
    assert (slo.lateness_us, slo.keep_firing_us[Severity.PAGE]) == (2 * SECOND, 5 * SECOND)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("min_bad: 3", "minbad: 3", ["spec.alerting.minbad=3", "unknown key"]),
        ("openslo/v1", "openslo/v2", ["apiVersion='openslo/v2'"]),
        ("kind: SLO", "kind: Service", ["kind='Service'"]),
        ("perception-latency", "Perception Latency", ["metadata.name='Perception Latency'"]),
        ("0.99,", "1,", ["objectives.0.target='1'", "less than 1"]),
        ("0.99,", "0,", ["objectives.0.target='0'", "greater than 0"]),
        ("0.99,", "high,", ["objectives.0.target='high'"]),
        ("0.99,", "0.9,", ["tiers[0].budget_share=0.02", "can never fire", "144%", "0.01389"]),
        ("op: lte", "op: lt", ["objectives.0.op='lt'"]),
        ("50ms", "50 ms", ["objectives.0.value='50 ms'", "no duration", "us, ms, s, m"]),
        ("50ms", "0ms", ["objectives.0.value=0", "greater than 0"]),
        ("Occurrences", "Timeslices", ["budgetingMethod='Timeslices'"]),
        ("isRolling: true", "isRolling: false", ["isRolling=False"]),
        ("duration: 30d", "duration: 1y", ["timeWindow.0.duration='1y'"]),
        ("[release_id, hardware]", "[release_id, device_id]", ["group_by.1='device_id'"]),
        ("[release_id, hardware]", "[hardware, hardware]", ["names a label twice"]),
        ("[release_id, hardware]", "[]", ["group_by=[]"]),
        ("mode: ratio", "mode: exact", ["alerting.mode='exact'", "ratio"]),
        ("min_bad: 3", "min_bad: 0", ["min_bad=0"]),
        ("short: 5m", "short: 1h", ["tiers.0", "short=1h", "long=1h"]),
        ("short: 5m", "short: 2h", ["tiers.0", "short=2h", "twelfth"]),
        ("short: 5m", "short: 301s", ["short=301s must be a multiple of the bucket, 10s"]),
        ("long: 3d", "long: 31d", ["tiers.3", "long=31d is longer"]),
        ("severity: page", "severity: wake", ["tiers.0.severity='wake'"]),
        ("budget_share: 0.02", "budget_share: 1.5", ["tiers.0.budget_share='1.5'"]),
        ("budget_share: 0.02", "budget_share: 0", ["tiers.0.budget_share='0'"]),
        ("min_bad: 3", "min_bad: 3\n    bucket: 0s", ["bucket=0s"]),
        ("min_bad: 3", "min_bad: 3\n    lateness: -1s", ["lateness='-1s'"]),
        ("kind: SLO", "kind: [", ["no YAML"]),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_rule(
    old: str, new: str, words: list[str]
) -> None:
    assert old in TEXT
    with pytest.raises(SloFileError) as caught:
        slo_file.parse(TEXT.replace(old, new), "fleet.yaml")
    assert str(caught.value).startswith("SLO file fleet.yaml")
    for word in words:
        assert word in str(caught.value)


def test_an_slo_of_a_second_document_is_told_apart_and_a_name_is_given_once() -> None:
    second = TEXT.replace("perception-latency", "robots").replace("min_bad: 3", "min_bad: x")
    with pytest.raises(SloFileError, match=r"document 2, spec\.alerting\.min_bad"):
        slo_file.parse(f"{TEXT}\n---\n{second}", "f")
    with pytest.raises(SloFileError, match=r"metadata\.name=perception-latency stands twice"):
        slo_file.parse(f"{TEXT}\n---\n{TEXT}", "f")


@pytest.mark.parametrize("text", ["", "---\n", "3", "[]"])
def test_a_file_without_an_slo_is_refused(text: str) -> None:
    with pytest.raises(SloFileError, match="SLO file f"):
        slo_file.parse(text, "f")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SloFileError, match=r"missing\.yaml"):
        slo_file.load(tmp_path / "missing.yaml")


def test_other_tiers_count_alike_and_decide_differently() -> None:
    one = slo_file.parse(TEXT, "f")
    other = slo_file.parse(TEXT.replace("0.02", "0.03"), "f")
    assert counting_digest(one) == counting_digest(other)
    assert alerting_digest(one) != alerting_digest(other)
    coarser = slo_file.parse(TEXT.replace("min_bad: 3", "min_bad: 3\n    bucket: 60s"), "f")
    assert counting_digest(one) != counting_digest(coarser)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("50ms", 50_000), ("7us", 7), ("20s", 20 * SECOND), ("36h", 36 * HOUR), ("30d", 30 * DAY)],
)
def test_durations_read_back(text: str, microseconds: int) -> None:
    assert durations.parse(text) == microseconds
    assert durations.spell(microseconds) == text
