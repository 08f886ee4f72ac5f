"""Which sealed key serves which role of a repository, on servers and with people."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from tuf.api.metadata import Root

from infra.sealed_key import PASSPHRASE, SUFFIX, KeysError, public_half, read_key, read_passphrase
from infra.sealed_key import write_key as _write_key
from infra.trust.roles import OFFLINE, Repo, key_name, online

OFFLINE_KEYS: Final = tuple((repo, role) for repo in Repo for role in sorted(OFFLINE[repo]))
ONLINE_KEYS: Final = tuple((repo, role) for repo in Repo for role in online(repo))


def make_key(path: Path, passphrase: bytes) -> Key:
    """Make a sealed key; gives its public half.

    Raises:
        KeysError: The file is there already.
    """
    private = Ed25519PrivateKey.generate()
    _write_key(path, private, passphrase)
    return SSlibKey.from_crypto(private.public_key())


def public_key(path: Path) -> Key:
    """The public half of a sealed key.

    Raises:
        KeysError: The file is missing or damaged.
    """
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(public_half(path)))


def signer(path: Path, passphrase: bytes) -> CryptoSigner:
    """Open a sealed key to sign metadata.

    Raises:
        KeysError: It is missing, damaged, or does not open.
    """
    return CryptoSigner(read_key(path, passphrase))


def online_path(keys_dir: Path, repo: Repo, role: str) -> Path:
    """Where the next key of a server's role goes: numbered, so that a rotation keeps the old."""
    name = key_name(repo, role)
    number = 1 + sum(1 for _ in keys_dir.glob(f"{name}-*{SUFFIX}"))
    return keys_dir / f"{name}-{number}{SUFFIX}"


def online_keys(keys_dir: Path, repo: Repo, root: Root) -> dict[str, CryptoSigner]:
    """The keys by which a server signs, of those it holds the ones that the Root names.

    Raises:
        KeysError: It holds none for a role.
    """
    passphrase = read_passphrase(keys_dir / PASSPHRASE)
    return {role: _held(keys_dir, repo, role, root, passphrase) for role in online(repo)}


def _held(keys_dir: Path, repo: Repo, role: str, root: Root, passphrase: bytes) -> CryptoSigner:
    named = root.roles[role].keyids
    for path in sorted(keys_dir.glob(f"{key_name(repo, role)}-*{SUFFIX}")):
        if public_key(path).keyid in named:
            return signer(path, passphrase)
    raise KeysError(
        f"{keys_dir}: no key of {key_name(repo, role)} that the root of version {root.version} "
        "names; see fleetloop keys list"
    )
