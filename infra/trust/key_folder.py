"""The sealed keys of one owner, a person or the online host: <name>.key each in a folder.

The passphrase comes from a file or descriptor that is named, from `passphrase` beside the keys, or
from the person at the terminal; never from an environment variable, which children inherit.
"""

import getpass
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.sealed_key import (
    MACHINE_COST,
    PASSPHRASE,
    SUFFIX,
    KeysError,
    public_half,
    read_key,
    read_passphrase,
    write_key,
    write_private,
)

_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_DRAWN: Final = b"drawn-by-a-machine-"
"""How a passphrase begins that `make_passphrase` drew: nobody has to be kept from guessing it."""
_DRAWN_BYTES: Final = 32


class KeyFolder:
    """Sealed keys under one passphrase.

    Args:
        folder: Made when the first key is.
        passphrase_file: Where the passphrase is, such as /dev/fd/3; None: see the module.
    """

    def __init__(self, folder: Path, passphrase_file: Path | None = None) -> None:
        self.folder, self._passphrase_file = folder, passphrase_file
        self._secret: bytes | None = None  # a descriptor gives it once

    def make(self, name: str) -> bytes:
        """Make a key; its public half, 32 raw bytes.

        Raises:
            KeysError: The name will not do, there is such a key, or no passphrase.
        """
        key = Ed25519PrivateKey.generate()
        secret = self._passphrase(new=not self.names())
        cost = MACHINE_COST if secret.startswith(_DRAWN) else None
        write_key(self._path(name), key, secret, cost)
        return key.public_key().public_bytes_raw()

    def load(self, name: str) -> Ed25519PrivateKey:
        """Open a key.

        Raises:
            KeysError: It is missing, damaged, readable by others, or the passphrase is another.
        """
        public_half(self._path(name))  # nobody is asked for the passphrase of a key that is not
        return read_key(self._path(name), self._passphrase())

    def public(self, name: str) -> bytes:
        """Public half of a key, 32 raw bytes; needs no passphrase. Raises KeysError."""
        return public_half(self._path(name))

    def names(self) -> Sequence[str]:
        """Names of its keys, sorted."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))

    def drop(self, name: str) -> None:
        """Destroy a key."""
        self._path(name).unlink(missing_ok=True)

    def make_passphrase(self) -> None:
        """Let the machine draw one, into a file beside the keys; one that is there stays.

        That protects copies of single key files, not the folder. Where it matters the file is a
        link to where the service manager puts secrets.
        """
        path = self.folder / PASSPHRASE
        if not path.exists():
            write_private(path, _DRAWN + secrets.token_urlsafe(_DRAWN_BYTES).encode() + b"\n")

    def _passphrase(self, *, new: bool = False) -> bytes:
        if self._secret is None:
            beside = self.folder / PASSPHRASE
            if self._passphrase_file is not None:
                self._secret = read_passphrase(self._passphrase_file)
            elif beside.exists():
                self._secret = read_passphrase(beside)
            else:
                self._secret = _asked(self.folder, new=new)
        return self._secret

    def _path(self, name: str) -> Path:
        if not name or not set(name) <= _NAME:
            raise KeysError(f"key name {name!r}: must be of a-z, 0-9 and -")
        return self.folder / f"{name}{SUFFIX}"


def _asked(folder: Path, *, new: bool) -> bytes:
    """What a person types; a new one twice."""
    if not sys.stdin.isatty():
        raise KeysError(
            f"passphrase of {folder}: no terminal to ask at; name a file or descriptor with "
            f"--passphrase-file, or for a worker put it into {folder / PASSPHRASE}"
        )
    typed = getpass.getpass(f"passphrase of {folder}: ", sys.stderr)
    if new and getpass.getpass(f"passphrase of {folder} again: ", sys.stderr) != typed:
        raise KeysError(f"passphrase of {folder}: typed differently the second time")
    return typed.encode()
