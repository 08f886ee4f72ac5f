"""The Apicurio registry starts and speaks Confluent's language."""

import httpx
import pytest

pytestmark = [pytest.mark.engine, pytest.mark.kafka]


def test_it_registers_a_schema_as_confluents_does(apicurio_url: str) -> None:
    schema = {"schema": '{"type": "string"}'}
    posted = httpx.post(f"{apicurio_url}/subjects/greeting-value/versions", json=schema)
    assert posted.status_code == httpx.codes.OK
    told = httpx.get(f"{apicurio_url}/schemas/ids/{posted.json()['id']}")
    assert told.json()["schema"] == '{"type": "string"}'
