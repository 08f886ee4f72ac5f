"""Closed ranges of offsets of one partition: how an offset and another range stand to one; pure."""

from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """Where an offset stands to a range."""

    BEFORE = "BEFORE"
    INSIDE = "INSIDE"
    LAST = "LAST"
    AFTER = "AFTER"


class Relation(StrEnum):
    """How a second range of the same partition stands to a first one."""

    SAME = "SAME"
    NEXT = "NEXT"  # begins at the very next offset
    AFTER = "AFTER"  # begins later: offsets between them are missing
    BEFORE = "BEFORE"
    INSIDE = "INSIDE"
    CONTAINS = "CONTAINS"
    OVERLAPS = "OVERLAPS"


@dataclass(frozen=True, slots=True)
class Range:
    """Offsets first to last, both included.

    Raises:
        ValueError: `first` is negative or `last` lies before it.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ValueError(f"range {self.first}-{self.last}: 0 <= first <= last must hold")

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def place(self, offset: int) -> Place:
        """Where `offset` stands to this range; a range of one offset has only a LAST."""
        if offset < self.first:
            return Place.BEFORE
        if offset > self.last:
            return Place.AFTER
        return Place.LAST if offset == self.last else Place.INSIDE

    def relation(self, other: "Range") -> Relation:
        """How `other` stands to this range."""
        if other == self:
            return Relation.SAME
        if other.first > self.last:
            return Relation.NEXT if other.first == self.last + 1 else Relation.AFTER
        if other.last < self.first:
            return Relation.BEFORE
        if self.first <= other.first and other.last <= self.last:
            return Relation.INSIDE
        if other.first <= self.first and self.last <= other.last:
            return Relation.CONTAINS
        return Relation.OVERLAPS
