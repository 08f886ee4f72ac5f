"""Whether the defaults in a schema are values of their fields' types, which parsers let pass."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.linked import linked, told
from schemas.resolution import Broken, Incompatibility
from schemas.shapes import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN


def wrong_defaults(schema: str) -> list[Incompatibility]:
    """Fields whose default is not a value of their type."""
    return list(_defaults(linked(schema), "", set()))


def _defaults(node: Mapping[str, Any], path: str, seen: set[int]) -> Iterator[Incompatibility]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if node["type"] == "enum" and node.get("default", node["symbols"][0]) not in node["symbols"]:
        yield _default_broken(path, node["default"], node)
    for name, inner in (("[]", "items"), ("{}", "values")):
        if inner in node:
            yield from _defaults(node[inner], path + name, seen)
    for branch in node.get("branches", ()):
        yield from _defaults(branch, path, seen)
    for field in node.get("fields", ()):
        where = f"{path}.{field['name']}".lstrip(".")
        yield from _defaults(field["type"], where, seen)
        if "default" in field and not _fits(field["default"], field["type"]):
            yield _default_broken(where, field["default"], field["type"])


def _default_broken(path: str, default: Any, node: Mapping[str, Any]) -> Incompatibility:
    found = f"default {default!r} of {told(node)}"
    return Incompatibility(path=path, rule=Broken.DEFAULT_TYPE, found=found)


def _fits(default: Any, node: Mapping[str, Any]) -> bool:  # noqa: C901, PLR0911 - one case for each kind of node
    match node["type"]:
        case "union":
            return bool(node["branches"]) and _fits(default, node["branches"][0])
        case "null":
            return default is None
        case "boolean":
            return isinstance(default, bool)
        case "int" | "long" as kind:
            low, high = (INT_MIN, INT_MAX) if kind == "int" else (LONG_MIN, LONG_MAX)
            whole = isinstance(default, int) and not isinstance(default, bool)
            return whole and low <= default <= high
        case "float" | "double":
            return isinstance(default, (int, float)) and not isinstance(default, bool)
        case "string":
            return isinstance(default, str)
        case "bytes" | "fixed":
            raw = isinstance(default, str) and all(ord(letter) < 256 for letter in default)
            return raw and len(default) == node.get("size", len(default))
        case "enum":
            return default in node["symbols"]
        case "array":
            return isinstance(default, list) and all(_fits(i, node["items"]) for i in default)
        case "map":
            return isinstance(default, dict) and all(
                _fits(item, node["values"]) for item in default.values()
            )
        case _:
            return isinstance(default, dict) and all(
                _fits(default.get(field["name"], field.get("default")), field["type"])
                for field in node["fields"]
            )
