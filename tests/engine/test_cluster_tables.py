"""The migrations as a cluster runs them: read by the engine, and run on replicated tables.

The wheel's engine has an in-memory keeper, but not what carries `ON CLUSTER` out and what makes a
replicated table writable. So all statements are read with both, tables are made replicated, and
the whole, with later changes, views and queries, is run on spread tables without replication.
"""

import re
from collections.abc import Iterator

import pytest

from consumers.clickhouse.client import native
from infra.clickhouse.migrate import _first_steps, steps_of, stored
from infra.clickhouse.queries import answer, named
from infra.clickhouse.queries import stored as stored_queries
from infra.settings import ClickHouseSettings
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.supervisor import Supervisor
from schemas.topics import TOPICS
from tests.fleet_story import GIVEN

pytestmark = pytest.mark.engine

STEPS = [step for steps in steps_of(stored(), "fleet").values() for step in steps]
CONFIG = """<clickhouse>
  <zookeeper><implementation>testkeeper</implementation></zookeeper>
  <macros><shard>1</shard><replica>one</replica></macros>
  <remote_servers><fleet><shard>
    <internal_replication>true</internal_replication>
    <replica><host>127.0.0.1</host><port>{port}</port></replica>
  </shard></fleet></remote_servers>
</clickhouse>
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseSettings]:
    """A server that is a cluster of one shard, with all tables, spread but not replicated."""
    folder = tmp_path_factory.mktemp("cluster")
    with Supervisor(folder / "logs") as supervisor:
        server = ClickHouseServer(supervisor, folder / "clickhouse")
        extra = folder / "clickhouse" / "home" / ".clickhouse-local" / "config.d" / "cluster.xml"
        extra.parent.mkdir(parents=True)
        extra.write_text(CONFIG.format(port=server.settings.tcp_port))
        server.start()
        settings = server.settings.model_copy(update={"cluster": "fleet"})
        with native(settings) as client:
            for step in STEPS:
                client.execute(_alone(re.sub(r"Replicated(\w+)\('.+?', '.+?'\)", r"\1", step)))
        yield settings


def _alone(step: str) -> str:
    step = step.replace("ON CLUSTER `fleet`", "")
    if "ENGINE = Replicated" not in step:
        step = re.sub(r"SETTINGS replicated_dedup\w+ = \d+, replicated_dedup\w+ = \d+", "", step)
    return step


def test_the_engine_reads_every_statement(clickhouse: ClickHouseSettings) -> None:
    with native(clickhouse) as client:
        for step in STEPS:
            ((read,),) = client.execute("SELECT formatQuery({step:String})", {"step": step})
            assert "ON CLUSTER fleet" in read, step


def test_replicated_tables_are_made_and_remember_tokens_for_a_week(
    cluster: ClickHouseSettings,
) -> None:
    made = [step for step in STEPS if "ENGINE = Replicated" in step]
    own = cluster.model_copy(update={"database": "replicas"})
    with native(cluster) as client:
        client.execute("CREATE DATABASE replicas")
    with native(own) as client:
        for step in made:
            client.execute(_alone(step))
        tables = client.execute(
            "SELECT engine_full FROM system.tables WHERE database = 'replicas' "
            "AND engine LIKE 'Replicated%'"
        )
    assert len(tables) == len(made) > len(TOPICS)
    for (engine,) in tables:
        assert "replicated_deduplication_window_seconds = 604800" in engine
        assert "/{shard}/" in engine


def test_tables_are_spread_by_device_and_rollups_stay_in_their_shard(
    cluster: ClickHouseSettings,
) -> None:
    with native(cluster) as client:
        tables = client.execute(
            "SELECT name, engine, create_table_query FROM system.tables "
            "WHERE database = {database:String}",
            {"database": cluster.database},
        )
    made = {name: query for name, _, query in tables}
    local = {name for name, engine, _ in tables if engine.endswith("MergeTree")}
    assert {f"{name}_local" for name, engine, _ in tables if engine == "Distributed"} == local
    assert "cityHash64(device_id)" in made["inference_events"]
    assert "cityHash64(slo, source_partition, last_offset" in made["slo_partials"]
    assert "cityHash64" not in made["latency_minutes"]
    views = [name for name, engine, _ in tables if engine == "MaterializedView"]
    assert views
    for view in views:
        read = re.findall(r"(?:TO|FROM) (?:\w+\.)?(\w+)", made[view])
        assert len(read) == 2, made[view]
        assert set(read) <= local, made[view]


@pytest.mark.parametrize("name", stored_queries())
def test_every_named_query_runs_over_all_shards(cluster: ClickHouseSettings, name: str) -> None:
    given = {p.name: GIVEN[p.name] for p in named(name).params if p.name in GIVEN}
    answer(cluster, name, given)


def test_the_list_of_migrations_is_one_for_all_servers() -> None:
    database, ledger = _first_steps(ClickHouseSettings(cluster="fleet"))
    assert database == "CREATE DATABASE IF NOT EXISTS `fleetloop` ON CLUSTER `fleet`"
    assert "schema_migrations ON CLUSTER `fleet`" in ledger
    assert "ReplicatedMergeTree('/clickhouse/{database}/{table}', '{shard}-{replica}')" in ledger
