"""kill -9 of the sink, ClickHouse and the broker at named steps, on a real Kafka: ten of them.

`make soak NAME=clickhouse` plays two hundred.
"""

import time
from pathlib import Path

import pytest

from infra.settings import ClickHouseSettings
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.kafka_broker import KafkaBroker
from tests.crash.sink_process import Plan, Point
from tests.sink_kills import Round, plan

SEED = 20262
VICTIMS = ["sink"] * 5 + ["clickhouse"] * 3 + ["broker", "zombie"]


@pytest.mark.engine
@pytest.mark.kafka
@pytest.mark.crash
@pytest.mark.timeout(500)
def test_after_ten_kills_every_record_is_stored_and_counted_once(
    kafka_broker: KafkaBroker,
    clickhouse_server: ClickHouseServer,
    database: ClickHouseSettings,
    tmp_path: Path,
) -> None:
    mark = f"kill-{time.time_ns()}"
    log = tmp_path / "sink.log"
    kills = plan(SEED, VICTIMS)
    one = Round(kafka_broker, clickhouse_server, database, mark, log)
    wrong = one.play(kills)
    assert one.done == kills
    assert wrong == {}, f"{kills}\n{log.read_text()[-8000:]}"


def test_a_plan_is_a_function_of_its_seed_and_survives_the_command_line() -> None:
    assert plan(7, VICTIMS) == plan(7, VICTIMS) != plan(8, VICTIMS)
    one = Plan(Point.IN_COMMIT, 3, 0.25, 17)
    assert Plan.of(one.text()) == one
