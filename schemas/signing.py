"""Signatures of decisions and commands: canonical bytes, ed25519 keys, roles and revocation."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.records import ModelRelease, ReleaseKind, RolloutCommand

Signed = TypeVar("Signed", ModelRelease, RolloutCommand)
_SIGNATURE_HEX: Final = 128


class Role(StrEnum):
    """What a signer may write."""

    TRAINER = "trainer"
    GATE = "gate"
    OPERATOR = "operator"


class SignatureError(ValueError):
    """The record is not signed by someone who may write it; the message says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A signer as others know it.

    Attributes:
        key: 32 raw bytes of the ed25519 public key.
        roles: What the signer may write.
        revoked_at: Broker stamp in microseconds from which its signatures are void; None: valid.
    """

    key: bytes
    roles: frozenset[Role]
    revoked_at: int | None = None


def role_for(record: ModelRelease | RolloutCommand) -> Role:
    """Role that may write the record."""
    if isinstance(record, RolloutCommand):
        return Role.OPERATOR
    return Role.TRAINER if record.kind is ReleaseKind.PROPOSED else Role.GATE


def canonical(record: ModelRelease | RolloutCommand) -> bytes:
    """The bytes that are signed: the record's name and its fields but the signature.

    Sorted compact JSON. Fields without a value are left out, so that a later version's nullable
    field changes no old signature; whole floats are written as integers, because Avro gives back
    1.0 for the 1 that was put into a double.

    Raises:
        ValueError: A float is not finite.
    """
    fields = {
        field.name: _plain(getattr(record, field.name))
        for field in dataclasses.fields(record)
        if field.name != "signature" and getattr(record, field.name) is not None
    }
    body = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"fleetloop/{type(record).__name__}\n{body}".encode()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: _plain(inner) for name, inner in pairs if inner is not None}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and the name others know it by."""

    name: str
    key: Ed25519PrivateKey

    def sign(self, record: Signed) -> Signed:
        """The record with this signer's name and signature."""
        named = dataclasses.replace(record, signer=self.name, signature="")
        return dataclasses.replace(named, signature=self.key.sign(canonical(named)).hex())

    def public(self, *roles: Role) -> PublicKey:
        """This signer as others should know it."""
        return PublicKey(self.key.public_key().public_bytes_raw(), frozenset(roles))


@dataclass(frozen=True, slots=True)
class Keyring:
    """The signers one trusts, by name."""

    keys: Mapping[str, PublicKey]

    def verify(self, record: ModelRelease | RolloutCommand, stamp_us: int) -> None:
        """Check signer, role, revocation and signature.

        Args:
            record: What was read.
            stamp_us: The broker's stamp of it; a revocation voids only what is stamped later.

        Raises:
            SignatureError: It does not count; the message says why.
        """
        known = self.keys.get(record.signer)
        if known is None:
            raise SignatureError(f"signer {record.signer!r} is not in the keyring")
        if (role := role_for(record)) not in known.roles:
            held = ", ".join(sorted(known.roles)) or "none"
            raise SignatureError(f"signer {record.signer!r} has roles {held}, not {role}")
        if known.revoked_at is not None and stamp_us >= known.revoked_at:
            raise SignatureError(f"signer {record.signer!r} was revoked at {known.revoked_at}")
        if not _matches(known.key, record):
            raise SignatureError(f"signature of {record.signer!r} does not match the record")


def _matches(key: bytes, record: ModelRelease | RolloutCommand) -> bool:
    if len(record.signature) != _SIGNATURE_HEX:
        return False
    try:
        signature = bytes.fromhex(record.signature)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, canonical(record))
    except (ValueError, InvalidSignature):
        return False
    return True
