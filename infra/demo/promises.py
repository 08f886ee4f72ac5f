"""What a run of the demo promises, checked against its own report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.decisions import ReleaseView
from schemas.records import AlertState, Severity
from schemas.strata import StratumStatus

HARMED = "HW3"
_FIRING_AND_RESOLVED = 2


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of the story, whether it was kept, and what was found."""

    name: str
    kept: bool
    found: Any


def promises(report: Mapping[str, Any], bad: ReleaseView | None) -> Sequence[Promise]:
    """Hold the report against what the story promises.

    Args:
        report: The finished report.
        bad: The third release as the log has it; None when it never came.
    """
    return (
        _gain(report["releases"]),
        _rollback(report["releases"], bad),
        _parents(report["devices"]),
        _paged(report["alerts"], bad),
        _exact(report["topics"], report["deaths"]),
        _refused(report["dead_letters"]),
    )


def _gain(releases: Sequence[Mapping[str, Any]]) -> Promise:
    accuracy = releases[1]["accuracy"] if len(releases) > 1 else None
    gain = accuracy and accuracy["minus_parent"]
    return Promise(
        "release 2 is better than release 1 on held-back pictures",
        bool(gain and gain["low"] > 0),
        gain,
    )


def _rollback(releases: Sequence[Mapping[str, Any]], bad: ReleaseView | None) -> Promise:
    name = f"release 3 is rolled back: {HARMED} by the gate, the others by order"
    if bad is None or len(releases) < 3:
        return Promise(name, kept=False, found="release 3 was never proposed")
    row = releases[2]
    states = {stratum: view.status.value for stratum, view in bad.strata.items()}
    by_gate = [stratum for stratum, view in bad.strata.items() if view.harmed_us is not None]
    everywhere = set(states.values()) == {StratumStatus.ROLLED_BACK.value}
    counts = (row["devices_committed"], row["devices_rolled_back"])
    return Promise(
        name,
        everywhere and by_gate == [HARMED] and 0 < counts[0] <= counts[1],
        {"states": states, "by_gate": by_gate, "committed, rolled back": counts},
    )


def _parents(devices: Mapping[str, int]) -> Promise:
    kept = devices["total"] > 0 and devices["total"] == devices["on_release_2"]
    return Promise("every device runs release 2 again", kept, dict(devices))


def _paged(alerts: Sequence[Mapping[str, Any]], bad: ReleaseView | None) -> Promise:
    pages = [
        alert
        for alert in alerts
        if alert["severity"] == Severity.PAGE
        and alert["state"] == AlertState.RESOLVED
        and alert["deliveries"] >= _FIRING_AND_RESOLVED
    ]
    suspects = [(one["label"], one["value"]) for page in pages for one in page["suspects"]]
    guilty = {("release_id", bad and bad.proposal.release_id), ("hardware", HARMED)}
    return Promise(
        f"a page suspected release 3 and {HARMED}, was delivered, and resolved",
        guilty <= set(suspects),
        suspects,
    )


def _exact(topics: Sequence[Mapping[str, Any]], deaths: Mapping[str, int]) -> Promise:
    """A worker that died may have said a derived record twice: there the ids are compared."""
    uneven = [
        row
        for row in topics
        if row["produced"] != row["stored"]
        or row["distinct"] != (row["distinct_produced"] if deaths else row["produced"])
    ]
    return Promise("produced = stored = distinct in every topic", not uneven, uneven or "all equal")


def _refused(dead_letters: Sequence[Mapping[str, Any]]) -> Promise:
    wrong = [row for row in dead_letters if row["expected"] != row["found"]]
    return Promise(
        "dead letters hold the malformed records, once each, and nothing else",
        not wrong,
        wrong or "all equal",
    )
