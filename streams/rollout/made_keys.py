"""Keys for logs that exist in memory only: made of a name, they open no real door."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.signing import Signer


def made_signer(name: str) -> Signer:
    """A key made of the name: the same log in memory gives the same bytes."""
    seed = hashlib.sha256(f"trace of {name}".encode()).digest()
    return Signer(name, Ed25519PrivateKey.from_private_bytes(seed))
