"""From the record that decides to the delivered page, at 50,000 records a second.

For each page: the broker's stamp of the record that moved the watermark of the last source
partition past the deciding bucket, read off the log afterwards; until the pager had the page.
"""

import math
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from infra.kafka.config import consumer_config
from infra.kafka.ends import LogEnds
from infra.settings import KafkaSettings
from schemas.columns import ColumnDecoder
from schemas.facts import Fact
from schemas.records import Alert
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests.bench.figures import figure
from tests.bench.peers import broker
from tests.bench.slo_devices import Plan
from tests.oncall_files import QUICK
from tests.slo_site import LATENESS_US, Site, site
from tests.webhook_receiver import WebhookServer, webhook_server

PLAN: Final = Plan(
    devices=50_000,
    releases=200,
    seconds=60.0,
    bad_from_s=20.0,
    bad_every_s=0.15,
    bad_releases=200,
)
GROUP_WAIT_S: Final = int(QUICK["group_wait"].removesuffix("ms")) / 1_000
GOAL_S: Final = 2.0
CHUNK: Final = 20_000

Stretch = tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]


def figures(plan: Plan = PLAN) -> Mapping[str, Mapping[str, Any]]:
    """p50 and p99 over the pages of one run, and the rate that was really sent."""
    with (
        broker() as kafka,
        tempfile.TemporaryDirectory() as folder,
        webhook_server() as pager,
        site(kafka, Path(folder), pager, FLEETLOOP_CHECKPOINT_INTERVAL_S="10") as place,
    ):
        rate = _play(place, plan, pager)
        delays, noticed = _delays(place, kafka, pager)
    p50, p99 = (delays[math.ceil(share * len(delays)) - 1] for share in (0.5, 0.99))
    return {
        "alert_latency_p50": figure(noticed[len(noticed) // 2], "s", None),
        "page_latency_p50": figure(p50, "s", None),
        "page_latency_p99": figure(p99, "s", GOAL_S + GROUP_WAIT_S, at_most=True),
        "page_latency_pages": figure(len(delays), "pages", plan.bad_releases),
        "page_latency_load": figure(rate, "records/s", 0.98 * plan.devices),
    }


def _play(place: Site, plan: Plan, pager: WebhookServer) -> float:
    """Let the devices report and wait for all pages; records a second that were sent."""
    worker = place.start("tests.bench.slo_worker")
    place.start("infra.cli.main", "worker", "run", "oncall")
    place.wait("the worker is assigned", lambda: "assigned" in place.said(worker))
    fleet = place.start("tests.bench.slo_devices", plan.text())
    place.wait("the devices are done", lambda: fleet.poll() is not None, plan.seconds + 120)
    sent, _, seconds = place.said(fleet).split()[1:4]
    sys.stderr.write(f"devices: {place.said(fleet)}")
    place.wait(
        f"{plan.bad_releases} pages", lambda: len(_arrivals(pager)) >= plan.bad_releases, 30.0
    )
    return int(sent) / float(seconds)


def _arrivals(pager: WebhookServer) -> dict[str, int]:
    """When each alert was delivered first, by fingerprint."""
    arrived: dict[str, int] = {}
    with pager.lock:
        for body, at_us in zip(pager.bodies, pager.arrived_us, strict=True):
            for alert in body["alerts"]:
                if alert["status"] == "firing":
                    arrived.setdefault(alert["fingerprint"], at_us)
    return arrived


def _delays(
    place: Site, kafka: KafkaSettings, pager: WebhookServer
) -> tuple[list[float], list[float]]:
    """Seconds from deciding record to page, and to the alert on the log; both rising."""
    arrived, first = _arrivals(pager), dict[str, tuple[Fact, Alert]]()
    for fact, alert in place.transitions():
        first.setdefault(alert.fingerprint, (fact, alert))
    log = _read(kafka)
    delays, noticed = [], []
    for fingerprint, (fact, alert) in first.items():
        edge = alert.watermark + LATENESS_US
        passed = [int(stamps[np.argmax(ends >= edge)]) for ends, stamps in log]
        delays.append((arrived[fingerprint] - max(passed)) / 1e6)
        noticed.append((fact.stamp_us - max(passed)) / 1e6)
    return sorted(delays), sorted(noticed)


def _read(kafka: KafkaSettings) -> list[Stretch]:
    """Newest window end so far and broker's stamp of each record, by partition."""
    decoder = ColumnDecoder(FileRegistry())
    sources = [(INFERENCE_EVENTS.name, at) for at in range(INFERENCE_EVENTS.partitions)]
    ends = LogEnds(kafka, "bench-ends")
    wanted = ends.ask(sources)
    ends.close()
    consumer = Consumer(consumer_config(kafka, "bench-reader"))
    found: list[Stretch] = []
    for source, end in wanted.items():
        consumer.assign([TopicPartition(*source, 0)])
        parts: list[Stretch] = []
        read = 0
        while read < end:
            messages = consumer.consume(CHUNK, timeout=1.0)
            read += len(messages)
            rows = decoder.decode(source[0], [message.value() for message in messages]).rows
            stamps = np.array([message.timestamp()[1] for message in messages], np.int64) * 1_000
            parts.append((np.asarray(rows.column("window_end"), np.int64), stamps))
        times, stamps = (np.concatenate(column) for column in zip(*parts, strict=True))
        found.append((np.maximum.accumulate(times), stamps))
    consumer.close()
    return found
