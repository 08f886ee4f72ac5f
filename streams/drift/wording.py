"""A drifted place as on-call reads it, and the campaign that would show what it met."""

from typing import Final

from schemas.records import AlertKind, Severity
from streams.conditions import Condition
from streams.drift import scores
from streams.drift.betting import UP
from streams.drift.comparison import Comparison, Shift
from streams.drift.partials import Place

MODEL_DRIFT: Final = "ModelDrift"
CAMPAIGN: Final = "campaign"
"""Annotation of the condition that a campaign would collect by: `campaigns create --from-alert`."""


def condition(place: Place, held: Comparison, shift: Shift) -> Condition:
    """The alert of a place that has drifted."""
    return Condition(
        alertname=MODEL_DRIFT,
        kind=AlertKind.DRIFT,
        severity=Severity.TICKET,
        where=place._asdict(),
        since_us=shift.since_us,
        summary=f"{place.release_id} on {place.hardware} in {place.region}: {compared(held)}",
        notes={CAMPAIGN: predicate(place, shift)},
    )


def compared(held: Comparison) -> str:
    """The score that speaks most for drift: its share in the last looks and in validation."""
    score, _ = held.leader()
    share, low, high = held.share(score), held.bounds.low[score], held.bounds.high[score]
    told = "more than" if share > high else "fewer than" if share < low else "within what"
    return (
        f"{scores.spell(score)}: {share:.1%}, validated {held.bounds.share[score]:.1%} "
        f"[{low:.1%}, {high:.1%}]; {told} validation allows"
    )


def predicate(place: Place, shift: Shift) -> str:
    """What a campaign would collect there: the encounters that made the share what it is.

    Where there are too few of them, or of a class, whose name devices alone know, everything there
    is worth a look.
    """
    there = f'region == "{place.region}" and hardware == "{place.hardware}"'
    if shift.side != UP or shift.score >= scores.FIRST_CLASS:
        return there
    if shift.score == scores.FLIPS:
        return f"{there} and flips >= 1"
    return f"{there} and confidence < {(shift.score + 1) / 10:.1f}"
