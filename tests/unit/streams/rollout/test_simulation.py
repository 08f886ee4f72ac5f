"""The fleet simulator: what a gate is shown, what the rules answer, and what comparing promises."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from infra.cli.main import command_for
from streams.rollout.simulation.argo import Argo
from streams.rollout.simulation.aws import AwsJobs
from streams.rollout.simulation.calibration import Setting
from streams.rollout.simulation.comparison import bootstrap, compare, wilson
from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.delay import Delay, Shape
from streams.rollout.simulation.exposure import Exposure
from streams.rollout.simulation.flagger import Flagger
from streams.rollout.simulation.fleet import draw
from streams.rollout.simulation.gate import Verdict
from streams.rollout.simulation.gates import Name, ours
from streams.rollout.simulation.hawkbit import HawkBit
from streams.rollout.simulation.kayenta import Kayenta, score, too_high
from streams.rollout.simulation.mender import Mender
from streams.rollout.simulation.rollout import Drawn, Rollout
from streams.rollout.simulation.scenario import ScenarioError, load_scenario, shipped

SEED = 20_265


def wave(targets: int = 100, **updates: int) -> Group:
    return Group(targets, 0.0, Counts(**updates), Counts())


def stops(rule: object, *waves: Group) -> Verdict:
    return rule.stops(1e6, waves, list)  # type: ignore[attr-defined, no-any-return] # any rule


@pytest.mark.parametrize(
    ("rule", "seen", "told"),
    [
        (HawkBit(), wave(failed=50), Verdict.WAIT),  # strictly more than half of all targets
        (HawkBit(), wave(failed=51), Verdict.HOLD),
        (HawkBit(), wave(failed=51, regressed=1), Verdict.WAIT),  # a second final status is lost
        (HawkBit(), wave(silent=100), Verdict.WAIT),  # silence is no error
        (HawkBit(error_share=0.0), wave(targets=0), Verdict.WAIT),  # an empty group never fires
        (AwsJobs(0.1), wave(failed=90, committed=9), Verdict.WAIT),  # 99 executed, 100 wanted
        (AwsJobs(0.1), wave(failed=10, committed=90), Verdict.WAIT),  # strictly more
        (AwsJobs(0.1), wave(failed=6, silent=5, committed=89), Verdict.HOLD),  # ALL: timed out too
        (AwsJobs(0.1), wave(failed=50, regressed=50, committed=50), Verdict.WAIT),  # final is final
        (Argo(0.1), wave(failed=5, committed=45), Verdict.WAIT),  # result <= threshold
        (Argo(0.1), wave(failed=6, committed=44), Verdict.ROLL_BACK),
        (Argo(0.1), wave(failed=40), Verdict.WAIT),  # below what users ask for by hand
        (Argo(0.1, failure_limit=1), wave(failed=50), Verdict.WAIT),  # failed > failureLimit
        (Flagger(0.1), wave(failed=6, committed=44), Verdict.ROLL_BACK),
        (Flagger(0.1, failed_checks=2), wave(failed=50), Verdict.WAIT),
        (Mender(), wave(failed=100), Verdict.WAIT),
    ],
    ids=lambda value: value.__class__.__name__ if not isinstance(value, Verdict) else value,
)
def test_a_rule_stops_where_its_source_says(rule: object, seen: Group, told: Verdict) -> None:
    assert stops(rule, seen) is told


def test_a_failed_check_of_flagger_is_never_taken_back() -> None:
    rule = Flagger(0.1, failed_checks=2, interval_s=60)
    looks = [wave(failed=50), wave(failed=50, committed=950), wave(failed=100, committed=950)]
    told = [rule.stops(60.0 * at, [seen], list) for at, seen in enumerate(looks, 1)]
    assert told == [Verdict.WAIT, Verdict.WAIT, Verdict.ROLL_BACK]


def test_hawkbit_goes_on_when_everything_is_final_although_too_little_finished() -> None:
    rule = HawkBit(error_share=0.9, success_share=0.9)
    assert rule.advances(0.0, [wave(failed=60, committed=40)], list)
    assert not rule.advances(0.0, [wave(failed=60, committed=39)], list)
    assert rule.advances(0.0, [wave(targets=0)], list)


def test_kayenta_compares_with_its_baseline() -> None:
    rng = np.random.default_rng(SEED)
    low, high = rng.uniform(0.0, 0.02, 50).tolist(), rng.uniform(0.08, 0.12, 50).tolist()
    assert too_high(high, low, 1.0)
    assert not too_high(low, low, 1.0)  # identical samples pass
    assert not too_high(low, high, 1.0)
    assert not too_high(high, low, 100.0)  # the effect is smaller than what is allowed
    assert too_high(high, [0.0] * 50, 100.0)  # a zero mean has no ratio: the shift decides
    assert (score([True, False]), score([True, True])) == (50.0, 100.0)


def test_kayenta_fails_when_half_of_the_metrics_or_more_have_no_data() -> None:
    # WeightedSumScorer, NODATA_THRESHOLD; ScorerSuite "No Data".
    assert score([True, None]) == score([None, None]) == score([]) == 0.0
    assert score([True, True, None]) == 100.0
    judge = Kayenta()
    assert not judge.advances(0.0, [wave()], list)
    assert judge.stops(0.0, [wave()], list) is Verdict.ROLL_BACK


@pytest.mark.parametrize("shape", Shape)
def test_half_of_the_devices_take_no_longer_than_the_median(shape: Shape) -> None:
    drawn = Delay(median_s=60.0, shape=shape, spread=1.0).draw(np.random.default_rng(SEED), 20_000)
    assert 0.48 <= np.mean(drawn <= 60.0) <= 0.52 or shape is Shape.CONSTANT
    assert np.median(drawn) == pytest.approx(60.0, rel=0.05)


def test_counts_add_up_at_every_moment() -> None:
    scenario = load_scenario(shipped()["drift"])
    exposure = Exposure(Drawn(scenario, SEED).strata["HW4"])
    exposure.widen(0.1, 0.0)
    before = Counts()
    for now_s in range(0, 500_000, 10_000):
        counts = Counts.total(group.updates for group in exposure.groups(now_s))
        assert counts.committed + counts.failed + counts.silent <= counts.accepted
        assert counts.accepted >= before.accepted
        assert counts.failed >= before.failed
        before = counts
    assert before.regressed > 0, "the fault shows after the commit"
    assert exposure.exposed(math.inf) == pytest.approx(200, abs=45)


def test_every_gate_sees_the_same_fleet_and_a_seed_repeats() -> None:
    scenario = load_scenario(shipped()["by_region"])
    one, again = draw(scenario, 3)["HW4"], draw(scenario, 3)["HW4"]
    assert (one.accepts_s == again.accepts_s).all()
    assert one.fails.mean() == pytest.approx(0.06, abs=0.02)


def test_only_hw3_goes_back_and_the_others_wait_for_a_person() -> None:
    scenario = load_scenario(shipped()["only_hw3"])
    outcome = Rollout(scenario, Drawn(scenario, 1), ours(scenario)).play()
    assert outcome.back == ("HW3",)
    assert sorted(outcome.held) == ["AI5", "HW4"]


HARMFUL = (
    "twice",
    "five_times",
    "ten_times",
    "failures_first",
    "failures_late",
    "heavy_tail",
    "by_region",
    "fifth_away",
    "silence",
    "drift",
    "latency_only",
)


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_release_never_reaches_everybody_through_our_gate(name: str) -> None:
    scenario = load_scenario(shipped()[name])
    (found,) = compare(scenario, {}, [1])
    assert found.full.value == 0.0, name
    assert found.exposed.value < 150, (name, found.exposed)


def test_a_good_release_reaches_everybody_and_mender_stops_nothing() -> None:
    scenario = load_scenario(shipped()["good"])
    settings = {Name.MENDER: Setting(1.0, 86_400.0, 0.0)}
    mine, theirs = compare(scenario, settings, [1, 2])
    assert (mine.full.value, theirs.full.value) == (1.0, 1.0)
    assert mine.full_median_s == theirs.full_median_s
    assert mine.false_back.value == mine.false_hold.value == 0.0


def test_intervals_hold_their_estimate() -> None:
    assert wilson(0, 100).low == pytest.approx(0.0)
    assert wilson(0, 100).high == pytest.approx(0.037, abs=0.001)
    found = bootstrap([1.0, 2.0, 3.0, 4.0])
    assert found.low < found.value == 2.5 < found.high


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "must map keys to values"),
        ("about: x\nfleet: {HW4: 10}\nfailing: {rat: 0.1}", "did you mean rate"),
        ("about: x\nfleet: {HW9: 10}\nfailing: {rate: 0.1}", "HW9 is not in the catalogue"),
        ("about: x\nfleet: {HW4: 10}\nfailing: {rate: 1.1}", "failing.rate=1.1"),
        (
            "about: x\nfleet: {HW4: 9}\nfailing: {rate: 0.1, only: [HW3]}",
            "HW3 is not in the fleet",
        ),
        ("about: x\nfleet: {HW4: 2000000}\nfailing: {rate: 0.1}", "are more than 1000000"),
        (
            "about: x\nfleet: {HW4: 9}\nfailing: {rate: 0.1}\nhorizon_s: 1.0e+12",
            "are more than 100000 ticks",
        ),
        ("about: x\nfleet: {}\nfailing: {rate: 0.1}", "fleet="),
        ("a: [", "line 1: no YAML"),
    ],
)
def test_a_scenario_that_cannot_be_played_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=told):
        load_scenario(path)


def test_every_shipped_scenario_can_be_read() -> None:
    assert len([load_scenario(path) for path in shipped().values()]) >= 13


def test_the_command_plays_ours_alone_in_json() -> None:
    line = ["rollout", "simulate", "--scenario", "drift", "--gates", "ours", "--seeds", "1"]
    told = CliRunner().invoke(command_for(line), [*line, "-o", "json"])
    assert told.exit_code == 0, told.output
    assert '"gate": "ours"' in told.stdout
    wrong = CliRunner().invoke(command_for(line), [*line[:-3], "spinnaker"])
    assert wrong.exit_code == 1
    assert "spinnaker is none of ours, hawkbit" in wrong.output


KEYS = (
    "about", "fleet", "fleet.HW4", "failing", "failing.rate", "failing.only", "failing.how",
    "failing.after", "failing.after.median_s", "failing.after.shape", "failing.by_region",
    "accepts", "accepts.spread", "regions", "policy", "policy.ceiling", "policy.waves",
    "policy.metrics", "policy.metrics.latency", "tick_s", "horizon_s", "never_accepts", "nonsense",
    "failing.nonsense", "policy.metrics.nonsense", "accepts.nonsense",
)  # fmt: skip
WRONG: tuple[Any, ...] = (
    None,
    "x",
    -1,
    1e300,
    float("nan"),
    [],
    {},
    {"nonsense": 1},
    [1, "x"],
    True,
)


@pytest.mark.parametrize("key", KEYS)
def test_whatever_stands_at_a_key_is_played_or_refused_by_name(tmp_path: Path, key: str) -> None:
    path = tmp_path / "one.yaml"
    for value in WRONG:
        content: dict[str, Any] = {
            "about": "x",
            "fleet": {"HW4": 20},
            "failing": {"rate": 0.1, "after": {"median_s": 1.0}},
            "accepts": {"median_s": 1.0},
            "policy": {"metrics": {}},
        }
        *parents, last = key.split(".")
        at = content
        for parent in parents:
            at = at[parent]
        at[last] = value
        path.write_text(yaml.safe_dump(content))
        told = refusal(path)
        assert told is None or (f"{path}: " in told and last in told), (key, value, told)
        assert told or "nonsense" not in key, value


def refusal(path: Path) -> str | None:
    try:
        load_scenario(path)
    except ScenarioError as error:
        return str(error)
    return None
