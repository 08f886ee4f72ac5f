"""Signers of decisions: the keyring of their public halves, and their sealed keys beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from infra.sealed_key import KeysError, write_private
from infra.trust.key_folder import KeyFolder
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
    """Make a sealed key for each signer and the keyring of their public halves, asking nobody.

    The passphrase is drawn, unless keys_dir has one already. A folder that already holds a keyring
    is left as it is, so a restart keeps its keys.
    """
    if (keys_dir / KEYRING).exists():
        return load_keyring(keys_dir)
    folder = KeyFolder(keys_dir)
    folder.make_passphrase()
    ring: dict[str, Any] = {}
    for name, role in signers.items():
        folder.drop(name)  # without a keyring, what lies there was cut short
        ring[name] = {"key": folder.make(name).hex(), "roles": [role.value]}
    _write_keyring(keys_dir, ring)
    return load_keyring(keys_dir)


def load_signer(keys_dir: Path, name: str) -> Signer:
    """Open a signer's private key.

    Raises:
        KeysError: It is missing, damaged, readable by others, or does not open.
    """
    return Signer(name, KeyFolder(keys_dir).load(name))


def revoke_signer(keys_dir: Path, name: str, now_us: int) -> None:
    """Void what a signer signs and the broker stamps from now on.

    `now_us` is in UTC microseconds.

    Raises:
        KeysError: There is no such signer.
    """
    load_keyring(keys_dir)
    ring: dict[str, Any] = yaml.safe_load((keys_dir / KEYRING).read_text())
    if name not in ring:
        raise KeysError(f"keyring {keys_dir / KEYRING}: no signer {name}")
    ring[name].setdefault("revoked_at", now_us)
    _write_keyring(keys_dir, ring)


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


def _write_keyring(keys_dir: Path, ring: Mapping[str, Any]) -> None:
    write_private(keys_dir / KEYRING, yaml.safe_dump(dict(ring)).encode())
