"""`make bench NAME=rollout`: the rollout gate's worker with a million devices, on real Kafka.

One worker as it ships (decode, validate, join, checkpoint, partials, both stages, decisions) reads
the backlog of a fleet's whole update, decides while the fleet goes on reporting, is killed and
decides again. The peer, an ordinary Faust agent with a table, reads the first of the same records.
"""

import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import make_keys
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.cohorts import membership
from schemas.records import PartialKind
from schemas.registry import FileRegistry
from schemas.topics import OTA_ACKS, ROLLOUT_PARTIALS
from tests.bench.figures import figure, tell
from tests.bench.peers import broker, run
from tests.bench.rollout_acks import FLEET, FLEET_STRATUM, PATH, fleet, whole_updates
from tests.bench.rollout_desk import POLICY, Desk
from tests.bench.rollout_incidents import Incidents
from tests.slo_site import Site

DEVICES: Final = int(os.environ.get("BENCH_DEVICES", "1000000"))
FIRST: Final = 20_000
"""Devices whose updates the peer reads, and which warm the worker up."""
PEER_ACKS: Final = 20_000
WARM_UPS: Final = 3
LOAD: Final = 10_000
"""Acknowledgements a second while decisions are timed."""
LIVE_S: Final = 60
MEMBERSHIPS: Final = 300_000
_CODEC: Final = Codec(FileRegistry())


class Counted(NamedTuple):
    """A line of the measured worker: acknowledgements so far, when, and bytes it then held."""

    acks: int
    at_s: float
    resident: int


def measure() -> Mapping[str, Mapping[str, Any]]:
    """Everything on one broker, one phase after the other."""
    with broker() as kafka, tempfile.TemporaryDirectory() as folder, _site(kafka, folder) as place:
        desk = Desk(kafka, place.folder / "keys")
        openings = open_wave(place, desk)
        devices = fleet(DEVICES)
        fill(kafka, whole_updates(devices[:FIRST], 0))
        peer = run([sys.executable, "-m", _PEER, kafka.bootstrap, f"{PEER_ACKS}"], {})
        for copy in range(1, WARM_UPS):
            fill(kafka, whole_updates(devices[:FIRST], copy))
        fill(kafka, whole_updates(devices[FIRST:], WARM_UPS))
        worker = place.start("tests.bench.rollout_worker")
        drained = drain(place, worker)
        counted = devices_counted(kafka)
        live = decide(place, kafka, desk, worker)
        stored = [float(line.split()[1]) for line in _lines(place, worker, "stored")]
        desk.close()
    rate = (drained[-1].acks - drained[0].acks) / (drained[-1].at_s - drained[0].at_s)
    grown = max(at.resident for at in drained[-5:]) - drained[0].resident
    return {
        "acks_rate": figure(rate, "acks/s", 50_000.0),
        "acks_rate_vs_stock_faust": figure(rate / peer.rate, "times", 20.0),
        "resident_of_a_device": figure(grown / (DEVICES - FIRST), "bytes", 100.0, at_most=True),
        "devices_counted": figure(counted, "devices", DEVICES),
        "checkpoint_stall": figure(max(stored), "s", None),
        "records_to_open_a_wave": figure(openings, "records", 1, at_most=True),
        **live,
        "memberships": figure(memberships(), "decisions/s of a core", 1e6),
    }


def open_wave(place: Site, desk: Desk) -> int:
    """Let the gate open the fleet's release for all; how many records that took."""
    desk.propose(FLEET, [FLEET_STRATUM])
    worker = place.start("tests.bench.rollout_worker")
    place.wait("the fleet's release is open", lambda: desk.is_open(FLEET, FLEET_STRATUM))
    worker.send_signal(signal.SIGTERM)
    worker.wait(30.0)
    desk.look()
    return desk.openings(FLEET)


def fill(kafka: KafkaSettings, acks: Iterable[tuple[bytes, bytes]]) -> None:
    """Write acknowledgements as fast as the broker takes them."""
    with Publisher(kafka, _CODEC, "bench") as publisher:
        for key, value in acks:
            publisher.publish_bytes(OTA_ACKS, key, value)


def drain(place: Site, worker: subprocess.Popen[bytes]) -> list[Counted]:
    """Wait until the backlog is read; the lines after the warm-up."""
    warm = WARM_UPS * FIRST * len(PATH)
    total = warm + (DEVICES - FIRST) * len(PATH)
    place.wait(
        "the backlog is read", lambda: _counted(place, worker)[-1].acks > total - 20_000, 300.0
    )
    return [at for at in _counted(place, worker) if at.acks >= warm]


def devices_counted(kafka: KafkaSettings) -> int:
    """Devices that committed by the newest cells of all partitions."""
    time.sleep(3.0)  # two reports
    follower = Follower(kafka, _CODEC, [ROLLOUT_PARTIALS], "bench-partials")
    newest: dict[int, Any] = {}
    for fact in follower.catch_up(60.0):
        cell = fact.record
        if cell.kind is PartialKind.CELL and cell.source_topic == OTA_ACKS.name:
            newest[cell.source_partition] = cell
    follower.close()
    return sum(cell.committed for cell in newest.values())


def decide(
    place: Site, kafka: KafkaSettings, desk: Desk, worker: subprocess.Popen[bytes]
) -> Mapping[str, Mapping[str, Any]]:
    """Time decisions under load; then kill the worker and time the first of the next one."""
    incidents = Incidents(kafka, desk, seed=5)
    load = place.start("tests.bench.rollout_acks", f"{DEVICES}", f"{LOAD}", f"{LIVE_S + 60}")
    until = time.monotonic() + LIVE_S
    place.wait(
        "the time is over", lambda: _turned(incidents) or time.monotonic() > until, LIVE_S + 30
    )
    delays = sorted(incidents.delays)
    place.wait("a device is unlucky", lambda: _turned(incidents) or incidents.under_way)
    worker.kill()
    worker.wait()
    decided = len(desk.facts)
    again = place.start("tests.bench.rollout_worker")
    place.wait(
        "the next worker decides", lambda: _turned(incidents) or len(desk.facts) > decided, 120.0
    )
    assigned_us = int(_lines(place, again, "assigned")[0].split()[1])
    incidents.close()
    load.kill()
    p99 = delays[math.ceil(0.99 * len(delays)) - 1]
    return {
        "decision_latency_p50": figure(statistics.median(delays), "s", None),
        "decision_latency_p99": figure(p99, "s", 2.0, at_most=True),
        "decisions_timed": figure(len(delays), "decisions", 100),
        "restart_deciding": figure(
            (desk.facts[decided].stamp_us - assigned_us) / 1e6, "s", 15.0, at_most=True
        ),
    }


def memberships() -> float:
    """Decisions a second of one core, one device after the other, as each device decides."""
    names = [f"vehicle-{number:07d}" for number in range(MEMBERSHIPS)]
    spent = []
    for _ in range(3):
        began = time.process_time()
        inside = sum(membership("0123456789abcdef0123456789abcdef", name) < 0.5 for name in names)
        spent.append(time.process_time() - began)
        assert abs(inside / MEMBERSHIPS - 0.5) < 0.01
    return MEMBERSHIPS / min(spent)


def _turned(incidents: Incidents) -> bool:
    incidents.turn()
    return False


@contextmanager
def _site(kafka: KafkaSettings, folder: str) -> Iterator[Site]:
    """Keys, policy and state of an installation; its processes end with it."""
    make_keys(Path(folder) / "keys")
    policy = Path(folder) / "policy.yaml"
    policy.write_text(POLICY)
    environment = {
        **os.environ,
        "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "FLEETLOOP_OBJECTS_URL": f"file://{folder}/objects",
        "FLEETLOOP_KEYS_DIR": f"{folder}/keys",
        "FLEETLOOP_POLICY_FILE": str(policy),
    }
    place = Site(kafka, Path(folder), environment)
    try:
        yield place
    finally:
        place.close()


def _counted(place: Site, worker: subprocess.Popen[bytes]) -> list[Counted]:
    told = [line.split()[1:] for line in _lines(place, worker, "counted")]
    return [Counted(int(a), float(t), int(r)) for a, t, r in told] or [Counted(0, 0.0, 0)]


def _lines(place: Site, worker: subprocess.Popen[bytes], kind: str) -> list[str]:
    return [line for line in place.said(worker).splitlines() if line.startswith(kind)]


_PEER: Final = "tests.bench.rollout_stock_faust"

if __name__ == "__main__":
    tell("rollout", measure())
