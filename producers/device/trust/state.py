"""All that a device keeps of its trust: two repositories' metadata and the release counter."""

import json
from pathlib import Path
from typing import Final

from producers.device.trust.store import Store, TrustStateError, write_durably

_COUNTER: Final = "release-counter.json"


class TrustState:
    """A folder: `director/`, `image_repo/` and the highest release counter verified.

    A device leaves the factory with `director/root.json` and `image_repo/root.json`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.director = Store(folder / "director")
        self.images = Store(folder / "image_repo")

    @property
    def counter(self) -> int | None:
        """Highest release counter verified; None: none yet.

        Raises:
            TrustStateError: The file is not what `raise_counter` writes.
        """
        path = self._folder / _COUNTER
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
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
            self._folder.mkdir(parents=True, exist_ok=True)
            write_durably(self._folder / _COUNTER, json.dumps(counter).encode())
