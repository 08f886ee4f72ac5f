"""Who carries the burn: label values with more than their share of the bad events."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from schemas.records import Suspect
from streams.slo.keys import Ints, Keys
from streams.slo.windows import Sum, Windows

MAX_SUSPECTS: Final = 8


class Suspects:
    """Lifts of label values of keys: those of the key over all keys, others within the key.

    Lift = bad share with the value over bad share without it. Where the others have no bad event,
    half a one is put in their place. The sums over all keys are made once for a tick and window,
    so that ten thousand keys may fire at once.
    """

    def __init__(self, keys: Keys, windows: Windows) -> None:
        self._keys = keys
        self._windows = windows
        self._made_at: tuple[int | None, int] = (None, 0)
        self._made: dict[int, _Everyone] = {}

    def of(
        self, row: int, length_us: int, sides: Mapping[tuple[str, str], Sum]
    ) -> tuple[Suspect, ...]:
        """Suspects of one key, the highest lift first.

        Args:
            row: The key.
            length_us: Window over which all keys are compared.
            sides: Counts of the key by (label, value) of labels outside the key.
        """
        found = [*self._of_key(row, self._everyone(length_us)), *_of_sides(sides)]
        guilty = sorted(
            (one for one in found if one.lift > 1),
            key=lambda one: (-one.lift, one.label, one.value),
        )
        return tuple(guilty[:MAX_SUSPECTS])

    def _of_key(self, row: int, everyone: "_Everyone") -> Iterator[Suspect]:
        for label, value in self._keys.labels(row).items():
            code = self._keys.code(label, value)
            total, bad = everyone.by_value[label]
            yield _suspect(label, value, Sum(int(total[code]), int(bad[code])), everyone.all)

    def _everyone(self, length_us: int) -> "_Everyone":
        now = (self._windows.tick, self._keys.taken)
        if self._made_at != now:
            self._made_at, self._made = now, {}
        if length_us not in self._made:
            total, bad = self._windows.sums[self._windows.place(length_us)]
            self._made[length_us] = _Everyone(
                Sum(int(total.sum()), int(bad.sum())),
                {
                    name: (self._keys.by_value(name, total), self._keys.by_value(name, bad))
                    for name in self._keys.names
                },
            )
        return self._made[length_us]


class _Everyone(NamedTuple):
    """All keys in one window: their sum, and by label the sums by value."""

    all: Sum
    by_value: Mapping[str, tuple[Ints, Ints]]


def _of_sides(sides: Mapping[tuple[str, str], Sum]) -> Iterator[Suspect]:
    for label in sorted({label for label, _ in sides}):
        held = {value: found for (name, value), found in sides.items() if name == label}
        whole = _added(held.values())
        for value, inside in held.items():
            yield _suspect(label, value, inside, whole)


def _suspect(label: str, value: str, inside: Sum, whole: Sum) -> Suspect:
    outside = Sum(whole.total - inside.total, whole.bad - inside.bad)
    lift = 1.0
    if inside.total and outside.total:
        lift = (inside.bad / inside.total) / ((outside.bad or 0.5) / outside.total)
    return Suspect(label=label, value=value, lift=lift, bad=inside.bad, total=inside.total)


def _added(sums: Iterable[Sum]) -> Sum:
    held = list(sums)
    return Sum(sum(one.total for one in held), sum(one.bad for one in held))
