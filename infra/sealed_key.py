"""A private key at rest: ed25519, sealed under a passphrase, in a file only its owner may read."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

SUFFIX: Final = ".key"
PASSPHRASE: Final = "passphrase"  # noqa: S105 - the name of the file that holds it
_FORMAT: Final = "fleetloop.key/1"
COST = 1 << 17
"""scrypt's n at r = 8, p = 1 (RFC 7914): 128 MiB and about 0.4 s for each guess at a passphrase."""
MACHINE_COST = 1 << 10
"""The same where a machine drew the passphrase: nobody guesses 256 bits, whatever a guess costs,
and workers that open a key at their start do not need 128 MiB for it."""
_MOST_COST: Final = 1 << 20
_PRIVATE: Final = 0o600
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MIN_PASSPHRASE: Final = 8


class KeysError(ValueError):
    """A key file is missing or not what it must be; the message names it."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What is readable of a sealed key, and cannot be changed without it failing to open."""

    public: bytes
    salt: bytes
    cost: int

    def bound(self) -> bytes:
        return b"\n".join([_FORMAT.encode(), self.public, self.salt, str(self.cost).encode()])


def read_passphrase(path: Path) -> bytes:
    """The first line of a file; on a server a link to where the service manager puts secrets.

    Raises:
        KeysError: It is missing, readable by others, or its first line is too short.
    """
    found = _read(path).partition(b"\n")[0].strip()
    if len(found) < _MIN_PASSPHRASE:
        raise KeysError(f"passphrase {path}: {len(found)} bytes, at least {_MIN_PASSPHRASE} needed")
    return found


def write_key(
    path: Path, key: Ed25519PrivateKey, passphrase: bytes, cost: int | None = None
) -> None:
    """Seal a key into a new file: scrypt and ChaCha20-Poly1305, bound to its public half.

    Args:
        path: The file.
        key: The key.
        passphrase: What opens it.
        cost: scrypt's n; None: that of a passphrase of a person.

    Raises:
        KeysError: The file is there already, or the passphrase is too short.
        OSError: It cannot be written.
    """
    if path.exists():
        raise KeysError(f"key {path}: is there already; a key is never written over")
    if len(passphrase) < _MIN_PASSPHRASE:
        raise KeysError(f"key {path}: a passphrase of at least {_MIN_PASSPHRASE} bytes is needed")
    salt, nonce = os.urandom(16), os.urandom(_NONCE_BYTES)
    head = _Head(key.public_key().public_bytes_raw(), salt, cost or COST)
    box = ChaCha20Poly1305(_derived(passphrase, head))
    sealed = box.encrypt(nonce, key.private_bytes_raw(), head.bound())
    body = {
        "format": _FORMAT,
        "public": head.public.hex(),
        "scrypt": {"n": head.cost, "salt": salt.hex()},
        "nonce": nonce.hex(),
        "sealed": sealed.hex(),
    }
    write_private(path, json.dumps(body, indent=1).encode() + b"\n")


def read_key(path: Path, passphrase: bytes) -> Ed25519PrivateKey:
    """Open a sealed key.

    Raises:
        KeysError: The file is missing, readable by others, damaged, or sealed under another
            passphrase.
    """
    head, nonce, sealed = _fields(path)
    try:
        raw = ChaCha20Poly1305(_derived(passphrase, head)).decrypt(nonce, sealed, head.bound())
    except InvalidTag as error:
        raise KeysError(f"key {path}: does not open with this passphrase") from error
    return Ed25519PrivateKey.from_private_bytes(raw)


def public_half(path: Path) -> bytes:
    """The public key of a sealed one, 32 raw bytes; no passphrase is needed.

    Raises:
        KeysError: The file is missing, readable by others, or damaged.
    """
    return _fields(path)[0].public


def write_private(path: Path, body: bytes) -> None:
    """Write a file that only its owner may read, in one step.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    # Opened with the mode, so there is no moment in which others may read it.
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _fields(path: Path) -> tuple[_Head, bytes, bytes]:
    try:
        body = json.loads(_read(path))
        form, cost = body["format"], body["scrypt"]["n"]
        public, nonce, sealed = (
            bytes.fromhex(body[name]) for name in ("public", "nonce", "sealed")
        )
        salt = bytes.fromhex(body["scrypt"]["salt"])
        known = form == _FORMAT and 1 < cost <= _MOST_COST and not cost & (cost - 1)
    except (ValueError, KeyError, TypeError) as error:
        raise KeysError(f"key {path}: not a sealed key: {error!r}") from error
    if not known or len(public) != _KEY_BYTES or len(nonce) != _NONCE_BYTES:
        raise KeysError(f"key {path}: format {form!r} with n={cost}: not one this version opens")
    return _Head(public, salt, cost), nonce, sealed


def _read(path: Path) -> bytes:
    try:
        others = path.stat().st_mode & 0o077
        body = path.read_bytes()
    except OSError as error:
        raise KeysError(
            f"{path}: {error.strerror}; make keys with fleetloop keys init, or set keys_dir"
        ) from error
    if others:
        raise KeysError(f"{path}: mode lets others read it; run chmod 600 {path}")
    return body


def _derived(passphrase: bytes, head: _Head) -> bytes:
    return Scrypt(salt=head.salt, length=_KEY_BYTES, n=head.cost, r=8, p=1).derive(passphrase)
