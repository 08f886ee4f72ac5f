"""Every metric of a worker: its name, its labels and what it counts, in one typed place."""

from collections.abc import Iterable
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from streams.processor import Processor, Tallying


class MetricName(StrEnum):
    """Names as Prometheus sees them; counters get `_total`."""

    RECORDS = "fleetloop_worker_records"
    REFUSED = "fleetloop_worker_refused"
    BATCHES = "fleetloop_worker_batches"
    PUBLISHED = "fleetloop_worker_published"
    LAG = "fleetloop_worker_lag_records"
    CHECKPOINT_AGE = "fleetloop_worker_checkpoint_age_seconds"
    CHECKPOINT_BYTES = "fleetloop_worker_checkpoint_bytes"
    CHECKPOINT_FAILURES = "fleetloop_worker_checkpoint_failures"


class WorkerMetrics:
    """Metrics of one worker process, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        by_topic, by_partition = ["topic"], ["topic", "partition"]
        self.records = Counter(
            MetricName.RECORDS,
            "Offsets passed, refused records included.",
            by_topic,
            registry=self.registry,
        )
        self.refused = Counter(
            MetricName.REFUSED,
            "Records counted and passed over.",
            by_topic,
            registry=self.registry,
        )
        self.batches = Counter(
            MetricName.BATCHES, "Batches folded.", by_topic, registry=self.registry
        )
        self.published = Counter(
            MetricName.PUBLISHED, "Records handed to the log.", by_topic, registry=self.registry
        )
        self.lag = Gauge(
            MetricName.LAG,
            "Records between the fold and the end of the log when last asked.",
            by_partition,
            registry=self.registry,
        )
        self.checkpoint_age = Gauge(
            MetricName.CHECKPOINT_AGE,
            "Seconds since the partition's state was last stored.",
            by_partition,
            registry=self.registry,
        )
        self.checkpoint_bytes = Gauge(
            MetricName.CHECKPOINT_BYTES,
            "Size of the last stored state.",
            by_partition,
            registry=self.registry,
        )

        self.checkpoint_failures = Counter(
            MetricName.CHECKPOINT_FAILURES,
            "Times the object store did not take a state; the one stored before stays valid.",
            by_topic,
            registry=self.registry,
        )

    def include(self, processor: Processor) -> None:
        """Show what the processor counts itself."""
        if isinstance(processor, Tallying):
            self.registry.register(_Tallies(processor))


class _Tallies(Collector):
    """Counts of a processor, read when they are asked for."""

    def __init__(self, processor: Tallying) -> None:
        self._processor = processor

    def collect(self) -> Iterable[CounterMetricFamily]:
        families: dict[str, CounterMetricFamily] = {}
        for tally in self._processor.tallies():
            family = families.get(tally.name)
            if family is None:
                family = families[tally.name] = CounterMetricFamily(
                    tally.name, tally.told, labels=list(tally.labels)
                )
            family.add_metric(list(tally.labels.values()), tally.value)
        return families.values()
