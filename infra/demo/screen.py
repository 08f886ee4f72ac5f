"""Where the story is shown: a live view on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.demo.telling import Tally


class Screen(Protocol):
    """What the story is told to."""

    def say(self, line: str) -> None:
        """Tell one sentence."""

    def update(self, tally: Tally) -> None:
        """Show the running counts, where there is a place for them."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class PlainScreen:
    """Plain lines on stdout, each with the seconds since the start."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()

    def say(self, line: str) -> None:
        """Tell one sentence."""
        sys.stdout.write(f"{self._clock() - self._start:6.1f} s  {line}\n")
        sys.stdout.flush()

    def update(self, tally: Tally) -> None:
        """Counts are part of the sentences here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to give back."""


class LiveScreen:
    """Sentences that scroll by, above the running counts, which are redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._start = time.monotonic()
        self._tally = Tally()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._draw)

    def say(self, line: str) -> None:
        """Tell one sentence; it stays in the scrollback too."""
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(no_wrap=True)
        row.add_column()  # a long sentence goes on below itself, not below the time
        row.add_row(Text(f"{self._elapsed_s():6.1f} s"), Text(line))
        self._live.console.print(row)

    def update(self, tally: Tally) -> None:
        """Show the running counts."""
        self._tally = tally

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def _draw(self) -> Panel:
        counted = self._tally.committed
        generations = sorted({hardware for _, hardware in counted})
        table = Table("devices committed", *generations, box=None, pad_edge=False)
        for release in sorted({release for release, _ in counted}):
            table.add_row(release, *(self._cell(release, name) for name in generations))
        edge_cases = ", ".join(f"{k} {v}" for k, v in sorted(self._tally.edge_cases.items()))
        counts = (
            f"edge cases: {edge_cases or 'none yet'}",
            f"labels: {self._tally.labels}   disengagements: {self._tally.disengagements}",
        )
        title = f"fleetloop demo, {self._elapsed_s():.0f} s"
        return Panel(Group(table, *map(Text, counts)), title=title, title_align="left")

    def _cell(self, release: str, hardware: str) -> str:
        back = self._tally.returned[release, hardware]
        return f"{self._tally.committed[release, hardware]}{f', {back} back' if back else ''}"

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._start


def screen_for(terminal: bool) -> Screen:
    """The live view for a terminal, plain lines for anything else."""
    return LiveScreen(Console()) if terminal else PlainScreen()
