"""The schema files of this package: every version ever published, and the id each one has."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from schemas.errors import UnknownSchemaError
from schemas.topics import TopicSpec

PACKAGED: Final = Path(__file__).parent / "avro"

Topic: TypeAlias = TopicSpec | str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSchema:
    """One published version of a topic's value schema.

    Attributes:
        version: From 1, without gaps; a version never changes.
        text: The schema as compact JSON, docs and defaults included.
    """

    topic: str
    version: int
    text: str

    @property
    def schema_id(self) -> int:
        """See `schema_id_of`."""
        return schema_id_of(self.text)


def topic_name(topic: Topic) -> str:
    """Name of a topic given by spec or by name."""
    return topic if isinstance(topic, str) else topic.name


def schema_id_of(text: str) -> int:
    """Id in [1, 2^31): 31 bits of the SHA-256 of the schema's compact JSON.

    The whole text counts, not Avro's parsing canonical form, which leaves out the defaults that
    readers fill in.
    """
    number = int.from_bytes(hashlib.sha256(compact(text).encode()).digest()[:4])
    return (number >> 1) or 1


def compact(text: str) -> str:
    """The same JSON without white space: what is hashed, served and registered."""
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


def stored_versions(topic: Topic, root: Path = PACKAGED) -> Sequence[StoredSchema]:
    """All versions of a topic, oldest first.

    Raises:
        UnknownSchemaError: The topic has no schema, or the version numbers have a gap.
    """
    name = topic_name(topic)
    files = {int(path.stem): path for path in (root / name).glob("*.avsc") if path.stem.isdigit()}
    if not files:
        raise UnknownSchemaError(name, "a topic has a schema in schemas/avro/<topic>/1.avsc")
    if sorted(files) != list(range(1, len(files) + 1)):
        raise UnknownSchemaError(
            f"{name}: {sorted(files)}",
            "versions are numbered from 1 without gaps; restore the file",
        )
    return [
        StoredSchema(topic=name, version=number, text=compact(files[number].read_text("utf-8")))
        for number in sorted(files)
    ]


def stored_topics(root: Path = PACKAGED) -> list[str]:
    """Names of the topics that have schema files, sorted."""
    return sorted(path.name for path in root.iterdir() if path.is_dir())
