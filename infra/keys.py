"""Signing keys of an installation: a folder with keyring.yaml, a passphrase and sealed keys."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.sealed_key import (
    PASSPHRASE,
    SUFFIX,
    KeysError,
    read_key,
    read_passphrase,
    write_key,
    write_private,
)
from schemas.signing import Keyring, PublicKey, Role, Signer

KEYRING: Final = "keyring.yaml"
DEMO_SIGNERS: Final[Mapping[str, Role]] = {
    "trainer": Role.TRAINER,
    "gate": Role.GATE,
    "operator": Role.OPERATOR,
    "second-operator": Role.OPERATOR,
}
_KEY_BYTES: Final = 32


def make_keys(keys_dir: Path, signers: Mapping[str, Role] = DEMO_SIGNERS) -> Keyring:
    """Make a sealed key for each signer and the keyring of their public halves.

    The passphrase is drawn, unless keys_dir has one already. A folder that already holds a keyring
    is left as it is, so a restart keeps its keys.
    """
    if (keys_dir / KEYRING).exists():
        return load_keyring(keys_dir)
    passphrase = make_passphrase(keys_dir)
    ring = {}
    for name, role in signers.items():
        path = keys_dir / f"{name}{SUFFIX}"
        path.unlink(missing_ok=True)  # without a keyring, what lies there was cut short
        signer = Signer(name, Ed25519PrivateKey.generate())
        write_key(path, signer.key, passphrase)
        ring[name] = {"key": signer.public().key.hex(), "roles": [role.value]}
    write_private(keys_dir / KEYRING, yaml.safe_dump(ring).encode())
    return load_keyring(keys_dir)


def make_passphrase(keys_dir: Path) -> bytes:
    """The passphrase of the keys that servers hold, drawn where there is none."""
    path = keys_dir / PASSPHRASE
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32).encode() + b"\n")
    return read_passphrase(path)


def load_signer(keys_dir: Path, name: str) -> Signer:
    """Load a signer's private key.

    Raises:
        KeysError: The file is missing, readable by others, or does not open.
    """
    passphrase = read_passphrase(keys_dir / PASSPHRASE)
    return Signer(name, read_key(keys_dir / f"{name}{SUFFIX}", passphrase))


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
