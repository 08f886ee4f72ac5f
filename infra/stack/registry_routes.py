"""What a Confluent-compatible registry answers, read-only, over the schema files: no I/O."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from schemas.registry import FileRegistry
from schemas.resolution import incompatibilities
from schemas.topics import TOPICS, Compatibility
from schemas.versions import StoredSchema, compact

SUBJECT_NOT_FOUND: Final = 40401
VERSION_NOT_FOUND: Final = 40402
SCHEMA_NOT_FOUND: Final = 40403
INVALID_SCHEMA: Final = 42201
INVALID_VERSION: Final = 42202
OPERATION_NOT_PERMITTED: Final = 42205
MAX_VERSION: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body."""

    status: int
    body: Any


class RefusedError(Exception):
    """A request that Confluent's registry answers with an error body."""

    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(status, code, message)
        self.answer = Answer(status, {"error_code": code, "message": message})


class RegistryRoutes:
    """The routes of Confluent's registry that readers use.

    Args:
        registry: The schemas. Topics that `schemas.topics` does not know count as BACKWARD.
    """

    def __init__(self, registry: FileRegistry) -> None:
        self._registry = registry
        self._subjects = {f"{topic}-value": topic for topic in registry.topics()}

    def answer(self, method: str, path: str, body: bytes = b"", *, verbose: bool = False) -> Answer:
        """Answer of a request; errors carry Confluent's codes.

        Args:
            method: HTTP method.
            path: Unquoted path without query.
            body: JSON for POST.
            verbose: Whether a compatibility check tells what is wrong.
        """
        known = False
        for verb, pattern, handler in _ROUTES:
            match = pattern.fullmatch(path.rstrip("/"))
            if match is None:
                continue
            known = True
            if verb == method:
                try:
                    return handler(self, match.groupdict(), Request(body, verbose))
                except RefusedError as refused:
                    return refused.answer
        status = HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND
        return Answer(
            status, {"error_code": int(status), "message": f"HTTP {status} {status.phrase}"}
        )

    def root(self, _named: Mapping[str, str], _request: "Request") -> Answer:
        """A sign of life."""
        return Answer(HTTPStatus.OK, {})

    def types(self, _named: Mapping[str, str], _request: "Request") -> Answer:
        """Kinds of schemas."""
        return Answer(HTTPStatus.OK, ["AVRO"])

    def subjects(self, _named: Mapping[str, str], _request: "Request") -> Answer:
        """Names of all subjects."""
        return Answer(HTTPStatus.OK, sorted(self._subjects))

    def schema_by_id(self, named: Mapping[str, str], _request: "Request") -> Answer:
        """Text of a schema."""
        return Answer(HTTPStatus.OK, {"schema": self._holders(named)[0].text})

    def schema_text_by_id(self, named: Mapping[str, str], _request: "Request") -> Answer:
        """The schema itself."""
        return Answer(HTTPStatus.OK, json.loads(self._holders(named)[0].text))

    def versions_by_id(self, named: Mapping[str, str], _request: "Request") -> Answer:
        """Which versions of which subjects a schema is."""
        return Answer(
            HTTPStatus.OK,
            [
                {"subject": f"{stored.topic}-value", "version": stored.version}
                for stored in self._holders(named)
            ],
        )

    def versions(self, named: Mapping[str, str], _request: "Request") -> Answer:
        """Version numbers of a subject."""
        return Answer(HTTPStatus.OK, [stored.version for stored in self._versions(named)])

    def version(self, named: Mapping[str, str], _request: "Request") -> Answer:
        """One version of a subject."""
        return Answer(HTTPStatus.OK, _told(self._version(named)))

    def version_text(self, named: Mapping[str, str], _request: "Request") -> Answer:
        """The schema of one version of a subject."""
        return Answer(HTTPStatus.OK, json.loads(self._version(named).text))

    def lookup(self, named: Mapping[str, str], request: "Request") -> Answer:
        """Which version a schema is."""
        return Answer(HTTPStatus.OK, _told(self._found(named, request.schema())))

    def register(self, named: Mapping[str, str], request: "Request") -> Answer:
        """Id of a schema that is there; no other is taken."""
        try:
            stored = self._found(named, request.schema())
        except RefusedError as error:
            if error.answer.body["error_code"] == INVALID_SCHEMA:
                raise
            raise RefusedError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                OPERATION_NOT_PERMITTED,
                "The registry of files is read-only: add a version to schemas/avro",
            ) from error
        return Answer(HTTPStatus.OK, {"id": stored.schema_id})

    def config(self, named: Mapping[str, str], _request: "Request") -> Answer:
        """Compatibility rule of a subject, or of those that have none of their own."""
        level = Compatibility.BACKWARD
        if named:
            level = self._level(self._versions(named)[0].topic)
        return Answer(HTTPStatus.OK, {"compatibilityLevel": level.value})

    def mode(self, _named: Mapping[str, str], _request: "Request") -> Answer:
        """Nothing can be registered."""
        return Answer(HTTPStatus.OK, {"mode": "READONLY"})

    def compatibility(self, named: Mapping[str, str], request: "Request") -> Answer:
        """Whether a schema may follow a version, or all of them."""
        versions = [self._version(named)] if "version" in named else self._versions(named)
        offered = request.schema()
        messages: list[str] = []
        for stored in versions:
            messages += [str(item) for item in incompatibilities(offered, stored.text)]
            if self._level(stored.topic) is Compatibility.FULL:
                messages += [str(item) for item in incompatibilities(stored.text, offered)]
        told = {"messages": messages} if request.verbose else {}
        return Answer(HTTPStatus.OK, {"is_compatible": not messages} | told)

    def _level(self, topic: str) -> Compatibility:
        spec = TOPICS.get(topic)
        return Compatibility.BACKWARD if spec is None else spec.compatibility

    def _holders(self, named: Mapping[str, str]) -> list[StoredSchema]:
        schema_id = int(named["id"])
        holders = [
            stored
            for topic in self._registry.topics()
            for stored in self._registry.versions(topic)
            if stored.schema_id == schema_id
        ]
        if not holders:
            raise RefusedError(
                HTTPStatus.NOT_FOUND, SCHEMA_NOT_FOUND, f"Schema {schema_id} not found"
            )
        return holders

    def _versions(self, named: Mapping[str, str]) -> tuple[StoredSchema, ...]:
        subject = named["subject"]
        if subject not in self._subjects:
            raise RefusedError(
                HTTPStatus.NOT_FOUND, SUBJECT_NOT_FOUND, f"Subject '{subject}' not found."
            )
        return self._registry.versions(self._subjects[subject])

    def _version(self, named: Mapping[str, str]) -> StoredSchema:
        versions, asked = self._versions(named), named["version"]
        if asked in {"latest", "-1"}:
            return versions[-1]
        if not asked.isdigit() or not 1 <= int(asked) <= MAX_VERSION:
            raise RefusedError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                INVALID_VERSION,
                f"The specified version '{asked}' is not a valid version id.",
            )
        if int(asked) > len(versions):
            raise RefusedError(
                HTTPStatus.NOT_FOUND, VERSION_NOT_FOUND, f"Version {asked} not found."
            )
        return versions[int(asked) - 1]

    def _found(self, named: Mapping[str, str], schema: str) -> StoredSchema:
        wanted = json.loads(schema)
        for stored in self._versions(named):
            if json.loads(stored.text) == wanted:
                return stored
        raise RefusedError(HTTPStatus.NOT_FOUND, SCHEMA_NOT_FOUND, "Schema not found")


@dataclass(frozen=True, slots=True)
class Request:
    """What came with a request."""

    body: bytes
    verbose: bool

    def schema(self) -> str:
        """The schema in the body.

        Raises:
            RefusedError: There is none, or it is no JSON.
        """
        try:
            return compact(json.loads(self.body)["schema"])
        except (ValueError, TypeError, KeyError) as error:
            raise RefusedError(
                HTTPStatus.UNPROCESSABLE_ENTITY, INVALID_SCHEMA, f"Invalid schema: {error}"
            ) from error


def _told(stored: StoredSchema) -> dict[str, Any]:
    return {
        "subject": f"{stored.topic}-value",
        "version": stored.version,
        "id": stored.schema_id,
        "schema": stored.text,
    }


_Handler = Callable[[RegistryRoutes, Mapping[str, str], Request], Answer]
_SUBJECT: Final = r"/subjects/(?P<subject>[^/]+)"
_VERSION: Final = rf"{_SUBJECT}/versions/(?P<version>[^/]+)"
_ROUTES: Final[tuple[tuple[str, re.Pattern[str], _Handler], ...]] = tuple(
    (method, re.compile(pattern), handler)
    for method, pattern, handler in (
        ("GET", "", RegistryRoutes.root),
        ("GET", "/schemas/types", RegistryRoutes.types),
        ("GET", r"/schemas/ids/(?P<id>\d{1,10})", RegistryRoutes.schema_by_id),
        ("GET", r"/schemas/ids/(?P<id>\d{1,10})/schema", RegistryRoutes.schema_text_by_id),
        ("GET", r"/schemas/ids/(?P<id>\d{1,10})/versions", RegistryRoutes.versions_by_id),
        ("GET", "/subjects", RegistryRoutes.subjects),
        ("GET", f"{_SUBJECT}/versions", RegistryRoutes.versions),
        ("POST", f"{_SUBJECT}/versions", RegistryRoutes.register),
        ("GET", _VERSION, RegistryRoutes.version),
        ("GET", f"{_VERSION}/schema", RegistryRoutes.version_text),
        ("POST", _SUBJECT, RegistryRoutes.lookup),
        ("GET", "/config", RegistryRoutes.config),
        ("GET", r"/config/(?P<subject>[^/]+)", RegistryRoutes.config),
        ("GET", "/mode", RegistryRoutes.mode),
        ("POST", rf"/compatibility{_VERSION}", RegistryRoutes.compatibility),
        ("POST", rf"/compatibility{_SUBJECT}/versions", RegistryRoutes.compatibility),
    )
)
