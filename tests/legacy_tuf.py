"""Reads metadata of 2017, before TUF 1.0, for the one verifier there is; tests only.

`_type` had a capital, there was no spec_version, a key had no scheme (each signature said its
method), and a key id was the SHA-256 of the canonical JSON string of the public key. What is signed
stays what stands in the file: only what is built of it is translated.
"""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from securesystemslib.formats import encode_canonical

from producers.device.trust import documents
from producers.device.trust.documents import Document, T
from producers.device.trust.limits import Limits
from producers.device.trust.reading import Reader
from producers.device.trust.refusal import Reason, RefusedError

Tree = dict[str, Any]
_DIALECT: Final = Limits(hashed_key_ids=False)


class LegacyReader(Reader):
    """Reads the older form.

    Args:
        folder: The repository: the scheme of a key stands beside the signatures it made.
    """

    def __init__(self, folder: Path) -> None:
        self._schemes: Mapping[str, str] = {
            signature["keyid"]: signature["method"]
            for file in folder.glob("*.json")
            for signature in json.loads(file.read_bytes())["signatures"]
        }

    def read(self, data: bytes, role: str, kind: type[T], limits: Limits) -> Document[T]:
        """Read a file as `documents.read` does."""
        old = json.loads(data)
        if limits.hashed_key_ids:
            _check_key_ids(old["signed"], role)
        new = self._translated(old)
        read = documents.read(json.dumps(new).encode(), role, kind, _DIALECT)
        payload = encode_canonical(old["signed"])
        return Document(role, data, read.signed, str(payload).encode(), read.signatures)

    def _translated(self, old: Tree) -> Tree:
        new = deepcopy(old)
        signed = new["signed"]
        signed["_type"] = signed["_type"].lower()
        signed["spec_version"] = "1.0.0"
        for key_id, key in signed.get("keys", {}).items():
            key["scheme"] = self._schemes.get(key_id, "ed25519")
        return new


def _check_key_ids(signed: Tree, role: str) -> None:
    for key_id, key in signed.get("keys", {}).items():
        canonical = str(encode_canonical(key["keyval"]["public"])).encode()
        if hashlib.sha256(canonical).hexdigest() != key_id:
            raise RefusedError(role, Reason.BAD_KEY_ID, "key id must be the SHA-256 of the key")
