"""Checkpoints on their way to the store, beside the fold: a slow disk does not hold up the log."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from streams.checkpoints import Checkpoint, Checkpoints
from streams.processor import Source


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint that is stored; `error` tells why it is not."""

    source: Source
    checkpoint: Checkpoint
    error: OSError | None


class Storing:
    """Hands checkpoints to the store, at most one of each partition at a time.

    Args:
        checkpoints: The store.
        disk: Where its calls run; one thread keeps their order.
    """

    def __init__(self, checkpoints: Checkpoints, disk: Executor) -> None:
        self._checkpoints = checkpoints
        self._disk = disk
        self._under_way: dict[Source, tuple[Checkpoint, Future[None]]] = {}

    @property
    def busy(self) -> bool:
        """Whether something is not stored yet, or not told of."""
        return bool(self._under_way)

    def start(self, source: Source, checkpoint: Checkpoint) -> None:
        """Have a checkpoint stored; the one before it has ended."""
        call = self._disk.submit(self._checkpoints.save, *source, checkpoint)
        self._under_way[source] = (checkpoint, call)

    def ended(self, *, wait: bool) -> Iterator[Stored]:
        """What has ended since the last call; with `wait` everything that is under way."""
        for source, (checkpoint, call) in tuple(self._under_way.items()):
            if not wait and not call.done():
                continue
            del self._under_way[source]
            error = call.exception()
            if error is not None and not isinstance(error, OSError):
                raise error
            yield Stored(source, checkpoint, error)
