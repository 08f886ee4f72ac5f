"""What the notifier tells Prometheus about itself."""

from typing import Final

from prometheus_client import Counter, Histogram

NOTIFICATIONS: Final = Counter(
    "fleetloop_oncall_notifications",
    "Notifications by receiver and what became of them.",
    ["receiver", "outcome"],
)
OLDEST_NEWS: Final = Histogram(
    "fleetloop_oncall_latency_seconds",
    "From the broker's stamp on an alert to the receiver's answer, the oldest news of each.",
    ["receiver"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 300, 900),
)
