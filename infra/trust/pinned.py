"""The first Root of each repository, pinned in keys_dir: where an installation's trust begins."""

from pathlib import Path
from typing import Final

from infra.sealed_key import KeysError

PINNED: Final = "{}.root.json"


def pinned_root(keys_dir: Path, repository: str) -> bytes:
    """The Root that this installation's trust begins with, as devices get it in the factory.

    Raises:
        KeysError: There is none.
    """
    path = keys_dir / PINNED.format(repository)
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeysError(
            f"root {path}: {error.strerror}; hold a ceremony: fleetloop keys init, sign, publish"
        ) from error


def pinned_roots(keys_dir: Path) -> tuple[bytes, bytes] | None:
    """Those of the Director's and of the image repository; None: there are no repositories.

    Raises:
        KeysError: One is missing.
    """
    if not any((keys_dir / PINNED.format(name)).exists() for name in ("director", "images")):
        return None
    return pinned_root(keys_dir, "director"), pinned_root(keys_dir, "images")
