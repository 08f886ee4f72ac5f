"""What changed from one dataset to another: examples, labels, sides, classes and slices."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.erasures import ErasureBook
from schemas.examples import Example
from schemas.forgotten import erased_since
from schemas.manifests import Manifest, origin_of


class Gone(StrEnum):
    """Why an example is not in the newer dataset."""

    ERASED = "ERASED"
    LEFT_OUT = "LEFT_OUT"


@dataclass(frozen=True, slots=True)
class Turned:
    """An example that has another label, or stands on another side, than before."""

    example_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Amount:
    """Examples with one property in the older and in the newer dataset."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Difference:
    """From the older to the newer dataset.

    Attributes:
        added: Ids of examples that only the newer one has.
        removed: Ids of those that only the older one has, by reason.
        classes: Amounts by split/class.
        slices: Amounts by slice, such as origin/fleet.
    """

    added: tuple[str, ...]
    removed: Mapping[Gone, tuple[str, ...]]
    relabelled: tuple[Turned, ...]
    moved: tuple[Turned, ...]
    classes: Mapping[str, Amount]
    slices: Mapping[str, Amount]


def difference(older: Manifest, newer: Manifest, erasures: ErasureBook) -> Difference:
    """Compare two datasets, example by example.

    Args:
        older: The one that was made first.
        newer: The one that came after.
        erasures: All there are: an example is gone as ERASED when one covers it that came after
            those the older dataset obeys.

    Raises:
        ManifestError: The older one does not say readably which erasures it obeys.
    """
    before = {one.example_id: one for one in older.examples}
    after = {one.example_id: one for one in newer.examples}
    both = [(one, after[name]) for name, one in before.items() if name in after]
    return Difference(
        added=tuple(name for name in after if name not in before),
        removed=_removed(
            (one for one in older.examples if one.example_id not in after), older, erasures
        ),
        relabelled=_turned(both, lambda one: one.label),
        moved=_turned(both, lambda one: one.split.value),
        classes=_amounts(older, newer, lambda one: f"{one.split}/{one.label}"),
        slices=_amounts(older, newer, lambda one: f"origin/{origin_of(one)}"),
    )


def _removed(
    gone: Iterable[Example], older: Manifest, erasures: ErasureBook
) -> Mapping[Gone, tuple[str, ...]]:
    since = erased_since(older, erasures)
    found: dict[Gone, list[str]] = {}
    for one in gone:
        reason = Gone.LEFT_OUT if one.device_id not in since else Gone.ERASED
        found.setdefault(reason, []).append(one.example_id)
    return {reason: tuple(names) for reason, names in sorted(found.items())}


def _turned(
    both: Iterable[tuple[Example, Example]], value: Callable[[Example], str]
) -> tuple[Turned, ...]:
    return tuple(
        Turned(one.example_id, value(one), value(other))
        for one, other in both
        if value(one) != value(other)
    )


def _amounts(
    older: Manifest, newer: Manifest, name: Callable[[Example], str]
) -> Mapping[str, Amount]:
    before, after = Counter(map(name, older.examples)), Counter(map(name, newer.examples))
    return {key: Amount(before[key], after[key]) for key in sorted(before.keys() | after.keys())}
