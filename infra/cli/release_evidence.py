"""The evidence behind a release, counted again from the log by the gate's own rules."""

from collections.abc import Iterator
from typing import Any

from infra.cli.log import read_whole
from infra.settings import Settings
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.facts import Fact
from schemas.strata import StratumStatus
from schemas.topics import ROLLOUT_PARTIALS
from streams.rollout.explaining import Assessment, assessments
from streams.rollout.policy import load_policy
from streams.rollout.standing import ReleaseStanding
from streams.rollout.tally import Tally
from streams.rollout.waves import missing


def explained(settings: Settings, book: ReleaseBook, view: ReleaseView) -> list[dict[str, Any]]:
    """A row for each test of each stratum.

    Raises:
        PolicyError: The policy file cannot be used.
    """
    facts = read_whole(settings, ROLLOUT_PARTIALS)
    policy = load_policy(settings.policy_file)
    tally = Tally(policy, (), newest_generations(facts))
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
    """What `releases get --explain` shows."""
    for stratum, view in at.strata.items():
        for test in assessments(at, stratum):
            is_open = view.status is StratumStatus.OPEN
            yield {
                "stratum": stratum,
                "status": view.status.value,
                "test": test.metric,
                **_counts(test),
                "waits_for": ", ".join(missing(at, stratum)) if is_open else view.reason,
            }


def _counts(test: Assessment) -> dict[str, Any]:
    return {
        "devices": test.counts.n,
        "failed": test.counts.failures_low,
        "undecided": test.counts.failures_high - test.counts.failures_low,
        "e_harm": float(f"{test.e_harm:.3g}"),
        "harm_at": float(f"{test.harm_at:.3g}"),
        "failures_until_harm": test.failures_until_harm,
        "e_safe": float(f"{test.e_safe:.3g}"),
        "safe_at": float(f"{test.safe_at:.3g}"),
        "good_until_proven": test.good_until_proven,
    }
