"""One update cycle of a device: Uptane's full verification, from the Roots to the image."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tuf.api.metadata import TargetFile

from producers.device.trust.agreement import check_agreement, check_counter, counter
from producers.device.trust.assignment import ordered
from producers.device.trust.delegations import find
from producers.device.trust.documents import Document
from producers.device.trust.images import receive
from producers.device.trust.limits import DIRECTOR, IMAGES, Limits
from producers.device.trust.predicate import Identity
from producers.device.trust.reading import OWN, Reader
from producers.device.trust.refusal import RefusedError
from producers.device.trust.repository import Repository
from producers.device.trust.sources import Source
from producers.device.trust.state import TrustState
from producers.device.trust.store import Store

DIRECTOR_NAME: Final = "director"
IMAGES_NAME: Final = "image_repo"


@dataclass(frozen=True, slots=True)
class Verified:
    """An image that this device may install: ordered, vouched for, and not older than any before.

    Attributes:
        target: Path, length, hashes and custom data, by the image repository.
        order: The same by the Director, with whom it is for.
        consistent: Whether its name at the source carries its hash.
        metadata: The top-level files that say so, by repository.
    """

    target: TargetFile
    order: TargetFile
    consistent: bool
    metadata: Mapping[str, Sequence[Document[Any]]]


class UpdateCycle:
    """Verifies for one device.

    Args:
        director: The Director's repository.
        images: The image repository.
        state: What the device trusts; kept from cycle to cycle.
        me: The device.
        trust_first: See `Repository`.
        reader: See `Repository`.
    """

    def __init__(
        self,
        *,
        director: Source,
        images: Source,
        state: TrustState,
        me: Identity,
        trust_first: bool = False,
        reader: Reader = OWN,
    ) -> None:
        self._director, self._images, self._state, self._me = director, images, state, me
        self._trust_first, self._reader = trust_first, reader

    def verify(self, path: str, now: datetime, *, ordered_as: str | None = None) -> Verified:
        """Verify the metadata of both repositories, and that they let this device have a target.

        Args:
            path: The target's path.
            now: The time, UTC, as well attested as the device can have it.
            ordered_as: The Director's path for it; None: the same.

        Raises:
            RefusedError: A rule is broken; nothing may be installed.
            TrustStateError: The state is damaged.
            OSError: The state cannot be written.
        """
        with at_repository(DIRECTOR_NAME):
            director = self._follow(self._director, self._state.director, DIRECTOR, now)
            order = ordered(director.targets, ordered_as or path, self._me)
        with at_repository(IMAGES_NAME):
            images = self._follow(self._images, self._state.images, IMAGES, now)
            target = find(images, path, IMAGES.delegations)
            check_agreement(order, target, self._me)
            check_counter(target, self._state.counter)
        metadata = {DIRECTOR_NAME: director.documents, IMAGES_NAME: images.documents}
        return Verified(target, order, images.consistent, metadata)

    def _follow(self, source: Source, kept: Store, limits: Limits, now: datetime) -> Repository:
        repository = Repository(
            source, kept, limits, now, trust_first=self._trust_first, reader=self._reader
        )
        repository.refresh()
        return repository

    def receive(self, verified: Verified, keep: Callable[[bytes], object]) -> None:
        """Stream the image into `keep`, which must throw it away when this raises.

        Raises:
            RefusedError: It is not what was verified.
        """
        with at_repository(IMAGES_NAME):
            receive(self._images, verified.target, consistent=verified.consistent, keep=keep)
        self.accept(verified)

    def accept(self, verified: Verified) -> None:
        """Go back behind this image no more, which the device has and has checked.

        Only now: a counter that was raised for an image that nobody can have would lock out the
        one before it.
        """
        self._state.raise_counter(counter(verified.target))


@contextmanager
def at_repository(repo: str) -> Iterator[None]:
    """Name the repository in what is refused inside, where it is not named yet."""
    try:
        yield
    except RefusedError as error:
        error.repo = error.repo or repo
        raise
