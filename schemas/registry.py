"""Schema registries: the interface, and the one made of this package's files."""

from pathlib import Path
from typing import Protocol

from schemas.errors import UnknownSchemaError
from schemas.versions import (
    PACKAGED,
    StoredSchema,
    Topic,
    stored_topics,
    stored_versions,
    topic_name,
)


class Registry(Protocol):
    """Which schema has which id; answers are stable for the life of a process."""

    def schema_id(self, topic: Topic) -> int:
        """Id of the newest version of the topic's value schema that this package holds.

        Raises:
            UnknownSchemaError: The registry does not have it.
        """

    def schema(self, schema_id: int) -> str:
        """JSON text of a schema.

        Raises:
            UnknownSchemaError: No schema has that id.
        """


class FileRegistry:
    """The registry made of schema files; ids come from the schemas, so all hosts agree on them.

    Args:
        root: Folder with <topic>/<n>.avsc; the schemas of this package by default.
    """

    def __init__(self, root: Path = PACKAGED) -> None:
        self._versions = {name: stored_versions(name, root) for name in stored_topics(root)}
        self._by_id: dict[int, str] = {}
        for versions in self._versions.values():
            for stored in versions:
                self._add(stored)

    def schema_id(self, topic: Topic) -> int:
        """Id of the newest stored version."""
        return self.versions(topic)[-1].schema_id

    def schema(self, schema_id: int) -> str:
        """Text of the stored version with that id."""
        try:
            return self._by_id[schema_id]
        except KeyError:
            raise UnknownSchemaError(
                schema_id, "the schema id is one of schemas/avro of this package"
            ) from None

    def topics(self) -> list[str]:
        """Names of the topics that have schemas, sorted."""
        return list(self._versions)

    def versions(self, topic: Topic) -> tuple[StoredSchema, ...]:
        """All versions of a topic, oldest first."""
        try:
            return tuple(self._versions[topic_name(topic)])
        except KeyError:
            raise UnknownSchemaError(
                topic_name(topic), "the topic has a schema in schemas/avro"
            ) from None

    def _add(self, stored: StoredSchema) -> None:
        other = self._by_id.setdefault(stored.schema_id, stored.text)
        if other != stored.text:
            raise UnknownSchemaError(
                stored.schema_id,
                f"ids are unique, but {stored.topic} version {stored.version} has that of another "
                "schema; change a doc in the newer one",
            )


def registry_from(url: str | None) -> Registry:
    """The registry of a `registry_url` setting; None means the schemas of this package."""
    if url is None:
        return FileRegistry()
    from schemas.http_registry import HttpRegistry  # noqa: PLC0415 - most workers need no client

    return HttpRegistry(url)
