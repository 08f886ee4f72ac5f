"""The registry client: asks once, waits out what passes, and tells refusal from absence."""

import json
from collections.abc import Callable

import httpx
import pytest

from schemas.errors import UnknownSchemaError
from schemas.http_registry import (
    ATTEMPTS,
    MAX_MISSING,
    MISSING_S,
    HttpRegistry,
    RegistryRefusedError,
    RegistryUnavailableError,
)
from schemas.topics import OTA_ACKS
from schemas.versions import stored_versions

Answer = Callable[[httpx.Request], httpx.Response]
URL = "http://user:secret@registry.test/base/"


class Server:
    """Answers requests by a function and remembers them."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []
        self.now = 0.0

    def client(self) -> HttpRegistry:
        """A client of this server whose time stands still unless told."""
        return HttpRegistry(
            URL,
            transport=httpx.MockTransport(self._handle),
            clock=lambda: self.now,
            sleep=self.slept.append,
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer(request)


def _missing(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(404, json={"error_code": 40403, "message": "Schema not found"})


def test_a_topics_id_is_looked_up_once_by_the_schema_of_this_package() -> None:
    server = Server(lambda _: httpx.Response(200, json={"id": 12, "version": 1}))
    client = server.client()
    assert [client.schema_id(OTA_ACKS), client.schema_id("ota-acks")] == [12, 12]
    (request,) = server.asked
    assert (request.method, request.url.path) == ("POST", "/base/subjects/ota-acks-value")
    assert json.loads(request.content) == {"schema": stored_versions(OTA_ACKS)[-1].text}
    assert request.headers["Authorization"].startswith("Basic ")


def test_a_schema_is_fetched_once() -> None:
    server = Server(lambda _: httpx.Response(200, json={"schema": '"string"'}))
    client = server.client()
    assert [client.schema(5), client.schema(5)] == ['"string"', '"string"']
    assert [request.url.path for request in server.asked] == ["/base/schemas/ids/5"]


def test_a_schema_that_is_not_registered_says_how_to_register_it() -> None:
    with pytest.raises(UnknownSchemaError, match="run `fleetloop schemas register`") as caught:
        Server(_missing).client().schema_id(OTA_ACKS)
    assert "secret" not in str(caught.value)


def test_an_unknown_id_is_asked_for_again_only_after_a_while() -> None:
    server = Server(_missing)
    client = server.client()
    for now in (0.0, MISSING_S - 1, MISSING_S + 1):
        server.now = now
        with pytest.raises(UnknownSchemaError, match="schema_id: 5:"):
            client.schema(5)
    assert len(server.asked) == 2


def test_what_is_remembered_as_unknown_is_limited() -> None:
    client = Server(_missing).client()
    for schema_id in range(1, MAX_MISSING + 10):
        with pytest.raises(UnknownSchemaError):
            client.schema(schema_id)
    assert len(client._missing) <= MAX_MISSING


def test_an_impossible_id_is_not_asked_for() -> None:
    server = Server(_missing)
    for schema_id in (0, 2**31, 2**32 - 1):
        with pytest.raises(UnknownSchemaError):
            server.client().schema(schema_id)
    assert server.asked == []


def test_a_schema_of_another_kind_is_unknown() -> None:
    protobuf = httpx.Response(200, json={"schema": "message M {}", "schemaType": "PROTOBUF"})
    with pytest.raises(UnknownSchemaError, match="an Avro schema"):
        Server(lambda _: protobuf).client().schema(5)


def test_a_registry_that_is_back_in_time_is_waited_for() -> None:
    answers = [httpx.Response(503), httpx.Response(429), httpx.Response(200, json={"schema": "{}"})]
    server = Server(lambda _: answers.pop(0))
    assert server.client().schema(5) == "{}"
    assert len(server.slept) == 2
    assert all(0 < pause <= 3 for pause in server.slept)


@pytest.mark.parametrize("status", [500, 503])
def test_a_registry_that_stays_away_is_no_fault_of_the_record(status: int) -> None:
    server = Server(lambda _: httpx.Response(status))
    with pytest.raises(RegistryUnavailableError, match=f"HTTP {status}") as caught:
        server.client().schema(5)
    assert len(server.asked) == ATTEMPTS
    assert "secret" not in str(caught.value)


def test_a_registry_that_cannot_be_reached_is_named() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    with pytest.raises(RegistryUnavailableError, match=r"registry.test.*connection refused"):
        Server(refuse).client().schema(5)


def test_a_registry_without_the_route_is_a_refusal_not_silence() -> None:
    client = Server(_missing).client()
    with pytest.raises(RegistryRefusedError, match="/config/ota-acks-value: no such route"):
        client.set_compatibility(OTA_ACKS)
    with pytest.raises(RegistryRefusedError, match="/versions: no such route"):
        client.register(stored_versions(OTA_ACKS)[0])


def test_a_refusal_carries_what_the_registry_said() -> None:
    server = Server(lambda _: httpx.Response(409, json={"message": "incompatible"}))
    with pytest.raises(RegistryRefusedError, match=r"HTTP 409: .*incompatible"):
        server.client().register(stored_versions(OTA_ACKS)[0])
    assert len(server.asked) == 1


def test_a_page_that_is_no_registry_is_told() -> None:
    server = Server(lambda _: httpx.Response(200, text="<html>"))
    with pytest.raises(RegistryRefusedError, match="no JSON"):
        server.client().schema(5)


def test_the_rule_of_a_subject_is_set() -> None:
    server = Server(lambda _: httpx.Response(200, json={}))
    server.client().set_compatibility(OTA_ACKS)
    (request,) = server.asked
    assert (request.method, request.url.path) == ("PUT", "/base/config/ota-acks-value")
    assert json.loads(request.content) == {"compatibility": "FULL_TRANSITIVE"}
