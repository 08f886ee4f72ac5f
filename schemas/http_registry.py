"""Client of a Confluent-compatible schema registry: each schema is asked for once."""

import ssl
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from schemas.errors import UnknownSchemaError
from schemas.framing import MAX_SCHEMA_ID
from schemas.topics import TOPICS, TopicSpec
from schemas.versions import StoredSchema, Topic, stored_versions, topic_name

ATTEMPTS: Final = 5
TIMEOUT_S: Final = 10.0
MAX_MISSING: Final = 1_024
MISSING_S: Final = 30.0
MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"


class RegistryUnavailableError(ConnectionError):
    """The registry cannot be asked now: no record's fault, so none may be refused for it."""


class RegistryRefusedError(ValueError):
    """The registry understood and said no."""


class HttpRegistry:
    """Schemas and ids of a registry by URL.

    An id it does not know is remembered as unknown for half a minute, so that a flood of
    malformed records is no flood of requests.

    Args:
        url: Base address, for example https://registry.example:8081; user and password may
            stand in it.
        tls: What to trust and how to show oneself; the system's trust by default.
        transport: Replaces the network.
        clock: Monotonic seconds.
        sleep: Waits between attempts.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(
            verify=tls or True,
            transport=transport,
            timeout=TIMEOUT_S,
            headers={"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE},
        )
        self._clock = clock
        self._sleep = sleep
        self._ids: dict[str, int] = {}
        self._schemas: dict[int, str] = {}
        self._missing: dict[int, float] = {}

    def schema_id(self, topic: Topic) -> int:
        """Id that the registry gave the newest schema of this package.

        Raises:
            UnknownSchemaError: It is not registered.
            RegistryUnavailableError: The registry does not answer.
        """
        name = topic_name(topic)
        if name not in self._ids:
            stored = stored_versions(name)[-1]
            found = self._ask("POST", f"/subjects/{_subject(name)}", {"schema": stored.text})
            if found is None:
                raise UnknownSchemaError(
                    f"{name} version {stored.version}",
                    f"the schema is registered at {self._shown}; run `fleetloop schemas register`",
                )
            self._ids[name] = int(found["id"])
        return self._ids[name]

    def schema(self, schema_id: int) -> str:
        """Text of a registered schema.

        Raises:
            UnknownSchemaError: No schema has that id, or it is not an Avro schema.
            RegistryUnavailableError: The registry does not answer.
        """
        known = self._schemas.get(schema_id)
        if known is not None:
            return known
        possible = 0 < schema_id <= MAX_SCHEMA_ID
        if not possible or self._missing.get(schema_id, -1.0) > self._clock():
            raise self._unknown(schema_id)
        found = self._ask("GET", f"/schemas/ids/{schema_id}")
        if found is None or found.get("schemaType", "AVRO") != "AVRO":
            self._remember_missing(schema_id)
            raise self._unknown(schema_id)
        self._schemas[schema_id] = str(found["schema"])
        return self._schemas[schema_id]

    def register(self, stored: StoredSchema) -> int:
        """Register one version, the oldest first; registering again changes nothing.

        Raises:
            RegistryRefusedError: The registry holds it for incompatible or invalid.
            RegistryUnavailableError: The registry does not answer.
        """
        path = f"/subjects/{_subject(stored.topic)}/versions"
        return int(self._tell("POST", path, {"schema": stored.text})["id"])

    def set_compatibility(self, spec: TopicSpec) -> None:
        """Hold the topic's subject to its compatibility rule from now on.

        Raises:
            RegistryRefusedError: The registry refused.
            RegistryUnavailableError: The registry does not answer.
        """
        self._tell("PUT", f"/config/{quote(spec.subject)}", {"compatibility": spec.compatibility})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def _shown(self) -> str:
        return str(httpx.URL(self._url).copy_with(userinfo=b""))

    def _remember_missing(self, schema_id: int) -> None:
        if len(self._missing) >= MAX_MISSING:
            self._missing.clear()
        self._missing[schema_id] = self._clock() + MISSING_S

    def _unknown(self, schema_id: int) -> UnknownSchemaError:
        return UnknownSchemaError(
            schema_id, f"the schema id is that of an Avro schema registered at {self._shown}"
        )

    def _tell(self, method: str, path: str, body: Any) -> Any:
        """JSON of the answer to what must not be passed over."""
        found = self._ask(method, path, body)
        if found is None:
            raise RegistryRefusedError(f"{self._shown}{path}: no such route; is it a registry?")
        return found

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """JSON of the answer; None when there is no such thing (404)."""
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=0.1, max=2.0),
            retry=retry_if_exception_type(RegistryUnavailableError),
            sleep=self._sleep,
            reraise=True,
        )
        return attempts(self._ask_once, method, path, body)

    def _ask_once(self, method: str, path: str, body: Any) -> Any:
        try:
            answer = self._client.request(method, self._url + path, json=body)
        except httpx.TransportError as error:
            raise RegistryUnavailableError(
                f"schema registry {self._shown}: {method} {path}: {error}; "
                "check registry_url and that it runs"
            ) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise RegistryUnavailableError(
                f"schema registry {self._shown}: {method} {path}: HTTP {answer.status_code}"
            )
        if answer.is_error:
            raise RegistryRefusedError(
                f"schema registry {self._shown}: {method} {path}: "
                f"HTTP {answer.status_code}: {answer.text[:500]}"
            )
        return _json(answer, self._shown)


def _json(answer: httpx.Response, where: str) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise RegistryRefusedError(
            f"schema registry {where}: the answer is no JSON; check registry_url"
        ) from error


def _subject(topic: str) -> str:
    spec = TOPICS.get(topic)
    return quote(f"{topic}-value" if spec is None else spec.subject)
