"""A metadata file: its bytes under the signatures of some keys, and one signature more."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from producers.device.trust.documents import Document, has_signed, read, verify
from producers.device.trust.limits import DIRECTOR, IMAGES, Limits
from producers.device.trust.refusal import RefusedError

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)

REPOSITORIES: Final[Mapping[str, Limits]] = {"director": DIRECTOR, "images": IMAGES}
KINDS: Final[Mapping[str, Any]] = {
    "root": Root,
    "targets": Targets,
    "snapshot": Snapshot,
    "timestamp": Timestamp,
}
LIFE: Final[Mapping[str, timedelta]] = {
    "root": timedelta(days=365),
    "targets": timedelta(days=90),
    "snapshot": timedelta(days=7),
    "timestamp": timedelta(days=1),
}
"""How long a role's metadata is good for."""
HOLDER: Final = "x-fleetloop-holder"
"""Field of a key in a Root that names who holds it: for people, no rule depends on it."""


def expiry(role: str, now: datetime) -> datetime:
    """When metadata of a role that is made now expires; TUF has whole seconds."""
    return now.replace(microsecond=0) + LIFE[role]


def public_key(name: str, raw: bytes) -> SSlibKey:
    """A public key as a Root names it: its id is the hash of the key, not of the holder."""
    key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(raw))
    key.unrecognized_fields[HOLDER] = name
    return key


def holder(key: Key) -> str:
    """Who holds a key, by the Root."""
    return str(key.unrecognized_fields.get(HOLDER, key.keyid[:16]))


def signed_by(signed: T, keys: Iterable[Ed25519PrivateKey]) -> bytes:
    """The file of a role with a signature of each key."""
    metadata = Metadata(signed)
    for key in keys:
        metadata.sign(CryptoSigner(key), append=True)
    return bytes(metadata.to_bytes())


def with_signature(data: bytes, key: Ed25519PrivateKey) -> bytes:
    """The file with one signature more; a key that has signed before signs anew."""
    metadata: Metadata[Any] = Metadata.from_bytes(data)
    metadata.sign(CryptoSigner(key), append=True)
    return bytes(metadata.to_bytes())


def with_signatures_of(data: bytes, other: bytes) -> bytes:
    """The file with the signatures that another copy of it has as well.

    Raises:
        ValueError: The copies say different things.
    """
    metadata, found = Metadata[Any].from_bytes(data), Metadata[Any].from_bytes(other)
    if metadata.signed_bytes != found.signed_bytes:
        raise ValueError("the copies say different things")
    metadata.signatures |= found.signatures
    return bytes(metadata.to_bytes())


def missing(document: Document[T], roots: Sequence[Root]) -> list[tuple[int, int, list[str]]]:
    """For each Root that must vouch: threshold, who signed, and who of its holders has not yet."""
    found = []
    for root in roots:
        role = root.roles[document.role]
        keys = [root.keys[key_id] for key_id in role.keyids]
        absent = [holder(key) for key in keys if not has_signed(key, document)]
        found.append((role.threshold, len(keys) - len(absent), sorted(absent)))
    return found


def verified(data: bytes, role: str, repository: str, roots: Iterable[Root]) -> Document[Any]:
    """The file, read and verified exactly as a device does.

    Raises:
        RefusedError: A device would refuse it.
    """
    document = read(data, role, KINDS[role], REPOSITORIES[repository])
    for root in roots:
        verify(document, root)
    return document


def believed(data: bytes, role: str, repository: str, root: Root) -> Document[Any] | None:
    """As `verified`; None: a device would refuse it."""
    try:
        return verified(data, role, repository, [root])
    except RefusedError:
        return None
