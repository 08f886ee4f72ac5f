"""An independent judge: Prometheus' evaluator of our exported rules against our engine.

Every minute of every series is an entry of a promtool test: the tiers that are true, and the
alerts that fire. `make soak NAME=promtool` does the same with three days of history first.
"""

import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from schemas.records import Severity
from streams.slo import slo_file
from streams.slo.prometheus.files import files
from streams.slo.prometheus.promtool import Minute
from tests.promtool import PROMTOOL, as_prometheus, compare, judged, promtool
from tests.promtool_series import CASES, Case

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        shutil.which(PROMTOOL) is None and "CI" not in os.environ,
        reason="promtool is not there (Debian package prometheus); in CI it must be",
    ),
]


def named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def changes(told: list[Minute]) -> int:
    return sum(before.active != after.active for before, after in pairwise(told))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_tier_is_true_in_the_same_minutes(case: Case, tmp_path: Path) -> None:
    engine = judged(case, case.short)
    assert [one.number for one in engine] == list(range(len(next(iter(case.short.values()))) + 1))
    assert changes(engine), "a series on which nothing happens proves nothing"
    told = as_prometheus(case.slo, engine)
    found = compare(tmp_path, case, case.short, told)
    assert found.returncode == 0, found.stdout + found.stderr
    if not case.differs:
        assert [set(one.firing) for one in told] == [set(one.firing) for one in engine]


@pytest.mark.parametrize("minute", [125, 180])
def test_one_wrong_minute_is_found(minute: int, tmp_path: Path) -> None:
    case = named("all bad for 30 min")
    told = as_prometheus(case.slo, judged(case, case.short))
    wrong, words = {
        125: (replace(told[125], active=()), "time: 2h5m"),
        180: (replace(told[180], firing=((Severity.PAGE, ("HW4", "release-1")),)), "time: 3h"),
    }[minute]
    found = compare(tmp_path, case, case.short, [*told[:minute], wrong, *told[minute + 1 :]])
    assert found.returncode == 1
    assert words in found.stdout + found.stderr


def test_without_data_ours_goes_on_firing_and_prometheus_resolves() -> None:
    case = named("gaps")
    engine = judged(case, case.short)
    told = as_prometheus(case.slo, engine)  # promtool agrees with these: the first test
    (counts,) = case.short.values()
    page = [any(severity is Severity.PAGE for severity, _ in one.firing) for one in engine]
    theirs = [any(severity is Severity.PAGE for severity, _ in one.firing) for one in told]
    differing = [at for at in range(len(engine)) if page[at] != theirs[at]]
    assert differing
    for at in differing:
        assert page[at], "it is ours that holds on"
        assert sum(total for total, _ in counts[at - 40 : at]) < 1_000 * 40, "data was missing"


def test_too_few_bad_events_are_no_difference_since_the_rules_say_them(tmp_path: Path) -> None:
    case = named("low traffic")
    alone = replace(case, slo=replace(case.slo, min_bad=1))
    assert changes(judged(alone, alone.short)) > changes(judged(case, case.short))
    told = as_prometheus(alone.slo, judged(alone, alone.short))
    assert compare(tmp_path, alone, alone.short, told).returncode == 0


def test_the_tests_that_are_exported_pass_and_know_every_tier(tmp_path: Path) -> None:
    for name, text in files(slo_file.load(None)):
        (tmp_path / name).write_text(text)
        if name.endswith(".test.yaml"):
            assert all(f'long="{long}"' in text for long in ("1h", "6h", "1d", "3d"))
    tests = sorted(path.name for path in tmp_path.glob("*.test.yaml"))
    found = promtool(tmp_path, "test", "rules", *tests)
    assert found.returncode == 0, found.stdout + found.stderr
