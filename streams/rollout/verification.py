"""What a proposal must be before people are asked, and whether enough of them have approved it.

Each guard says in words why it holds in a stratum; None: it does not.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from schemas.catalogue import Hardware
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.records import ModelRelease
from schemas.strata import StratumStatus
from streams.rollout.situation import Situation

MAX_REASON: Final = 1_000
_DIGEST = re.compile(r"[0-9a-f]{64}")


def faulty(now: Situation, _stratum: str) -> str | None:
    """The proposal cannot be released as it is."""
    found = faults(now.at.view, now.ledger.book, now.hardware)
    return "; ".join(found)[:MAX_REASON] or None


def faultless(now: Situation, stratum: str) -> str | None:
    """The proposal may be shown to people."""
    if faulty(now, stratum) is not None:
        return None
    return "counter rises, strata and deadlines are known, the artifact is named"


def signed(now: Situation, _stratum: str) -> str | None:
    """Enough people other than the author have approved."""
    approvals = now.ledger.approvals(now.at.view)
    needed = 2 if now.at.view.proposal.safety_relevant else 1
    return f"approved by {', '.join(sorted(approvals))}" if len(approvals) >= needed else None


def faults(view: ReleaseView, book: ReleaseBook, hardware: Mapping[str, Hardware]) -> list[str]:
    """Every rule the proposal breaks, in words; none: it is verified.

    Args:
        view: The release.
        book: Releases so far; only those proposed before it are compared.
        hardware: Known generations by name.
    """
    proposal = view.proposal
    return [
        *_counter_faults(view, book),
        *_strata_faults(proposal, hardware),
        *_artifact_faults(proposal),
        *_parent_faults(proposal, book),
    ]


def _counter_faults(view: ReleaseView, book: ReleaseBook) -> Iterator[str]:
    proposal = view.proposal
    for other_id, other in book.releases.items():
        if other_id == proposal.release_id:
            return  # the book is in log order: what follows was proposed later
        rejected = all(at.status is StratumStatus.REJECTED for at in other.strata.values())
        same = other.proposal.device_class is proposal.device_class
        if same and not rejected and other.proposal.counter >= proposal.counter:
            yield (
                f"counter={proposal.counter} must be above {other.proposal.counter} "
                f"of release {other_id}"
            )
            return


def _strata_faults(proposal: ModelRelease, hardware: Mapping[str, Hardware]) -> Iterator[str]:
    for stratum in proposal.strata:
        known = hardware.get(stratum)
        if known is None:
            yield f"stratum {stratum} is not in the catalogue"
        elif known.device_class is not proposal.device_class:
            yield f"stratum {stratum} is {known.device_class}, the release {proposal.device_class}"
        if proposal.deadline_us.get(stratum, 0) <= 0:
            yield f"deadline_us of {stratum} is missing or not above 0"


def _artifact_faults(proposal: ModelRelease) -> Iterator[str]:
    artifact = proposal.artifact
    if artifact is None:
        yield "artifact is missing"
    elif not _DIGEST.fullmatch(artifact.digest):
        yield f"artifact.digest={artifact.digest!r} must be 64 hex digits"
    elif artifact.bytes <= 0:
        yield f"artifact.bytes={artifact.bytes} must be above 0"


def _parent_faults(proposal: ModelRelease, book: ReleaseBook) -> Iterator[str]:
    if proposal.parent_release_id is None:
        return
    parent = book.releases.get(proposal.parent_release_id)
    if parent is None:
        yield f"parent_release_id={proposal.parent_release_id} was never proposed"
    elif parent.proposal.counter >= proposal.counter:
        yield f"parent {proposal.parent_release_id} has counter {parent.proposal.counter}"
    elif proposal.artifact is not None and parent.digest == proposal.artifact.digest:
        yield f"artifact.digest is that of parent {parent.proposal.release_id}: it changes nothing"
    elif missing := sorted(set(proposal.strata) - set(parent.strata)):
        yield f"parent {proposal.parent_release_id} is not for {', '.join(missing)}"
