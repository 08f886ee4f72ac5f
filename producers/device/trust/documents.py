"""One metadata file: its bytes, what they say, and who has signed exactly that."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Key, Signature
from tuf.api.metadata import MetaFile, Role, Root, Snapshot, Targets, Timestamp

from producers.device.trust.limits import Limits
from producers.device.trust.parsing import Tree, parse
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.shapes import check, check_signatures

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)
Delegator = Root | Targets

_BUILD_ERRORS: Final = (ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Document(Generic[T]):
    """A file of a role as it was read; nothing is verified but its shape.

    Attributes:
        role: The role's name.
        data: The file's bytes.
        signed: What it says.
        payload: What signatures cover: the canonical JSON of the signed part as it was read, so
            that no field can be said and not signed.
        signatures: Hex by key id.
    """

    role: str
    data: bytes
    signed: T
    payload: bytes
    signatures: Mapping[str, str]

    @property
    def version(self) -> int:
        """Version of the metadata."""
        return self.signed.version

    def refuse(self, reason: Reason, rule: str) -> RefusedError:
        """The error that names this file's role and version."""
        return RefusedError(self.role, reason, rule, version=self.version)


def read(data: bytes, role: str, kind: type[T], limits: Limits) -> Document[T]:
    """Parse a file and check its shape.

    Raises:
        RefusedError: It is not metadata of that kind; the rule says why.
    """
    tree = parse(data, role, limits.nesting)
    signatures = check_signatures(tree, role)
    signed: Tree = tree.get("signed", {})
    check(signed, role, kind.type)
    if limits.hashed_key_ids:
        _check_key_ids(signed, role)
    payload = encode_canonical(signed)
    if not isinstance(payload, str):
        raise RefusedError(role, Reason.MALFORMED, "signed has no canonical JSON")
    try:
        built = kind.from_dict(signed)  # takes the tree apart; it is not needed any more
    except _BUILD_ERRORS as error:
        raise RefusedError(role, Reason.MALFORMED, f"signed: {error}") from None
    try:
        encoded = payload.encode()
    except UnicodeEncodeError:
        raise RefusedError(role, Reason.MALFORMED, "signed holds half a character") from None
    return Document(role, data, built, encoded, signatures)


def verify(document: Document[T], delegator: Delegator) -> None:
    """Check that enough of the role's keys have signed.

    Two key ids with the same key material count once: the threshold is one of keys, not of names.

    Raises:
        RefusedError: Too few have.
    """
    role = _role(document, delegator)
    signed = {
        _material(key)
        for key_id in role.keyids
        if (key := _key(delegator, key_id)) is not None and has_signed(key, document)
    }
    if len(signed) < role.threshold:
        rule = f"{role.threshold} of its keys must sign, {len(signed)} did"
        raise document.refuse(Reason.UNMET_THRESHOLD, rule)


def check_file(document_role: str, data: bytes, meta: MetaFile) -> None:
    """Check a metadata file's bytes against what Timestamp or Snapshot says of them.

    Raises:
        RefusedError: Another length or another hash.
    """
    rule = mismatch(data, meta.length, meta.hashes)
    if rule is not None:
        raise RefusedError(document_role, Reason.HASH_MISMATCH, rule, version=meta.version)


def mismatch(data: bytes, length: int | None, hashes: Mapping[str, str] | None) -> str | None:
    """In which way bytes are not the announced ones; None: they are."""
    if length is not None and len(data) != length:
        return f"has {len(data)} bytes, announced {length}"
    for name, announced in (hashes or {}).items():
        digest = hasher(name)
        if digest is None:
            return f"announced by {name[:40]!r}, which is no hash this device trusts"
        digest.update(data)
        if digest.hexdigest() != announced.lower():
            return f"has {name} {digest.hexdigest()}, announced {announced}"
    return None


def hasher(name: str) -> Any:
    """A fresh hash of SHA-2, SHA-3 or BLAKE2; None for one that is weak or unknown."""
    made = _HASHES.get(name)
    return None if made is None else made()


def check_unexpired(document: Document[T], now: datetime) -> None:
    """Check that metadata is still good at a time.

    Raises:
        RefusedError: It has expired.
    """
    if document.signed.is_expired(now):
        rule = f"expired at {document.signed.expires.isoformat()}, it is {now.isoformat()}"
        raise document.refuse(Reason.EXPIRED, rule)


def _check_key_ids(signed: Mapping[str, Any], role: str) -> None:
    """Only a Root and a list of delegations have keys; elsewhere the name is nobody's."""
    if signed["_type"] == Root.type:
        keys, at = signed["keys"], role
    elif signed["_type"] == Targets.type and "delegations" in signed:
        keys, at = signed["delegations"]["keys"], "delegation"
    else:
        return
    for key_id, key in keys.items():
        canonical = encode_canonical({name: key[name] for name in ("keytype", "keyval", "scheme")})
        if hashlib.sha256(str(canonical).encode()).hexdigest() != key_id:
            rule = f"key id {key_id[:80]} must be the SHA-256 of its key"
            raise RefusedError(at, Reason.BAD_KEY_ID, rule, version=signed["version"])


def _role(document: Document[T], delegator: Delegator) -> Role:
    try:
        return delegator.get_delegated_role(document.role)
    except ValueError as error:
        raise document.refuse(Reason.UNMET_THRESHOLD, str(error)) from None


def _key(delegator: Delegator, key_id: str) -> Key | None:
    try:
        return delegator.get_key(key_id)
    except ValueError:
        return None


def _material(key: Key) -> tuple[str, str]:
    """What makes two keys the same, however they are written."""
    public = "".join(str(key.keyval["public"]).split())
    return key.keytype, public.lower() if key.keytype == "ed25519" else public


def has_signed(key: Key, document: Document[T]) -> bool:
    """Whether a key has signed exactly what a file says."""
    signature = document.signatures.get(key.keyid)
    if signature is None:
        return False
    try:
        key.verify_signature(Signature(key.keyid, signature), document.payload)
    except UnverifiedSignatureError:
        return False
    return True


_HASHES: Final[Mapping[str, Callable[[], Any]]] = {
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
    "sha3-256": hashlib.sha3_256,
    "sha3-512": hashlib.sha3_512,
    "blake2b-256": lambda: hashlib.blake2b(digest_size=32),
    "blake2b": hashlib.blake2b,
}
