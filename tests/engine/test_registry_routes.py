"""The same requests to our registry face and to Apicurio get the same answers."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from infra.stack.registry_face import RegistryFace
from schemas.codec import Codec
from schemas.http_registry import HttpRegistry
from schemas.registry import FileRegistry
from schemas.topics import OTA_ACKS, TOPICS
from schemas.versions import compact, stored_versions
from tests import factories

pytestmark = pytest.mark.engine

REGISTRY: Final = FileRegistry()
NEWEST: Final = json.loads(REGISTRY.schema(REGISTRY.schema_id(OTA_ACKS)))
ADDED: Final = {"name": "added", "type": "string", "doc": "Added."}
WITHOUT_DEFAULT: Final = NEWEST | {"fields": [*NEWEST["fields"], ADDED]}
WITH_DEFAULT: Final = NEWEST | {"fields": [*NEWEST["fields"], ADDED | {"default": ""}]}
SUBJECT: Final = "/subjects/ota-acks-value"
CHECK: Final = f"/compatibility{SUBJECT}/versions"


@pytest.fixture(scope="module")
def face_url() -> Iterator[str]:
    face = RegistryFace(REGISTRY)
    yield face.start()
    face.stop()


@pytest.fixture(scope="module")
def filled_url(apicurio_url: str) -> str:
    """Apicurio with all schemas in it, as `fleetloop schemas register` leaves it."""
    registry = HttpRegistry(apicurio_url)
    for spec in TOPICS.values():
        for stored in stored_versions(spec):
            registry.register(stored)
        registry.set_compatibility(spec)
    registry.close()
    return apicurio_url


def _asked(url: str, method: str, path: str, schema: Any) -> tuple[int, Any]:
    """Status and body; ids differ between registries, so each is asked for its own."""
    with httpx.Client(timeout=30) as client:
        found = client.post(f"{url}{SUBJECT}", json={"schema": _text(NEWEST)}).json()
        body = None if schema is None else {"schema": _text(schema)}
        answer = client.request(method, url + path.format(id=found["id"]), json=body)
    return answer.status_code, _without_ids(answer.json())


def _text(schema: Any) -> str:
    """As it was registered: Apicurio compares the text."""
    return compact(json.dumps(schema))


def _without_ids(body: Any) -> Any:
    if isinstance(body, list):
        return [_without_ids(item) for item in body]
    if not isinstance(body, dict):
        return body
    if "error_code" in body:
        return {"error_code": body["error_code"]}
    local = {"id", "schemaType", "references"}  # and what is null says nothing
    kept = {key: item for key, item in body.items() if key not in local and item is not None}
    if isinstance(kept.get("schema"), str):
        kept["schema"] = json.loads(kept["schema"])
    return kept


@pytest.mark.parametrize(
    ("method", "path", "schema"),
    [
        ("GET", "/schemas/ids/{id}", None),
        ("GET", "/schemas/ids/{id}/versions", None),
        ("GET", "/schemas/ids/1999999999", None),
        ("GET", "/subjects", None),
        ("GET", f"{SUBJECT}/versions", None),
        ("GET", f"{SUBJECT}/versions/1", None),
        ("GET", f"{SUBJECT}/versions/latest", None),
        ("GET", f"{SUBJECT}/versions/7", None),
        ("GET", f"{SUBJECT}/versions/1/schema", None),
        ("GET", "/subjects/unheard-of/versions", None),
        ("GET", "/subjects/unheard-of/versions/latest", None),
        ("POST", SUBJECT, NEWEST),
        ("POST", SUBJECT, WITH_DEFAULT),
        ("POST", "/subjects/unheard-of", NEWEST),
        ("POST", f"{SUBJECT}/versions", NEWEST),
        ("GET", "/config/ota-acks-value", None),
        ("POST", f"{CHECK}/1", NEWEST),
        ("POST", f"{CHECK}/latest", WITH_DEFAULT),
        ("POST", f"{CHECK}/latest", WITHOUT_DEFAULT),
        ("POST", CHECK, WITHOUT_DEFAULT),
    ],
)
def test_both_registries_answer_alike(
    face_url: str, filled_url: str, method: str, path: str, schema: Any
) -> None:
    ours = _asked(face_url, method, path, schema)
    theirs = _asked(filled_url, method, path, schema)
    if path == "/subjects":
        theirs = theirs[0], sorted(set(theirs[1]) & set(ours[1]))
    assert ours == theirs


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_the_codec_works_over_apicurio(filled_url: str, topic: str) -> None:
    registry = HttpRegistry(filled_url)
    codec = Codec(registry)
    record = factories.EXAMPLES[topic]()
    assert codec.decode(topic, codec.encode(topic, record)) == record
    registry.close()
