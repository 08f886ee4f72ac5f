"""Who reads metadata files and checks signatures: each device, or many that share the work."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from producers.device.trust.documents import Delegator, Document, read, verify
from producers.device.trust.limits import Limits

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)


class Reader:
    """Reads and checks for one device, anew each time."""

    def read(self, data: bytes, role: str, kind: type[T], limits: Limits) -> Document[T]:
        """As `documents.read`."""
        return read(data, role, kind, limits)

    def verify(self, document: Document[T], delegator: Delegator) -> None:
        """As `documents.verify`."""
        verify(document, delegator)


OWN: Final = Reader()


class SharedReader(Reader):
    """Reads and checks each file once for all simulated devices of a process.

    What is shared are facts about bytes: what a file says, and whether these keys have signed it.
    What is trusted is not: versions, expiry and whom an order is for each device judges alone, by
    its own state. Only what holds is remembered; the longest unused is forgotten.

    Args:
        most: Facts remembered at most.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, Any] = OrderedDict()

    def read(self, data: bytes, role: str, kind: type[T], limits: Limits) -> Document[T]:
        """As `documents.read`; the same bytes give the same document."""
        known: Document[T] = self._once(
            (data, role, kind, limits), lambda: read(data, role, kind, limits)
        )
        return known

    def verify(self, document: Document[T], delegator: Delegator) -> None:
        """As `documents.verify`."""

        def checked() -> tuple[Document[T], Delegator]:
            verify(document, delegator)
            return document, delegator  # kept, so that no other object gets their identities

        self._once((id(document), id(delegator)), checked)

    def _once(self, key: Hashable, find: Callable[[], Any]) -> Any:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = find()
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return known
