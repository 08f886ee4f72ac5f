"""State as bytes: one JSON value, and beside it the arrays that JSON would blow up."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

_LENGTH: Final = 8


class Blobs:
    """Byte strings on their way into a snapshot; the JSON value refers to them by number."""

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []

    def put(self, part: bytes | memoryview) -> int:
        """Take one, a view only of single bytes; its number."""
        self._parts.append(part)
        return len(self._parts) - 1

    def put_all(self, parts: Iterable[tuple[str, bytes | memoryview]]) -> dict[str, int]:
        """Take several by name; their numbers."""
        return {name: self.put(part) for name, part in parts}

    def pack(self, value: Any) -> bytes:
        """The JSON value and all byte strings in one."""
        sizes = [len(part) for part in self._parts]
        head = json.dumps({"sizes": sizes, "value": value}, separators=(",", ":")).encode()
        return b"".join((len(head).to_bytes(_LENGTH, "little"), head, *self._parts))


class Reading:
    """What `Blobs.pack` made, read again.

    Attributes:
        value: The JSON value.
    """

    def __init__(self, packed: bytes) -> None:
        start = _LENGTH + int.from_bytes(packed[:_LENGTH], "little")
        head: dict[str, Any] = json.loads(packed[_LENGTH:start])
        self.value: Any = head["value"]
        self._parts: list[bytes] = []
        sizes: Sequence[int] = head["sizes"]
        for size in sizes:
            self._parts.append(packed[start : start + size])
            start += size

    def get(self, number: int) -> bytes:
        """The byte string of a number."""
        return self._parts[number]

    def get_all(self, numbers: Mapping[str, int]) -> dict[str, bytes]:
        """What `Blobs.put_all` took."""
        return {name: self._parts[number] for name, number in numbers.items()}
