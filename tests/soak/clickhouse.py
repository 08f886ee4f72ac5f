"""`make soak NAME=clickhouse`: two hundred seeded kills around the sink, on real Kafka.

Twenty rounds of ten kills: of the sink, of ClickHouse, of the broker, and sinks that sleep until
another has taken over. The results stand in build/soak/clickhouse.json; the exit status tells
whether every record of every round was stored and counted once.
SOAK_RUNS sets how many rounds (20), SOAK_SEED the first seed (1).
"""

import dataclasses
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.kafka.errors import DeliveryError
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.clickhouse_http import ask
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from tests.sink_kills import Round, plan

FOLDER: Final = Path("build/soak")
VICTIMS: Final = ["sink"] * 4 + ["clickhouse"] * 4 + ["broker", "zombie"]


def run(seed: int, broker: KafkaBroker, clickhouse: ClickHouseServer, folder: Path) -> Any:
    """One round; what was killed where, and what was wrong."""
    database = clickhouse.settings.model_copy(update={"database": f"soak_{seed}"})
    log = folder / f"sink-{seed}.log"
    one = Round(broker, clickhouse, database, f"soak-{seed}-{time.time_ns()}", log)
    found: dict[str, Any] = {"seed": seed}
    try:
        found["wrong"] = one.play(plan(seed, VICTIMS))
    except (AssertionError, DeliveryError) as error:
        found["wrong"] = {"harness": str(error)}
    found["kills"] = [dataclasses.asdict(kill) for kill in one.done]
    if found["wrong"]:
        found["told"] = log.read_text().splitlines()[-60:]
    ask(clickhouse.settings, f"DROP DATABASE IF EXISTS `{database.database}` SYNC")
    return found


def tell(runs: list[Mapping[str, Any]]) -> None:
    """Write what is known so far."""
    struck = Counter(f"{kill['victim']} {kill['point']}" for one in runs for kill in one["kills"])
    report = {"kills": struck.total(), "by_point": dict(sorted(struck.items())), "rounds": runs}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "clickhouse.json").write_text(json.dumps(report, indent=2) + "\n")


def main() -> None:
    """Play all rounds and tell."""
    first = int(os.environ.get("SOAK_SEED", "1"))
    runs: list[Mapping[str, Any]] = []
    with (
        tempfile.TemporaryDirectory(prefix="fleetloop-soak-") as folder,
        Supervisor(Path(folder) / "logs") as supervisor,
    ):
        broker = KafkaBroker(supervisor, Path(folder) / "kafka")
        clickhouse = ClickHouseServer(supervisor, Path(folder) / "clickhouse")
        broker.start()
        clickhouse.start()
        for seed in range(first, first + int(os.environ.get("SOAK_RUNS", "20"))):
            runs.append(run(seed, broker, clickhouse, Path(folder)))
            sys.stderr.write(f"seed {seed}: {'BROKEN' if runs[-1]['wrong'] else 'kept'}\n")
            tell(runs)
    sys.exit(any(one["wrong"] for one in runs))


if __name__ == "__main__":
    main()
