"""`make soak NAME=clickhouse`: two hundred seeded kills around the sink, on real Kafka.

Twenty rounds of ten kills: of the sink, of ClickHouse, of the broker, and sinks that sleep until
another has taken over. The results stand in build/soak/clickhouse.json; the exit status tells
whether every record of every round was stored and counted once.
SOAK_RUNS sets how many rounds (20), SOAK_SEED the first seed (1).
"""

import dataclasses
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from infra.kafka.errors import DeliveryError
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.clickhouse_http import ask
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from tests.sink_kills import Round, plan
from tests.soak.seeds import Run, soak

VICTIMS: Final = ["sink"] * 4 + ["clickhouse"] * 4 + ["broker", "zombie"]


def run(seed: int, broker: KafkaBroker, clickhouse: ClickHouseServer, folder: Path) -> Run:
    """One round; what was killed where, and what was wrong."""
    database = clickhouse.settings.model_copy(update={"database": f"soak_{seed}"})
    log = folder / f"sink-{seed}.log"
    one = Round(broker, clickhouse, database, f"soak-{seed}-{time.time_ns()}", log)
    found: dict[str, Any] = {"seed": seed}
    try:
        found["broken"] = one.play(plan(seed, VICTIMS))
    except (AssertionError, DeliveryError) as error:
        found["broken"] = {"harness": str(error)}
    found["kills"] = [dataclasses.asdict(kill) for kill in one.done]
    if found["broken"]:
        found["told"] = log.read_text().splitlines()[-60:]
    ask(clickhouse.settings, f"DROP DATABASE IF EXISTS `{database.database}` SYNC")
    return found


def struck(runs: list[Run]) -> Run:
    """How often who was killed where."""
    kills = Counter(f"{kill['victim']} {kill['point']}" for one in runs for kill in one["kills"])
    return {"kills": kills.total(), "by_point": dict(sorted(kills.items()))}


def main() -> bool:
    """Play all rounds on one broker and one ClickHouse; whether any went wrong."""
    with (
        tempfile.TemporaryDirectory(prefix="fleetloop-soak-") as name,
        Supervisor(Path(name) / "logs") as supervisor,
    ):
        folder = Path(name)
        broker = KafkaBroker(supervisor, folder / "kafka")
        clickhouse = ClickHouseServer(supervisor, folder / "clickhouse")
        broker.start()
        clickhouse.start()
        return soak(
            "clickhouse",
            lambda seed: run(seed, broker, clickhouse, folder),
            runs=20,
            summary=struck,
        )


if __name__ == "__main__":
    sys.exit(main())
