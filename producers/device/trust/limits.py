"""What a repository may ask of a device: sizes, counts, and how strictly it is read."""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that are checked before a byte beyond them is read.

    Attributes:
        root, timestamp, snapshot, targets: Bytes of a metadata file.
        rotations: Roots walked in one cycle.
        delegations: Delegated roles asked for one target.
        nesting: Depth of objects and lists in a metadata file.
        hashed_key_ids: A key id must be the SHA-256 of its key, as Uptane wants; TUF 1.0.31 says
            that clients must not care.
        delegating: Whether Targets may delegate; the Director may not.
    """

    root: int = 512 * KIB
    timestamp: int = 16 * KIB
    snapshot: int = 2048 * KIB
    targets: int = 5120 * KIB
    rotations: int = 256
    delegations: int = 32
    nesting: int = 16
    hashed_key_ids: bool = True
    delegating: bool = True

    def of(self, role: str) -> int:
        """Bytes a role's file may have; delegated roles are Targets."""
        named = {"root": self.root, "timestamp": self.timestamp, "snapshot": self.snapshot}
        return named.get(role, self.targets)


DIRECTOR: Final = Limits(targets=64 * KIB, snapshot=64 * KIB, delegating=False)
IMAGES: Final = Limits(targets=8192 * KIB)
PLAIN_TUF: Final = Limits(hashed_key_ids=False)
"""A repository that is not ours: what TUF itself asks of a client, no more."""
