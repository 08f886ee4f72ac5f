"""The workers of the demo: started, and started again when one dies, as an operator would."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from infra.stack.child import Tier
from infra.stack.stack import Stack

WORKERS: Final = (
    "sink",
    "rollout",
    "director",
    "slo",
    "dataset",
    "oncall",
    "trainer",
    "reviewer",
)
FLEET: Final = "fleet"
MAX_RESTARTS: Final = 3
SMALL: Final = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"}
"""Many small processes on one machine: fewer malloc arenas, no idle BLAS threads."""


class Workers:
    """All processes of the loop that are not engines.

    Attributes:
        deaths: How often each was found dead.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.deaths: Counter[str] = Counter()

    def start_all(self) -> None:
        """Start every worker and the fleet."""
        for name in (*WORKERS, FLEET):
            self._start(name)

    def revive(self) -> Sequence[str]:
        """Start again what died; a sentence for each.

        Raises:
            ChildDiedError: An engine died, or a worker died too often.
        """
        said = []
        for child in self._stack.supervisor.children:
            death = child.death()
            if death is None:
                continue
            self.deaths[child.name] += 1
            if child.tier is not Tier.WORKER or self.deaths[child.name] > MAX_RESTARTS:
                raise death
            self._start(child.name)
            said.append(f"{str(death).splitlines()[0]}; it is started again")
        return said

    def stop(self, names: Collection[str]) -> None:
        """Stop some, together, and wait for them."""
        children = self._stack.supervisor.children
        self._stack.supervisor.stop(*(child for child in children if child.name in names))

    def _start(self, name: str) -> None:
        words = ("fleet", "run") if name == FLEET else ("worker", "run", name)
        self._stack.spawn_python(name, "infra.cli.main", *words, extra=SMALL)
