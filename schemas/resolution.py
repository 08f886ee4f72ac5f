"""Whether one Avro schema can read what another wrote: "Schema Resolution" of the specification.

Data-dependent traps (a union narrowed to one branch, an enum that lost a symbol) are found here,
not when the wrong record arrives.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from schemas.linked import NAMED, linked, told

_PROMOTIONS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}


class Broken(StrEnum):
    """Which rule of schema resolution a pair breaks."""

    TYPE = "the reader's type cannot hold the writer's"
    NAME = "the named types have different names and no alias"
    SIZE = "the fixed types have different sizes"
    SYMBOLS = "the reader's enum lacks symbols and has no default"
    DEFAULT_MISSING = "the reader's new field has no default"
    BRANCH = "no branch of the reader's union can hold the writer's type"
    DEFAULT_TYPE = "the default is not of its field's type (the first branch of a union)"
    UNREADABLE = "the readers of this package do not resolve it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incompatibility:
    """One place where a pair of schemas breaks a rule.

    Attributes:
        path: Where in the reader: field names, `[]` items, `{}` values, `|n` branch n.
        found: What stands there.
    """

    path: str
    rule: Broken
    found: str

    def __str__(self) -> str:
        return f"{self.path or '(root)'}: {self.found}: {self.rule}"


def incompatibilities(reader: str, writer: str) -> list[Incompatibility]:
    """Everything that keeps `reader` from reading what `writer` wrote; empty: it can."""
    return list(_Pair().compare(linked(reader), linked(writer), ""))


class _Pair:
    """One comparison; a pair of nodes being compared inside itself counts as compatible."""

    def __init__(self) -> None:
        self._open: set[tuple[int, int]] = set()

    def compare(
        self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str
    ) -> Iterator[Incompatibility]:
        pair = (id(reader), id(writer))
        if pair in self._open:
            return
        self._open.add(pair)
        yield from self._compare(reader, writer, path)
        self._open.discard(pair)

    def _compare(
        self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str
    ) -> Iterator[Incompatibility]:
        kind = reader["type"]
        if writer["type"] == "union":
            for place, branch in enumerate(writer["branches"]):
                yield from self.compare(reader, branch, f"{path}|{place}")
        elif kind == "union":
            if all(any(self.compare(branch, writer, path)) for branch in reader["branches"]):
                yield _broken(path, Broken.BRANCH, reader, writer)
        elif kind != writer["type"]:
            if kind not in _PROMOTIONS.get(writer["type"], ()):
                yield _broken(path, Broken.TYPE, reader, writer)
        elif kind == "array":
            yield from self.compare(reader["items"], writer["items"], f"{path}[]")
        elif kind == "map":
            yield from self.compare(reader["values"], writer["values"], f"{path}{{}}")
        elif kind in NAMED:
            yield from self._compare_named(reader, writer, path)

    def _compare_named(
        self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str
    ) -> Iterator[Incompatibility]:
        same = _short(reader) == _short(writer) or writer["fullname"] in reader["aliases"]
        if not same:
            yield _broken(path, Broken.NAME, reader, writer)
        if reader["type"] == "fixed" and reader["size"] != writer["size"]:
            yield _broken(path, Broken.SIZE, reader, writer)
        if reader["type"] == "enum":
            lacking = [name for name in writer["symbols"] if name not in reader["symbols"]]
            if lacking and reader.get("default") not in reader["symbols"]:
                yield Incompatibility(path=path, rule=Broken.SYMBOLS, found=", ".join(lacking))
        if reader["type"] == "record":
            yield from self._compare_fields(reader, writer, path)

    def _compare_fields(
        self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str
    ) -> Iterator[Incompatibility]:
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            where = f"{path}.{field['name']}".lstrip(".")
            names = [field["name"], *field.get("aliases", ())]
            source = next((written[name] for name in names if name in written), None)
            if source is not None:
                yield from self.compare(field["type"], source["type"], where)
            elif "default" not in field:
                yield Incompatibility(
                    path=where, rule=Broken.DEFAULT_MISSING, found=f"new field {field['name']}"
                )


def _broken(
    path: str, rule: Broken, reader: Mapping[str, Any], writer: Mapping[str, Any]
) -> Incompatibility:
    return Incompatibility(path=path, rule=rule, found=f"{told(writer)} read as {told(reader)}")


def _short(node: Mapping[str, Any]) -> str:
    return str(node["fullname"]).rpartition(".")[2]
