"""The registry of files: ids come from the schemas, and collide nowhere."""

import json
from pathlib import Path

import pytest

from schemas.errors import UnknownSchemaError
from schemas.registry import FileRegistry
from schemas.topics import OTA_ACKS, TOPICS
from schemas.versions import schema_id_of


def _store(root: Path, topic: str, version: int, *fields: str) -> None:
    folder = root / topic
    folder.mkdir(exist_ok=True)
    schema = {
        "type": "record",
        "name": "R",
        "fields": [{"name": name, "type": "string", "default": ""} for name in fields],
    }
    (folder / f"{version}.avsc").write_text(json.dumps(schema, indent=2))


def test_every_topic_has_a_schema_and_ids_collide_nowhere() -> None:
    registry = FileRegistry()
    ids = [v.schema_id for topic in TOPICS for v in registry.versions(topic)]
    assert registry.topics() == sorted(TOPICS)
    assert len(set(ids)) == len(ids)
    assert all(0 < schema_id < 2**31 for schema_id in ids)


def test_a_topic_is_named_or_specified() -> None:
    registry = FileRegistry()
    assert registry.schema_id(OTA_ACKS) == registry.schema_id("ota-acks")
    assert json.loads(registry.schema(registry.schema_id(OTA_ACKS)))["name"] == "OtaAck"


def test_the_newest_version_is_the_one_written_and_old_ones_stay_known(tmp_path: Path) -> None:
    for version in range(1, 11):
        _store(tmp_path, "t", version, *"abcdefghij"[:version])
    registry = FileRegistry(tmp_path)
    versions = registry.versions("t")
    assert [stored.version for stored in versions] == list(range(1, 11))
    assert registry.schema_id("t") == versions[9].schema_id
    assert registry.schema(versions[0].schema_id) == versions[0].text


def test_white_space_does_not_change_an_id_and_a_default_does() -> None:
    assert schema_id_of('{"type":"string"}') == schema_id_of('{ "type": "string" }')
    with_default = '{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":0}]}'
    assert schema_id_of(with_default) != schema_id_of(with_default.replace("0}", "1}"))


@pytest.mark.parametrize("topic", ["unheard-of", ""])
def test_an_unknown_topic_is_named(topic: str) -> None:
    with pytest.raises(UnknownSchemaError, match=f"'{topic}'"):
        FileRegistry().schema_id(topic)


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(UnknownSchemaError, match="schema_id: 7:"):
        FileRegistry().schema(7)


def test_a_gap_between_versions_is_refused(tmp_path: Path) -> None:
    _store(tmp_path, "t", 1, "a")
    _store(tmp_path, "t", 3, "a", "b")
    with pytest.raises(UnknownSchemaError, match="without gaps"):
        FileRegistry(tmp_path)


def test_a_collision_of_ids_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.versions.schema_id_of", lambda _text: 1)
    _store(tmp_path, "t", 1, "a")
    _store(tmp_path, "t", 2, "a", "b")
    with pytest.raises(UnknownSchemaError, match="ids are unique"):
        FileRegistry(tmp_path)
