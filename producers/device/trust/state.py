"""All that a device keeps of its trust: two repositories' metadata and the release counter."""

import json
from typing import Final

from producers.device.client.files import Files, replace_file
from producers.device.trust.store import Store, TrustStateError

_COUNTER: Final = "release-counter.json"


class TrustState:
    """A folder: `director/`, `image_repo/` and the highest release counter verified.

    A device leaves the factory with `director/root.json` and `image_repo/root.json` (`provision`).
    """

    def __init__(self, files: Files, folder: str = ".") -> None:
        self._files, self._counter = files, f"{folder}/{_COUNTER}"
        self.director = Store(files, f"{folder}/director")
        self.images = Store(files, f"{folder}/image_repo")

    @property
    def provisioned(self) -> bool:
        """Whether it trusts a Root of each repository."""
        return all(store.get("root") is not None for store in (self.director, self.images))

    def provision(self, director: bytes, images: bytes) -> None:
        """As in the factory: begin with these Roots, where none is trusted yet."""
        for store, root in ((self.director, director), (self.images, images)):
            if store.get("root") is None:
                store.put("root", root)

    @property
    def counter(self) -> int | None:
        """Highest release counter verified; None: none yet.

        Raises:
            TrustStateError: The file is not what `raise_counter` writes.
        """
        path = self._counter
        data = self._files.read(path)
        if data is None:
            return None
        try:
            found = json.loads(data)
        except ValueError as error:
            raise TrustStateError(
                f"{path}: not JSON ({error}); provision the device again"
            ) from error
        if not isinstance(found, int) or isinstance(found, bool):
            raise TrustStateError(f"{path}: must be an integer; provision the device again")
        return found

    def raise_counter(self, counter: int | None) -> None:
        """Keep a release counter that was verified; it never goes back."""
        if counter is not None and counter > (self.counter if self.counter is not None else -1):
            replace_file(self._files, self._counter, json.dumps(counter).encode())
