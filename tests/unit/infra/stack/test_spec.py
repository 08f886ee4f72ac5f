"""What people write for an engine is understood, or refused with its forms."""

import pytest

from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.spec import StackSpec, clickhouse_at, kafka_at


@pytest.mark.parametrize(
    "spec",
    [
        StackSpec(),
        StackSpec("kafka", "embedded", "apicurio"),
        StackSpec("a.example:9092,b.example:9093", "db.example:9440:8443", "https://r.example"),
        StackSpec(clickhouse="db.example"),
    ],
)
def test_the_forms_are_accepted(spec: StackSpec) -> None:
    assert spec.checked() is spec


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (StackSpec("kafak"), r"broker 'kafak': embedded, kafka or HOST:PORT"),
        (StackSpec("host:0"), r"broker 'host:0': '0' is no port"),
        (StackSpec("host:65536"), r"'65536' is no port"),
        (StackSpec("a:1,b"), r"broker 'b'"),
        (StackSpec(clickhouse=":9000"), r"clickhouse ':9000': embedded or HOST"),
        (StackSpec(clickhouse="h:1:2:3"), r"clickhouse 'h:1:2:3'"),
        (StackSpec(clickhouse="h:tcp"), r"'tcp' is no port"),
        (StackSpec(registry="host:8081"), r"registry 'host:8081': file, apicurio or http"),
    ],
)
def test_anything_else_is_refused_with_the_forms(spec: StackSpec, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spec.checked()


def test_an_address_keeps_how_it_is_reached() -> None:
    kafka = KafkaSettings(security_protocol="SSL")
    assert kafka_at("b:9093", kafka) == KafkaSettings(bootstrap="b:9093", security_protocol="SSL")
    server = ClickHouseSettings(secure=True, user="sink")
    assert clickhouse_at("h:9440", server) == ClickHouseSettings(
        host="h", tcp_port=9440, http_port=8123, secure=True, user="sink"
    )
