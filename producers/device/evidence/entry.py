"""One line of a device's evidence: what it says, and a hash that holds it to the line before.

A line is the SHA-256 (hex) of the rest, a blank, and compact JSON with sorted names: anyone can
check it with standard tools. `prev` is the hash of the line before, empty in the first.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

_HASH: Final = 64
_FIELDS: Final = frozenset({"seq", "prev", "at_us", "kind", "facts"})
_COMPACT: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Kind(StrEnum):
    """What a line tells of."""

    VERIFIED = "VERIFIED"
    REFUSED = "REFUSED"
    DID = "DID"
    TORN = "TORN"
    BROKEN = "BROKEN"


class EvidenceError(ValueError):
    """Evidence that was changed, or is none; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line.

    Attributes:
        seq: Its number, from 0.
        prev: Hash of the line before.
        at_us: The device's clock, UTC microseconds: what it says, not when it was.
        kind: VERIFIED: metadata and image; REFUSED: an update, and why; DID: a step of an attempt;
            TORN: the line before was lost in part by a power cut; BROKEN: an older log was changed,
            and this is a new one.
        facts: What was found, by name.
    """

    seq: int
    prev: str
    at_us: int
    kind: Kind
    facts: Mapping[str, Any]

    def line(self) -> bytes:
        """As it is written."""
        body = _body(self)
        return hashlib.sha256(body).hexdigest().encode() + b" " + body + b"\n"

    @property
    def hash(self) -> str:
        """Its hash, hex."""
        return hashlib.sha256(_body(self)).hexdigest()


def hash_of(line: bytes) -> str:
    """The hash that a line begins with."""
    return line[:_HASH].decode("ascii", "replace")


def parse(line: bytes) -> Entry:
    """Read one line, without its end.

    Raises:
        EvidenceError: It is not what `Entry.line` writes.
    """
    found, body = hash_of(line), line[_HASH + 1 :]
    if hashlib.sha256(body).hexdigest() != found:
        raise EvidenceError("the line is not the one its hash was made of")
    try:
        tree = json.loads(body)
        if not isinstance(tree, dict) or tree.keys() != _FIELDS:
            raise EvidenceError(f"a line has {', '.join(sorted(_FIELDS))}")
        entry = Entry(**(tree | {"kind": Kind(tree["kind"])}))
        whole = all(type(number) is int for number in (entry.seq, entry.at_us))
        if not (whole and isinstance(entry.prev, str) and isinstance(entry.facts, dict)):
            raise EvidenceError("a field has a wrong type")
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"the line cannot be read: {error}") from error
    if entry.line().rstrip(b"\n") != line:
        raise EvidenceError("the line is written in another way")
    return entry


def _body(entry: Entry) -> bytes:
    tree = {name: getattr(entry, name) for name in _FIELDS}
    return _COMPACT.encode(tree | {"facts": dict(entry.facts)}).encode()
