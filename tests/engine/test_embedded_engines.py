"""The embedded engines start, answer, and are what the rest relies on."""

import uuid

import pytest
from clickhouse_driver import Client

from infra.kafka.admin import Admin
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.clickhouse_http import ask
from tests.engines import CrashableClickHouse

pytestmark = pytest.mark.engine


def test_the_broker_makes_and_describes_topics(broker: KafkaSettings) -> None:
    admin = Admin(broker)
    name = f"t-{uuid.uuid4().hex}"
    admin.create(name, 3, 1, {"cleanup.policy": "compact"})
    found = admin.describe([name])[name]
    assert (found.partitions, found.config["cleanup.policy"]) == (3, "compact")
    assert admin.topic_ids([name]) == {name: found.topic_id}
    assert admin.end_offsets([name]) == {(name, 0): 0, (name, 1): 0, (name, 2): 0}


def test_a_topic_made_again_has_another_id(broker: KafkaSettings) -> None:
    admin = Admin(broker)
    name = f"t-{uuid.uuid4().hex}"
    admin.create(name, 1, 1, {})
    first = admin.topic_ids([name])[name]
    admin.delete([name])
    admin.create(name, 1, 1, {})
    assert admin.topic_ids([name])[name] != first


def test_clickhouse_answers_both_protocols_alike(database: ClickHouseSettings) -> None:
    client = Client(database.host, database.tcp_port, database=database.database)
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO t VALUES", [(7,), (8,)])
    client.disconnect()
    assert ask(database, "SELECT sum(a) FROM t", database=database.database) == "15"


def test_clickhouse_speaks_tab_separated_by_default_like_a_stock_server(
    clickhouse: ClickHouseSettings,
) -> None:
    assert ask(clickhouse, "SELECT 'a', 'b'") == "a\tb"


def test_clickhouse_keeps_its_rows_over_a_kill(
    clickhouse_server: CrashableClickHouse, database: ClickHouseSettings
) -> None:
    name = database.database
    ask(database, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a", database=name)
    ask(database, "INSERT INTO t SELECT number FROM numbers(1000)", database=name)
    clickhouse_server.kill()
    clickhouse_server.start()
    assert ask(database, "SELECT count() FROM t", database=name) == "1000"
