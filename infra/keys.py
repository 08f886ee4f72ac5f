"""Signing keys of an installation: a folder with keyring.yaml and one private <signer>.pem each."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from schemas.signing import Keyring, PublicKey, Role, Signer

KEYRING: Final = "keyring.yaml"
DEMO_SIGNERS: Final[Mapping[str, Role]] = {
    "trainer": Role.TRAINER,
    "gate": Role.GATE,
    "operator": Role.OPERATOR,
    "second-operator": Role.OPERATOR,
}
_PRIVATE: Final = 0o600
_KEY_BYTES: Final = 32


class KeysError(ValueError):
    """A key file is missing or not what it must be; the message names it."""


def make_keys(keys_dir: Path, signers: Mapping[str, Role] = DEMO_SIGNERS) -> Keyring:
    """Make a key for each signer and the keyring of their public halves.

    A folder that already holds a keyring is left as it is, so a restart keeps its keys.
    """
    if (keys_dir / KEYRING).exists():
        return load_keyring(keys_dir)
    keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = {name: Signer(name, Ed25519PrivateKey.generate()) for name in signers}
    for name, signer in made.items():
        pem = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_private(keys_dir / f"{name}.pem", pem)
    ring = {
        name: {"key": signer.public().key.hex(), "roles": [signers[name].value]}
        for name, signer in made.items()
    }
    _write_private(keys_dir / KEYRING, yaml.safe_dump(ring).encode())
    return load_keyring(keys_dir)


def load_signer(keys_dir: Path, name: str) -> Signer:
    """Load a signer's private key.

    Raises:
        KeysError: The file is missing, readable by others, or no ed25519 key.
    """
    path = keys_dir / f"{name}.pem"
    try:
        others = path.stat().st_mode & 0o077
        pem = path.read_bytes()
    except OSError as error:
        raise KeysError(f"key {path}: {error.strerror}; make it or set keys_dir") from error
    if others:
        raise KeysError(f"key {path}: mode lets others read it; run chmod 600 {path}")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise KeysError(f"key {path}: not a PEM private key without password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeysError(f"key {path}: {type(key).__name__}, must be ed25519")
    return Signer(name, key)


def load_keyring(keys_dir: Path) -> Keyring:
    """Load the public keys with their roles and revocations.

    Raises:
        KeysError: The file is missing or an entry is wrong; the message names entry and rule.
    """
    path = keys_dir / KEYRING
    try:
        loaded = yaml.safe_load(path.read_text())
    except OSError as error:
        raise KeysError(f"keyring {path}: {error.strerror}; make it or set keys_dir") from error
    except yaml.YAMLError as error:
        raise KeysError(f"keyring {path}: not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise KeysError(f"keyring {path}: must map signer names to key, roles and revoked_at")
    return Keyring({str(name): _entry(path, name, entry) for name, entry in loaded.items()})


def _entry(path: Path, name: object, entry: Any) -> PublicKey:
    where = f"keyring {path}: {name}"
    if not isinstance(entry, dict) or (extra := set(entry) - {"key", "roles", "revoked_at"}):
        unknown = (
            f"unknown {', '.join(sorted(map(str, extra)))}; " if isinstance(entry, dict) else ""
        )
        raise KeysError(f"{where}: {unknown}allowed are key, roles and revoked_at")
    try:
        key = bytes.fromhex(str(entry.get("key", "")))
        roles = frozenset(Role(role) for role in entry.get("roles", ()))
    except (ValueError, TypeError) as error:
        raise KeysError(f"{where}: {error}; roles are {', '.join(Role)}, key is hex") from error
    revoked_at = entry.get("revoked_at")
    if len(key) != _KEY_BYTES:
        raise KeysError(f"{where}: key has {len(key)} bytes, an ed25519 key has {_KEY_BYTES}")
    if revoked_at is not None and not isinstance(revoked_at, int):
        raise KeysError(f"{where}: revoked_at={revoked_at!r} must be UTC microseconds")
    return PublicKey(key, roles, revoked_at)


def _write_private(path: Path, body: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    # Opened with the mode, so there is no moment in which others may read it.
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
        file.write(body)
    partial.replace(path)
