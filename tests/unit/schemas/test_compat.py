"""Schema resolution agrees with the avro package, and the gate holds all stored versions to it."""

import io
import json
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from schemas.compat import check_stored, check_topic
from schemas.defaults import wrong_defaults
from schemas.resolution import Broken, incompatibilities
from schemas.topics import ALERTS, OTA_ACKS, TOPICS
from schemas.versions import StoredSchema, stored_versions

Pair = tuple[str, str]


def _record(*fields: Any, name: str = "R") -> str:
    return json.dumps({"type": "record", "name": name, "fields": list(fields)})


def _field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


@pytest.fixture(scope="module")
def harvested() -> dict[Pair, bool]:
    """The pairs of the avro package's own tests, with the answer its checker gave."""
    from avro import compatibility  # noqa: PLC0415 - its tests import it, when they are run
    from avro.test import test_compatibility  # noqa: PLC0415 - as above

    found: dict[Pair, bool] = {}
    checker = compatibility.ReaderWriterCompatibilityChecker
    answer = checker.get_compatibility
    depth = 0

    def wrapped(self: Any, reader: Any, writer: Any, *more: Any, **named: Any) -> Any:
        nonlocal depth
        depth += 1
        try:
            result = answer(self, reader, writer, *more, **named)
        finally:
            depth -= 1
        if depth == 0:
            compatible = compatibility.SchemaCompatibilityType.compatible
            pair = (json.dumps(reader.to_json()), json.dumps(writer.to_json()))
            found[pair] = result.compatibility is compatible
        return result

    with mock.patch.object(checker, "get_compatibility", wrapped):
        suite = unittest.defaultTestLoader.loadTestsFromModule(test_compatibility)
        outcome = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    assert outcome.wasSuccessful()
    return found


def test_the_harvest_is_the_131_pairs_known(harvested: dict[Pair, bool]) -> None:
    assert (len(harvested), sum(harvested.values())) == (131, 70)


def test_every_pair_comes_out_as_the_avro_package_says(harvested: dict[Pair, bool]) -> None:
    ours = {pair: not incompatibilities(*pair) for pair in harvested}
    assert {pair for pair in harvested if ours[pair] != harvested[pair]} == set()


@pytest.mark.parametrize(
    ("reader", "writer", "path", "rule"),
    [
        (_record(_field("a", "int")), _record(_field("a", "long")), "a", Broken.TYPE),
        (_record(_field("a", "int")), _record(), "a", Broken.DEFAULT_MISSING),
        (_record(name="R"), _record(name="S"), "", Broken.NAME),
        (
            _record(_field("a", {"type": "array", "items": "int"})),
            _record(_field("a", {"type": "array", "items": "string"})),
            "a[]",
            Broken.TYPE,
        ),
        (
            _record(_field("a", {"type": "map", "values": "int"})),
            _record(_field("a", {"type": "map", "values": "double"})),
            "a{}",
            Broken.TYPE,
        ),
        (
            _record(_field("a", ["null", "int"])),
            _record(_field("a", ["null", "string"])),
            "a|1",
            Broken.BRANCH,
        ),
        (_record(_field("a", "int")), _record(_field("a", ["null", "int"])), "a|0", Broken.TYPE),
        (
            _record(_field("a", {"type": "enum", "name": "E", "symbols": ["A"]})),
            _record(_field("a", {"type": "enum", "name": "E", "symbols": ["A", "B"]})),
            "a",
            Broken.SYMBOLS,
        ),
        (
            _record(_field("a", {"type": "fixed", "name": "F", "size": 4})),
            _record(_field("a", {"type": "fixed", "name": "F", "size": 8})),
            "a",
            Broken.SIZE,
        ),
    ],
)
def test_an_incompatibility_names_its_path_and_rule(
    reader: str, writer: str, path: str, rule: Broken
) -> None:
    assert [(found.path, found.rule) for found in incompatibilities(reader, writer)] == [
        (path, rule)
    ]


def test_a_recursive_schema_ends() -> None:
    loop = _record(_field("next", ["null", "R"], default=None), _field("v", "int"))
    wide = _record(_field("next", ["null", "R"], default=None), _field("v", "string"))
    assert incompatibilities(loop, loop) == []
    assert incompatibilities(loop, wide)


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ("int", "0"),
        ("int", 2**31),
        ("int", True),
        ("string", 0),
        ("boolean", 0),
        (["null", "string"], ""),
        (["string", "null"], None),
        ({"type": "array", "items": "int"}, ["a"]),
        ({"type": "map", "values": "long"}, {"a": "b"}),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "B"),
        ({"type": "record", "name": "N", "fields": [{"name": "x", "type": "int"}]}, {}),
        ({"type": "fixed", "name": "F", "size": 2}, "abc"),
        ("bytes", "€"),
    ],
)
def test_a_default_of_the_wrong_type_is_refused(kind: Any, default: Any) -> None:
    found = wrong_defaults(_record(_field("a", kind, default=default)))
    assert [(problem.path, problem.rule) for problem in found] == [("a", Broken.DEFAULT_TYPE)]


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ("double", 1),
        ("bytes", "ÿ"),
        (["null", "string"], None),
        ({"type": "array", "items": "int"}, []),
        ({"type": "map", "values": "long"}, {"a": 2**40}),
        ({"type": "record", "name": "N", "fields": [_field("x", "int", default=1)]}, {}),
    ],
)
def test_a_default_of_the_right_type_passes(kind: Any, default: Any) -> None:
    assert wrong_defaults(_record(_field("a", kind, default=default))) == []


def _versions(topic: str, *texts: str) -> list[StoredSchema]:
    return [
        StoredSchema(topic=topic, version=number, text=text)
        for number, text in enumerate(texts, start=1)
    ]


def test_full_compatibility_also_reads_forward() -> None:
    old, new = _record(_field("a", "int"), _field("b", "int")), _record(_field("a", "int"))
    assert check_topic(ALERTS, _versions(ALERTS.name, old, new)) == []
    found = check_topic(OTA_ACKS, _versions(OTA_ACKS.name, old, new))
    assert [(item.reader_version, item.writer_version) for item in found] == [(1, 2)]


def test_compatibility_is_transitive() -> None:
    first = _record(_field("a", "int"))
    second = _record()
    third = _record(_field("a", "string", default=""))
    found = check_topic(ALERTS, _versions(ALERTS.name, first, second, third))
    assert [(item.reader_version, item.writer_version) for item in found] == [(3, 1)]


def test_a_type_that_our_readers_do_not_know_is_refused() -> None:
    found = check_topic(ALERTS, _versions(ALERTS.name, _record(_field("a", ["int", "string"]))))
    assert [item.problem.rule for item in found] == [Broken.UNREADABLE]


def test_all_stored_versions_pass_the_gate() -> None:
    assert check_stored() == []


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_the_gate_refuses_a_new_field_without_a_default(topic: str) -> None:
    newest = stored_versions(topic)[-1].text
    changed = json.loads(newest)
    changed["fields"].append(_field("added", "string", doc="Added."))
    found = check_topic(TOPICS[topic], _versions(topic, newest, json.dumps(changed)))
    assert [(item.problem.path, item.problem.rule) for item in found] == [
        ("added", Broken.DEFAULT_MISSING)
    ]


def test_a_schema_of_no_topic_is_named(tmp_path: Path) -> None:
    (tmp_path / "stray").mkdir()
    (tmp_path / "stray" / "1.avsc").write_text(_record())
    with pytest.raises(ValueError, match="stray"):
        check_stored(tmp_path, {})
