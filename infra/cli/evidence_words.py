"""The evidence behind a release for people: what was counted, and how far each test is."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Row = Mapping[str, Any]


def in_words(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Rows of `release_evidence`, a sentence for each group of their numbers."""
    for row in rows:
        yield {
            "stratum": row["stratum"],
            "status": row["status"],
            "test": row["test"],
            "counted": _counted(row),
            "harm": _reached(row["e_harm"], row["harm_at"]),
            "safe": _reached(row["e_safe"], row["safe_at"]) + (" (guard)" if row["guard"] else ""),
            "would_move_it": "; ".join(_movers(row)),
            "waits_for": row["waits_for"],
        }


def _counted(row: Row) -> str:
    limit = row["limit"]
    if row["candidates"] is not None:
        return f"{row['candidates']} of {row['devices']} devices are in the wave of {limit:.2%}"
    if row["encounters"] is not None:
        return (
            f"{row['encounters']} encounters, {row['differing']} given another class; "
            f"ceiling {limit:.2%}"
        )
    if row["km"] is not None:
        return (
            f"{row['events']} events in {row['km']} km; parent {row['control_events']} in "
            f"{row['control_km']} km; margin {limit:g}"
        )
    return (
        f"{row['devices']} devices, {row['failed']} failed, {row['undecided']} undecided; "
        f"ceiling {limit:.2%}"
    )


def _reached(value: float | None, wanted: float | None) -> str:
    return "" if value is None or wanted is None else f"{value:.3g} of {wanted:.3g}"


def _movers(row: Row) -> Iterator[str]:
    if row["failures_until_harm"]:
        what = "events" if row["km"] is not None else "failures"
        yield f"{row['failures_until_harm']} more {what}: harm"
    if row["good_until_proven"]:
        yield f"{row['good_until_proven']} more good: proven"
