"""The shape that TUF 1.0 gives each role's metadata, checked before anything is built of it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from producers.device.trust.refusal import Reason, RefusedError

TOP_LEVEL: Final = ("root", "timestamp", "snapshot", "targets")
SHA256: Final = re.compile(r"[0-9a-f]{64}")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*")
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_SPEC: Final = re.compile(r"1\.\d{1,9}(?:\.\d{1,9})?")
_MAX_VERSION: Final = 2**63 - 1
_MAX_NAME: Final = 200
_SAID: Final = 60
"""Characters of a wrong value that a message repeats."""

Kind = Callable[[Any], bool]


class Fields:
    """Typed access to one object of a role's metadata; every failure names role and field."""

    def __init__(self, role: str, tree: Any, path: str, version: int | None = None) -> None:
        self.role, self.path, self.version = role, path, version
        if not isinstance(tree, dict):
            raise self.wrong(path, "must be an object", tree)
        self._tree: Mapping[str, Any] = tree

    def wrong(self, path: str, rule: str, found: Any) -> RefusedError:
        """The error that names what was found."""
        said = repr(found)
        said = said if len(said) <= _SAID else f"{said[:_SAID]}... ({len(said)} characters)"
        rule = f"{path} {rule}, found {said}"
        return RefusedError(self.role, Reason.MALFORMED, rule, version=self.version)

    def text(self, name: str, form: re.Pattern[str] | None = None) -> str:
        """A string, in a form."""
        value = self._the(name)
        if not isinstance(value, str) or (form is not None and not form.fullmatch(value)):
            form_words = f" like {form.pattern}" if form is not None else ""
            raise self.wrong(f"{self.path}.{name}", f"must be a string{form_words}", value)
        return value

    def number(self, name: str, least: int, most: int = _MAX_VERSION) -> int:
        """An integer within bounds; JSON's true is not one."""
        value = self._the(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            rule = f"must be an integer from {least} to {most}"
            raise self.wrong(f"{self.path}.{name}", rule, value)
        return value

    def maybe(self, name: str) -> bool:
        """Whether an optional field is there."""
        return name in self._tree

    def flag(self, name: str) -> None:
        """A boolean."""
        if not isinstance(value := self._the(name), bool):
            raise self.wrong(f"{self.path}.{name}", "must be true or false", value)

    def inner(self, name: str) -> "Fields":
        """A nested object."""
        return Fields(self.role, self._the(name), f"{self.path}.{name}", self.version)

    def items(self, name: str) -> list[Any]:
        """A list."""
        if not isinstance(value := self._the(name), list):
            raise self.wrong(f"{self.path}.{name}", "must be a list", value)
        return value

    def texts(self, name: str) -> list[str]:
        """A list of strings."""
        value = self.items(name)
        if not all(isinstance(item, str) for item in value):
            raise self.wrong(f"{self.path}.{name}", "must be a list of strings", value)
        return value

    def names(self) -> list[str]:
        """The names of all fields."""
        return list(self._tree)

    def _the(self, name: str) -> Any:
        if name not in self._tree:
            raise self.wrong(f"{self.path}.{name}", "must be there", None)
        return self._tree[name]


def check(signed: Any, role: str, kind: str) -> None:
    """Check the signed part of a file.

    Args:
        signed: Parsed JSON.
        role: The role's name, for messages.
        kind: The type it must have: one of TOP_LEVEL.

    Raises:
        RefusedError: A field is missing, of a wrong type or out of bounds; the rule names it.
    """
    fields = Fields(role, signed, "signed")
    if (found := fields.text("_type")) != kind:
        rule = f"signed._type must be {kind}, found {found[:_SAID]!r}"
        raise RefusedError(role, Reason.BAD_TYPE, rule)
    fields.version = fields.number("version", 1)
    fields.text("spec_version", _SPEC)
    fields.text("expires", _MOMENT)
    _SHAPES[kind](fields)


def check_signatures(tree: Mapping[str, Any], role: str) -> dict[str, str]:
    """Signature (hex) by key id of a whole file; empty ones, which some tools leave, are dropped.

    Raises:
        RefusedError: The list is malformed, or a key id stands twice in it.
    """
    found: dict[str, str] = {}
    for item in Fields(role, dict(tree), "file").items("signatures"):
        entry = Fields(role, item, "signatures[]")
        key_id, signature = entry.text("keyid"), entry.text("sig", _HEX)
        if key_id in found:
            rule = f"key {key_id[:_SAID]} has signed twice; a key signs once"
            raise RefusedError(role, Reason.DUPLICATE_SIGNATURES, rule)
        found[key_id] = signature
    return {key_id: signature for key_id, signature in found.items() if signature}


def _root(fields: Fields) -> None:
    _keys(fields.inner("keys"))
    if fields.maybe("consistent_snapshot"):
        fields.flag("consistent_snapshot")
    roles = fields.inner("roles")
    if sorted(roles.names()) != sorted(TOP_LEVEL):
        raise fields.wrong("signed.roles", f"must be {', '.join(TOP_LEVEL)}", roles.names())
    for name in TOP_LEVEL:
        _threshold(roles.inner(name), name)


def _timestamp(fields: Fields) -> None:
    meta = fields.inner("meta")
    if meta.names() != ["snapshot.json"]:
        raise fields.wrong("signed.meta", "must name snapshot.json alone", meta.names())
    _file(meta.inner("snapshot.json"))


def _snapshot(fields: Fields) -> None:
    meta = fields.inner("meta")
    if not meta.maybe("targets.json"):
        raise fields.wrong("signed.meta", "must name targets.json", meta.names())
    for name in meta.names():
        _file(meta.inner(name))


def _targets(fields: Fields) -> None:
    targets = fields.inner("targets")
    for name in targets.names():
        target = targets.inner(name)
        target.number("length", 0)
        _hashes(target)
    if fields.maybe("delegations"):
        _delegations(fields.inner("delegations"))


def _delegations(fields: Fields) -> None:
    _keys(fields.inner("keys"))
    if fields.maybe("roles") == fields.maybe("succinct_roles"):
        raise fields.wrong(fields.path, "must have roles or succinct_roles", fields.names())
    if fields.maybe("succinct_roles"):
        succinct = fields.inner("succinct_roles")
        succinct.number("bit_length", 1, 32)
        _named(succinct, "name_prefix")
        _threshold(succinct, "delegation")
        return
    for item in fields.items("roles"):
        role = Fields(fields.role, item, f"{fields.path}.roles[]", fields.version)
        name = _named(role, "name")
        role.flag("terminating")
        if role.maybe("paths") == role.maybe("path_hash_prefixes"):
            raise role.wrong(role.path, "must have paths or path_hash_prefixes", role.names())
        role.texts("paths" if role.maybe("paths") else "path_hash_prefixes")
        _threshold(role, name)


def _named(role: Fields, field: str) -> str:
    """A role's name, which becomes a file name of the state."""
    name = role.text(field)
    if not name or len(name) > _MAX_NAME or name in TOP_LEVEL:
        rule = f"must be 1 to {_MAX_NAME} characters and no top-level role"
        raise role.wrong(f"{role.path}.{field}", rule, name)
    return name


def _keys(keys: Fields) -> None:
    for key_id in keys.names():
        key = keys.inner(key_id)
        key.text("keytype")
        key.text("scheme")
        key.inner("keyval").text("public")


def _threshold(role: Fields, name: str) -> None:
    key_ids = role.texts("keyids")
    if len(set(key_ids)) != len(key_ids):
        raise role.wrong(f"{role.path}.keyids", "must name each key once", key_ids)
    threshold = role.number("threshold", -_MAX_VERSION)
    if threshold < 1:
        rule = f"{role.path}.threshold must be 1 or more, found {threshold}"
        raise RefusedError(name, Reason.ILLEGAL_THRESHOLD, rule, version=role.version)


def _file(meta: Fields) -> None:
    meta.number("version", 1)
    if meta.maybe("length"):
        meta.number("length", 0)
    if meta.maybe("hashes"):
        _hashes(meta)


def _hashes(owner: Fields) -> None:
    hashes = owner.inner("hashes")
    if not hashes.names():
        raise owner.wrong(f"{owner.path}.hashes", "must name a hash", {})
    for name in hashes.names():
        hashes.text(name, _HEX)


_SHAPES: Final[Mapping[str, Callable[[Fields], None]]] = {
    "root": _root,
    "timestamp": _timestamp,
    "snapshot": _snapshot,
    "targets": _targets,
}
