"""ClickHouse's own AvroConfluent format reads every topic through the registry face."""

from collections.abc import Iterator

import httpx
import pytest

from infra.settings import ClickHouseSettings
from infra.stack.registry_face import RegistryFace
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import TOPICS
from tests import factories

pytestmark = pytest.mark.engine

REGISTRY = FileRegistry()


@pytest.fixture(scope="module")
def face_url() -> Iterator[str]:
    face = RegistryFace(REGISTRY)
    yield face.start()
    face.stop()


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_clickhouse_reads_every_topic(
    face_url: str, database: ClickHouseSettings, topic: str
) -> None:
    key = TOPICS[topic].key
    records = [factories.EXAMPLES[topic](event_id=f"id-{number}") for number in range(3)]
    table = f"`{database.database}`.read"
    with httpx.Client(base_url=f"http://{database.host}:{database.http_port}") as client:
        made = client.post(
            "/", content=f"CREATE TABLE {table} (event_id String, `{key}` String) ENGINE = Memory"
        )
        assert made.status_code == 200, made.text
        answer = client.post(
            "/",
            params={
                "query": f"INSERT INTO {table} FORMAT AvroConfluent",
                "format_avro_schema_registry_url": face_url,
            },
            content=b"".join(Codec(REGISTRY).encode(topic, record) for record in records),
        )
        assert answer.status_code == 200, answer.text
        select = f"SELECT * FROM {table} ORDER BY event_id FORMAT JSONCompact"  # noqa: S608 - names of this test
        rows = client.post("/", content=select)
    assert rows.json()["data"] == [[f"id-{n}", getattr(records[0], key)] for n in range(3)]
