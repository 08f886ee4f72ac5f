"""The bytes of a download that is not finished: every part is safe once it is kept."""

from collections.abc import Iterator

from producers.device.client.files import Files


class PartFile:
    """One unfinished file, as `producers.device.fetch` goes on from.

    Args:
        files: The storage.
        name: Its name there.
    """

    def __init__(self, files: Files, name: str) -> None:
        self._files, self.name = files, name

    def read(self) -> Iterator[bytes]:
        """What is kept; a power cut may have torn its end, so only its digest proves it."""
        kept = self._files.read(self.name)
        if kept:
            yield kept

    def append(self, data: bytes) -> None:
        """Keep more; once it returns no power cut takes it back.

        Raises:
            OSError: The storage does not take it.
        """
        self._files.append(self.name, data)
        self._files.sync(self.name)
        self._files.sync_names(self.name)

    def clear(self) -> None:
        """Keep nothing."""
        self._files.remove(self.name)
        self._files.sync_names(self.name)
