"""Files of a simulated device: in memory, and saved with those of its fleet."""

from collections.abc import Mapping


class MemoryFiles:
    """`Files` without a disk; the same bytes of many devices are one object.

    Attributes:
        content: Bytes by name. Every change replaces it whole, so another thread that reads it
            sees one moment.
    """

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self.content = content

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None: there is none."""
        return self.content.get(name)

    def write(self, name: str, data: bytes) -> None:
        """Make a file, or empty it, and put bytes in."""
        self.content = {**self.content, name: data}

    def append(self, name: str, data: bytes) -> None:
        """Add bytes to a file."""
        self.write(name, self.content.get(name, b"") + data)

    def sync(self, name: str) -> None:
        """Nothing: see `producers.keeping`."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        content = dict(self.content)
        content[new] = content.pop(old)
        self.content = content

    def remove(self, name: str) -> None:
        """Remove a file."""
        self.content = {other: data for other, data in self.content.items() if other != name}

    def sync_names(self, name: str) -> None:
        """Nothing: see `producers.keeping`."""

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder."""
        return sorted(name for name in self.content if name.rpartition("/")[0] == folder)
