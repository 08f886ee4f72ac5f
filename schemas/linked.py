"""Any Avro schema as linked nodes, in which a name is the node it stands for, loops included."""

import json
from collections.abc import Mapping
from typing import Any, Final

from schemas.shapes import PRIMITIVES

NAMED: Final = frozenset({"record", "error", "enum", "fixed"})


def linked(schema: str) -> Mapping[str, Any]:
    """A schema as nodes with a `type` each; a name is the node it stands for, loops included."""
    return _link(json.loads(schema), {}, "")


def _link(node: Any, named: dict[str, dict[str, Any]], space: str) -> dict[str, Any]:  # noqa: PLR0911 - one return for each kind of node
    if isinstance(node, list):
        return {"type": "union", "branches": [_link(branch, named, space) for branch in node]}
    if isinstance(node, str):
        if node in PRIMITIVES | {"null"}:
            return {"type": node}
        return named[node if "." in node or not space else f"{space}.{node}"]
    kind = node["type"]
    if kind in NAMED:
        return _link_named(node, named, space)
    if kind == "array":
        return {"type": "array", "items": _link(node["items"], named, space)}
    if kind == "map":
        return {"type": "map", "values": _link(node["values"], named, space)}
    return _link(kind, named, space)


def _link_named(
    node: Mapping[str, Any], named: dict[str, dict[str, Any]], space: str
) -> dict[str, Any]:
    fullname = _fullname(node["name"], node.get("namespace", space))
    space = fullname.rpartition(".")[0]
    made = dict(node) | {
        "type": "record" if node["type"] == "error" else node["type"],
        "fullname": fullname,
        "aliases": [_fullname(alias, space) for alias in node.get("aliases", ())],
    }
    named[fullname] = made
    made["fields"] = [
        dict(field) | {"type": _link(field["type"], named, space)}
        for field in node.get("fields", ())
    ]
    return made


def _fullname(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"


def told(node: Mapping[str, Any]) -> str:
    """A node as a message names it."""
    if node["type"] == "union":
        return "union of " + ", ".join(told(branch) for branch in node["branches"])
    if node["type"] == "fixed":
        return f"fixed {node['fullname']} of {node['size']} bytes"
    return f"{node['type']} {node['fullname']}" if "fullname" in node else str(node["type"])
