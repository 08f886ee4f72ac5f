"""YAML read strictly: plain values, and for every one of them the line it stands on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES: Final = 262_144
MAX_DEPTH: Final = 16
_FLOAT: Final = "tag:yaml.org,2002:float"

Path = tuple[str | int, ...]


class MarkedYamlError(ValueError):
    """Text that is not the strict YAML meant here.

    Attributes:
        line: Where, from 1.
    """

    def __init__(self, line: int, rule: str) -> None:
        super().__init__(rule)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value, and the line of every key, item and value by path."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Line of a path, or of the nearest part of the document around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def documents(text: str) -> Iterator[Document]:
    """Every document of a text. Numbers with a point are Decimals: exact as they were written.

    Raises:
        MarkedYamlError: No YAML, or with an alias, a tag, a key given twice, a key that is no
            text, or more depth or size than a file of settings can need.
    """
    if len(text.encode()) > MAX_BYTES:
        raise MarkedYamlError(1, f"it is longer than {MAX_BYTES // 1024} KiB; split the file")
    try:
        _check_events(text)
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            lines: dict[Path, int] = {}
            value = _value(node, (), lines)
            yield Document(value, lines)
    except yaml.YAMLError as error:
        raise _told(error) from error


def _check_events(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise MarkedYamlError(line, f"alias *{event.anchor}: write the value out")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise MarkedYamlError(line, f"anchor &{event.anchor}: remove it")
        if tag := getattr(event, "tag", None):
            raise MarkedYamlError(line, f"tag {tag}: remove it, plain values are read")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise MarkedYamlError(line, f"nested more than {MAX_DEPTH} deep")


def _value(node: Node | None, path: Path, lines: dict[Path, int]) -> Any:
    if node is None:
        lines[path] = 1
        return None
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, SequenceNode):
        return [_value(item, (*path, at), lines) for at, item in enumerate(node.value)]
    return _scalar(node) if isinstance(node, ScalarNode) else None


def _mapping(node: MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise MarkedYamlError(line, "a list or a map as a key; keys are words")
        name = str(key.value)
        if name in found:
            first = lines[(*path, name)]
            raise MarkedYamlError(line, f"key {name} stands twice, first in line {first}")
        lines[(*path, name)] = line
        found[name] = _value(item, (*path, name), lines)
    return found


def _scalar(node: ScalarNode) -> Any:
    if node.tag == _FLOAT:
        try:
            return Decimal(node.value.replace("_", ""))
        except InvalidOperation:  # .inf, .nan and 1:30.5 are numbers to YAML, not to settings
            return node.value
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except ValueError:  # a date such as 2026-13-45
        return node.value
    finally:
        loader.dispose()


def _told(error: yaml.YAMLError) -> MarkedYamlError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return MarkedYamlError(1 if mark is None else mark.line + 1, f"no YAML: {problem}")
