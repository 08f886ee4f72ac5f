"""SLO files: what is meant, and what is refused with its line, field, value and rule."""

from fractions import Fraction
from pathlib import Path

import pytest

from schemas import durations
from schemas.catalogue import CATALOGUE
from schemas.records import DeviceClass, Severity
from streams.slo import slo_file
from streams.slo.objectives import Mode, Slo, alerting_digest, counting_digest
from streams.slo.slo_file import SloFileError
from tests.slo_log import DAY, HOUR, MINUTE, SECOND

DEMO = Path(__file__).parents[4] / "infra" / "demo" / "slo.yaml"
SHIPPED = slo_file.DEFAULT_FILE.read_text()
TEXT = SHIPPED.partition("---\n")[0]
LAST = "{severity: ticket, long: 3d, short: 6h, budget_share: 0.1}"


def one(old: str = "", new: str = "") -> Slo:
    """The vehicles' SLO with a change."""
    assert old in TEXT
    (slo,) = slo_file.parse(TEXT.replace(old, new, 1) if old else TEXT, "f")
    return slo


def refused(text: str | bytes, tmp_path: Path) -> SloFileError:
    """What is said of a file with such a text."""
    path = tmp_path / "fleet.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SloFileError) as caught:
        slo_file.load(path)
    assert "fleet.yaml" in str(caught.value)
    return caught.value


def test_the_file_that_ships_has_the_four_tiers_of_the_workbook() -> None:
    slo, _ = slo_file.load(None)
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
    assert slo.no_data_after_us == 9 * MINUTE, "0.144 * 1h to the minute"


def test_every_hardware_of_the_catalogue_is_judged_by_the_slo_of_its_class() -> None:
    vehicles, robots = slo_file.load(None)
    by_class = {DeviceClass.VEHICLE: vehicles, DeviceClass.ROBOT: robots}
    for hardware in CATALOGUE.hardware.values():
        assert hardware.deadline_us == by_class[hardware.device_class].threshold_us
    assert robots.tiers[0].limit == Fraction("0.288")


def test_the_demo_pages_after_five_seconds_of_mostly_late_frames() -> None:
    (slo,) = slo_file.load(DEMO)
    page = slo.tiers_of(Severity.PAGE)[0]
    assert (page.long_us, page.short_us, slo.bucket_us) == (2 * MINUTE, 20 * SECOND, SECOND)
    assert page.long_us * page.limit / Fraction("0.9") == 5 * SECOND
    assert (slo.lateness_us, slo.keep_firing_us[Severity.PAGE]) == (2 * SECOND, 5 * SECOND)


def test_every_key_of_the_alerting_block_is_read() -> None:
    slo = one(
        "min_bad: 3",
        "min_bad: 4\n    min_events: 100\n    max_keys: 50\n    owner: perception\n"
        "    notify: {mode: shadow}\n    for: {page: 2m}\n    no_data_after: 90s\n"
        "    keep_firing_for: {ticket: 1h}\n    runbook_url: https://example.org/slo",
    )
    assert (slo.min_bad, slo.min_events, slo.max_keys) == (4, 100, 50)
    assert (slo.owner, slo.shadow, slo.no_data_after_us) == ("perception", True, 90 * SECOND)
    assert slo.for_us == {Severity.PAGE: 2 * MINUTE, Severity.TICKET: 0}
    assert slo.keep_firing_us == {Severity.PAGE: 5 * MINUTE, Severity.TICKET: HOUR}
    assert not one().shadow


def test_a_factor_says_the_same_as_the_share_it_stands_for_and_a_disabled_tier_nothing() -> None:
    assert one("budget_share: 0.02", "factor: 14.4").tiers == one().tiers
    assert one(LAST, LAST.replace("}", ", enabled: false}")).tiers == one().tiers[:3]


def test_silence_is_told_with_the_time_that_the_first_tier_would_need() -> None:
    assert one("min_bad: 3", "min_bad: 3\n    for: {page: 2m}").no_data_after_us == 11 * MINUTE
    assert one("0.99,", "0.999,").no_data_after_us == 5 * MINUTE, "never sooner"


def test_consumption_is_read_with_the_events_that_the_period_expects() -> None:
    slo = one("mode: ratio", "mode: consumption\n    expected_events: 720_000")
    assert (slo.mode, slo.expected_events) == (Mode.CONSUMPTION, 720_000)


WRONG = [
    ("min_bad: 3", "minbad: 3", ["spec.alerting.minbad='3'", "is min_bad meant?"]),
    ("min_bad: 3", "colour: red", ["spec.alerting.colour='red'", "unknown key; remove it"]),
    ("  service: perception\n", "", ["spec.service: is missing"]),
    ("service: perception", "service: ''", ["spec.service=''", "at least 1"]),
    ("service: perception", 'service: "a\\nb"', ["spec.service='a\\nb'", "one line"]),
    ("service: perception", f"service: {'x' * 10_240}", ["(10242 characters)", "1024"]),
    ("openslo/v1", "openslo/v2", ["apiVersion='openslo/v2'", "'openslo/v1'"]),
    ("kind: SLO", "kind: Service", ["kind='Service'", "'SLO'"]),
    ("perception-latency", "Perception Latency", ["metadata.name='Perception Latency'"]),
    ("perception-latency", "a" * 64, ["metadata.name='aaaa", "1 to 63"]),
    ("{name: perception-latency}", "x", ["metadata='x'", "map of keys and values"]),
    ("0.99,", "1,", ["objectives[0].target='1'", "less than 1"]),
    ("0.99,", "0,", ["objectives[0].target='0'", "greater than 0"]),
    ("0.99,", "99,", ["objectives[0].target='99'", "less than 1"]),
    ("0.99,", "high,", ["objectives[0].target='high'", "a number such as 0.99"]),
    ("0.99,", "'0.99',", ["objectives[0].target='0.99'", "a number such as 0.99"]),
    ("0.99,", ".nan,", ["objectives[0].target='.nan'", "a number such as 0.99"]),
    ("0.99,", "true,", ["objectives[0].target=True", "a number such as 0.99"]),
    ("op: lte", "op: lt", ["objectives[0].op='lt'", "'lte'"]),
    ("50ms", "50 ms", ["objectives[0].value='50 ms'", "no duration", "us, ms, s, m"]),
    ("50ms", "0ms", ["objectives[0].value='0ms'", "at least 1us"]),
    ("50ms", "50", ["objectives[0].value='50'", "no duration"]),
    ("50ms}]", "50ms}, {target: 0.9, op: lte, value: 1s}]", ["objectives=", "at most 1"]),
    ("[{target: 0.99, op: lte, value: 50ms}]", "[]", ["objectives=[]", "at least 1"]),
    ("Occurrences", "Timeslices", ["budgetingMethod='Timeslices'", "'Occurrences'"]),
    ("isRolling: true", "isRolling: false", ["isRolling=False", "True"]),
    ("isRolling: true", "calendar: {}", ["isRolling: is missing"]),
    ("duration: 30d", "duration: 1y", ["timeWindow[0].duration='1y'", "no duration"]),
    ("duration: 30d", "duration: 2d", ["tiers[3].long: 3d", "longer than the budget's period, 2d"]),
    ("[release_id, hardware]", "[release_id, device_id]", ["group_by[1]='device_id'", "'region'"]),
    ("[release_id, hardware]", "[hardware, hardware]", ["names a label twice"]),
    ("[release_id, hardware]", "[]", ["group_by=[]"]),
    ("[release_id, hardware]", "hardware", ["group_by='hardware'", "must be a list"]),
    ("mode: ratio", "mode: exact", ["alerting.mode='exact'", "'ratio' or 'consumption'"]),
    ("mode: ratio", "mode: shadow", ["alerting.mode='shadow'"]),
    ("min_bad: 3", "expected_events: 9", ["expected_events", "mode consumption only"]),
    ("min_bad: 3", "min_bad: 0", ["min_bad='0'", "greater than or equal to 1"]),
    ("min_bad: 3", "min_bad: 2.5", ["min_bad='2.5'", "valid integer"]),
    ("min_bad: 3", "min_bad: yes", ["min_bad=True", "valid integer"]),
    ("min_bad: 3", "min_bad: 2026-13-45", ["min_bad='2026-13-45'", "valid integer"]),
    ("min_bad: 3", "min_events: -1", ["min_events='-1'"]),
    ("min_bad: 3", "max_keys: 1000000", ["max_keys='1000000'", "less than or equal to 10000"]),
    ("min_bad: 3", "max_keys: 4", ["max_keys", "makes 5 keys of the catalogue alone"]),
    ("min_bad: 3", "bucket: 0s", ["bucket='0s'", "at least 1s"]),
    ("min_bad: 3", "lateness: -1s", ["lateness='-1s'", "no duration"]),
    ("min_bad: 3", "lateness: 2h", ["lateness='2h'", "at most 1h"]),
    ("min_bad: 3", "no_data_after: 0s", ["no_data_after='0s'"]),
    ("min_bad: 3", "notify: {mode: loud}", ["notify.mode='loud'", "'live' or 'shadow'"]),
    ("min_bad: 3", "for: {page: soon}", ["alerting.for.page='soon'", "no duration"]),
    ("min_bad: 3", "keep_firing_for: 5m", ["keep_firing_for='5m'", "map of keys"]),
    ("min_bad: 3", "owner: 7", ["owner='7'", "valid string"]),
    ("0.02}", "0.02, enabled: maybe}", ["tiers[0].enabled='maybe'", "valid boolean"]),
    ("short: 5m", "short: 1h", ["tiers[0].short: 1h must be below long=1h", "5m, is usual"]),
    ("short: 5m", "short: 2h", ["tiers[0].short: 2h", "twelfth"]),
    ("short: 5m", "short: 301s", ["301s must be a multiple of the bucket, 10s; 5m is one"]),
    ("long: 3d", "long: 31d", ["tiers[3].long: 31d is longer", "at most 30d"]),
    ("long: 6h, short: 30m", "long: 1h, short: 5m", ["tiers[1]", "windows of tiers[0]"]),
    ("severity: page", "severity: wake", ["tiers[0].severity='wake'", "'page' or 'ticket'"]),
    ("budget_share: 0.02", "budget_share: 1.5", ["tiers[0].budget_share='1.5'"]),
    ("budget_share: 0.02", "budget_share: 0", ["tiers[0].budget_share='0'"]),
    ("budget_share: 0.02", "factor: 100", ["tiers[0].factor: 100 can never fire", "100% bad"]),
    ("budget_share: 0.02", "factor: 9, budget_share: 0.1", ["tiers[0].factor: write either"]),
    (", budget_share: 0.02", "", ["tiers[0]: write budget_share"]),
    ("min_bad: 3", "min_bad: 3\n    min_bad: 4", ["min_bad stands twice, first in line 16"]),
    ("min_bad: 3", "? [a]\n    : 3", ["a list or a map as a key"]),
    ("min_bad: 3", "min_bad: &three 3", ["anchor &three: remove it"]),
    ("min_bad: 3", "min_bad: *three", ["alias *three: write the value out"]),
    ("min_bad: 3", "min_bad: !!python/name:os.system 3", ["python/name:os.system: remove it"]),
    ("min_bad: 3", f"min_bad: {'[' * 5_000}", ["nested more than 16 deep"]),
    ("min_bad: 3", "min_bad: {", ["no YAML"]),
]


@pytest.mark.parametrize(("old", "new", "words"), WRONG, ids=lambda given: str(given)[:40])
def test_what_is_wrong_is_named_with_its_line_place_and_rule(
    old: str, new: str, words: list[str], tmp_path: Path
) -> None:
    assert old in TEXT
    error = refused(TEXT.replace(old, new, 1), tmp_path)
    for word in words:
        assert word in str(error)


def test_the_line_is_that_of_the_value_or_of_what_surrounds_a_missing_one(tmp_path: Path) -> None:
    for old, new, words in WRONG:
        lines, changed = TEXT.splitlines(), TEXT.replace(old, new, 1).splitlines()
        differing = next(at for at, line in enumerate(changed) if lines[at] != line) + 1
        told = refused(TEXT.replace(old, new, 1), tmp_path).problems[0].line
        if "is missing" in words[0] and not new:
            assert told == lines.index("spec:") + 1, words
        elif "budget's period" in str(words):
            assert LAST in lines[told - 1], words
        elif "no YAML" in words:
            assert told >= differing, words
        else:
            assert told in {differing, differing + new.count("\n")}, words


def test_a_promise_that_is_too_weak_for_its_tiers_is_refused_with_the_share_that_fits() -> None:
    with pytest.raises(SloFileError, match=r"0\.02 can never fire: it asks for 144% bad"):
        one("0.99,", "0.9,")
    with pytest.raises(SloFileError, match=r"below 0\.01388 it can"):
        one("0.99,", "0.9,")
    assert one("0.99,", "0.96,").tiers[0].limit == Fraction("0.576")


def test_all_problems_of_all_documents_are_told_in_order(tmp_path: Path) -> None:
    text = SHIPPED.replace("min_bad: 10", "min_bad: x").replace("op: lte", "op: gt", 1)
    text = text.replace("budget_share: 0.05", "budget_share: 5")
    told = refused(text, tmp_path).problems
    assert [one.field for one in told] == [
        "spec.objectives[0].op",
        "spec.alerting.tiers[1].budget_share",
        "spec.alerting.min_bad",
        "spec.alerting.tiers[1].budget_share",
    ]
    assert [one.line for one in told] == sorted(one.line for one in told)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    told = refused(f"{TEXT}---\n{TEXT}", tmp_path)
    assert "metadata.name='perception-latency': stands twice, first in line 6" in str(told)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no SLO in it"),
        ("# nothing\n", "no SLO in it"),
        ("---\n", "map of keys and values"),
        ("3", "map of keys and values"),
        ("[]", "map of keys and values"),
        (b"\x7fELF\x02\x01\x00\xff\xfe", "make it a readable text file"),
        (b"PK\x03\x04", "no YAML"),
        (TEXT.encode("utf-16"), "make it a readable text file"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "anchor &a"),
        (f"# {'x' * 300_000}\n{TEXT}", "longer than 256 KiB"),
    ],
)
def test_what_is_no_slo_file_is_refused(text: str | bytes, words: str, tmp_path: Path) -> None:
    assert words in str(refused(text, tmp_path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SloFileError, match=r"missing\.yaml"):
        slo_file.load(tmp_path / "missing.yaml")
    with pytest.raises(SloFileError, match="directory"):
        slo_file.load(tmp_path)


def test_other_tiers_count_alike_and_decide_differently() -> None:
    first = [one()]
    other = [one("0.02", "0.03")]
    assert counting_digest(first) == counting_digest(other)
    assert alerting_digest(first) != alerting_digest(other)
    for change in ("bucket: 60s", "max_keys: 50"):
        changed = [one("min_bad: 3", f"min_bad: 3\n    {change}")]
        assert counting_digest(first) != counting_digest(changed)


@pytest.mark.parametrize(
    ("change", "decides"),
    [
        ("owner: perception", False),
        ("runbook_url: docs/other.md", False),
        ("min_events: 5", True),
        ("for: {page: 1m}", True),
        ("no_data_after: 1h", True),
        ("notify: {mode: shadow}", True),
    ],
)
def test_words_may_change_without_a_replay_and_rules_may_not(change: str, decides: bool) -> None:
    changed = [one("min_bad: 3", f"min_bad: 3\n    {change}")]
    assert (alerting_digest([one()]) != alerting_digest(changed)) is decides
    assert counting_digest([one()]) == counting_digest(changed)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("50ms", 50_000), ("7us", 7), ("20s", 20 * SECOND), ("36h", 36 * HOUR), ("30d", 30 * DAY)],
)
def test_durations_read_back(text: str, microseconds: int) -> None:
    assert durations.parse(text) == microseconds
    assert durations.spell(microseconds) == text
