"""Who carries the burn: label values with more than their share of the bad events."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

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
        self._made_at: tuple[int | None, int] = (None, -1)
        self._total: dict[str, Ints] = {}
        self._bad: dict[str, Ints] = {}
        self._all = Sum(0, 0)

    def of(
        self, row: int, length_us: int, sides: Mapping[tuple[str, str], Sum]
    ) -> tuple[Suspect, ...]:
        """Suspects of one key, the highest lift first.

        Args:
            row: The key.
            length_us: Window over which all keys are compared.
            sides: Counts of the key by (label, value) of labels outside the key.
        """
        self._sum_up(length_us)
        found = [*self._of_key(row), *_of_sides(sides)]
        guilty = sorted(
            (one for one in found if one.lift > 1),
            key=lambda one: (-one.lift, one.label, one.value),
        )
        return tuple(guilty[:MAX_SUSPECTS])

    def _of_key(self, row: int) -> Iterator[Suspect]:
        for label, value in self._keys.labels(row).items():
            code = self._keys.code(label, value)
            inside = Sum(int(self._total[label][code]), int(self._bad[label][code]))
            yield _suspect(label, value, inside, self._all)

    def _sum_up(self, length_us: int) -> None:
        wanted = (self._windows.tick, length_us)
        if self._made_at == wanted:
            return
        self._made_at = wanted
        total, bad = self._windows.sums[self._windows.place(length_us)]
        self._all = Sum(int(total.sum()), int(bad.sum()))
        self._total = {name: self._keys.by_value(name, total) for name in self._keys.names}
        self._bad = {name: self._keys.by_value(name, bad) for name in self._keys.names}


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
