"""The sink's metrics: every name, once."""

from typing import Final, NamedTuple

from prometheus_client import Counter, Gauge, Histogram


class SinkMetrics(NamedTuple):
    """What the sink counts."""

    rows: Counter
    dead_letters: Counter
    tombstones: Counter
    erased: Counter
    insert_seconds: Histogram
    insert_retries: Counter
    leases_expired: Counter
    replayed_ranges: Counter
    waiting_bytes: Gauge
    paused: Gauge


METRICS: Final = SinkMetrics(
    rows=Counter("fleetloop_sink_rows", "Rows stored.", ["topic"]),
    dead_letters=Counter(
        "fleetloop_sink_dead_letters", "Dead letters published.", ["topic", "error_class"]
    ),
    tombstones=Counter("fleetloop_sink_tombstones", "Deletion marks passed over.", ["topic"]),
    erased=Counter("fleetloop_sink_erased", "Records of erased devices not stored.", ["topic"]),
    insert_seconds=Histogram(
        "fleetloop_sink_insert_seconds",
        "Time of one insert, waits included.",
        buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
    ),
    insert_retries=Counter("fleetloop_sink_insert_retries", "Inserts sent again."),
    leases_expired=Counter("fleetloop_sink_leases_expired", "Inserts too late for their lease."),
    replayed_ranges=Counter(
        "fleetloop_sink_replayed_ranges", "Ranges begun before and sent again."
    ),
    waiting_bytes=Gauge("fleetloop_sink_waiting_bytes", "Bytes of messages not yet stored."),
    paused=Gauge("fleetloop_sink_paused", "1 while the sink takes no more messages."),
)
