"""The evidence behind a release, counted again from the log by the gate's own rules."""

import math
from collections.abc import Iterator
from typing import Any, Final

from infra.cli.log import read_whole
from infra.settings import Settings
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.facts import Fact
from schemas.strata import StratumStatus
from schemas.stratum_view import StratumView
from schemas.topics import ROLLOUT_PARTIALS
from streams.rollout import shadows
from streams.rollout.evidence import Counts
from streams.rollout.explaining import Assessment, assessments, failures_until_harm
from streams.rollout.judged import Mismatch
from streams.rollout.policy import load_policy
from streams.rollout.shadow_tally import LATENCY
from streams.rollout.shadow_tests import ShadowTest
from streams.rollout.standing import ReleaseStanding
from streams.rollout.tally import Tally
from streams.rollout.waves import missing

_NOTHING: Final[dict[str, Any]] = dict.fromkeys(
    (
        *("stratum", "status", "test", "guard", "limit", "devices", "failed", "undecided"),
        *("encounters", "differing", "candidates", "km", "events", "control_km", "control_events"),
        *("e_harm", "harm_at", "failures_until_harm", "e_safe", "safe_at", "good_until_proven"),
        "waits_for",
    )
)
"""Columns of every row, in order; what a test does not have stays empty."""


def explained(settings: Settings, book: ReleaseBook, view: ReleaseView) -> list[dict[str, Any]]:
    """A row for each test of each stratum.

    Raises:
        PolicyError: The policy file cannot be used.
    """
    facts = read_whole(settings, ROLLOUT_PARTIALS)
    policy = load_policy(settings.policy_file)
    generations = newest_generations(facts)
    heard = (fact.record for fact in facts)
    sources = {
        (record.source_topic, record.source_partition)
        for record in heard
        if generations[record.source_topic] == record.generation
    }
    tally = Tally(policy, sources, generations)
    for fact in facts:
        tally.include(fact.record, fact.offset)
    at = ReleaseStanding(
        view=view,
        parent=book.parent(view),
        tally=tally,
        policy=policy,
        now_us=tally.heard_us,
    )
    return list(evidence_rows(at))


def newest_generations(facts: list[Fact]) -> dict[str, str]:
    """By source topic, the generation that counted last."""
    found: dict[str, tuple[int, str]] = {}
    for fact in facts:
        record = fact.record
        told = (fact.stamp_us, record.generation)
        found[record.source_topic] = max(found.get(record.source_topic, (0, "")), told)
    return {topic: generation for topic, (_, generation) in found.items()}


def evidence_rows(at: ReleaseStanding) -> Iterator[dict[str, Any]]:
    """What `releases get --explain` shows: every test of every stratum by name."""
    for stratum, view in at.strata.items():
        waits_for = _waits_for(at, stratum, view)
        shown = [_counts(test) for test in assessments(at, stratum)]
        if (shadow := at.shadow(stratum)) is not None:
            shown.extend(_shadow(test) for test in shadow.tests if test.seen)
        if (mismatch := at.sample_ratio_mismatch(stratum)) is not None:
            shown.append(_arms(mismatch))
        for row in shown:
            status = view.status.value
            yield {**_NOTHING, "stratum": stratum, "status": status, **row, "waits_for": waits_for}


def _waits_for(at: ReleaseStanding, stratum: str, view: StratumView) -> str:
    match view.status:
        case StratumStatus.OPEN:
            return ", ".join(missing(at, stratum))
        case StratumStatus.SHADOW:
            return ", ".join(shadows.missing(at, stratum))
        case _:
            return view.reason


def _shadow(test: ShadowTest) -> dict[str, Any]:
    counts = Counts(test.seen, test.bad, test.seen)
    until = 0 if test.harmful else failures_until_harm(counts, test.limit, test.harm_at)
    seen = {"encounters": test.seen, "differing": test.bad}
    if test.name == LATENCY:
        seen = {"devices": test.seen, "failed": test.bad, "undecided": 0}
    return {
        "test": f"shadow {test.name}",
        "limit": test.limit,
        **seen,
        "e_harm": _short(test.log_e),
        "harm_at": _short(test.harm_at),
        "failures_until_harm": until,
    }


def _counts(told: Assessment) -> dict[str, Any]:
    test = told.test
    row = {
        "test": test.metric.value,
        "guard": test.guard,
        "limit": test.limit,
        "e_harm": _short(test.peak.harm),
        "harm_at": _short(test.harm_at),
        "failures_until_harm": told.failures_until_harm,
        "e_safe": _short(test.peak.safe),
        "safe_at": _short(test.safe_at),
        "good_until_proven": told.good_until_proven,
    }
    counts = test.counts
    if isinstance(counts, Counts):
        undecided = counts.failures_high - counts.failures_low
        return {
            **row,
            "devices": counts.n,
            "failed": counts.failures_low,
            "undecided": undecided,
        }
    return {
        **row,
        "km": round(counts.metres / 1_000, 1),
        "events": counts.events,
        "control_km": round(counts.control_metres / 1_000, 1),
        "control_events": counts.control_events,
    }


def _arms(mismatch: Mismatch) -> dict[str, Any]:
    return {
        "test": "arms",
        "limit": mismatch.share,
        "devices": mismatch.candidates + mismatch.control,
        "candidates": mismatch.candidates,
        "e_harm": _short(mismatch.log_e),
        "harm_at": _short(mismatch.at),
    }


def _short(log_e: float) -> float:
    return float(f"{math.exp(log_e):.3g}")
