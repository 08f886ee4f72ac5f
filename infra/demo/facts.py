"""What ClickHouse says at the end of the story: the numbers of the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from consumers.clickhouse.census import census
from consumers.clickhouse.client import Native
from infra.settings import ClickHouseSettings
from schemas.histograms import merge, quantile
from schemas.records import LatencyHistogram

_PER_RELEASE: Final = """
SELECT release_id,
       uniqExactIf(device_id, state = 'COMMITTED'),
       uniqExactIf(device_id, state = 'REVERTED' AND reason_code = 'ROLLBACK_ORDERED')
FROM ota_acks GROUP BY release_id
"""
_RUNNING: Final = """
SELECT hardware, digest, count() FROM (
    SELECT device_id, argMax(hardware, (updated_ts, _offset)) AS hardware,
           argMax(if(active_slot = 'A', slot_a_digest, slot_b_digest),
                  (updated_ts, _offset)) AS digest
    FROM devices GROUP BY device_id
) GROUP BY hardware, digest
"""
_DEAD: Final = """
SELECT if(error_class = 'INVALID', concat('INVALID ', ifNull(field, '')), error_class) AS reason,
       uniqExact(event_id)
FROM dead_letters GROUP BY reason ORDER BY reason
"""
_HISTOGRAMS: Final = """
SELECT latency_scale, latency_zero_count, latency_offset, latency_counts,
       latency_sum_us, latency_min_us, latency_max_us, deadline_us
FROM inference_events
"""


@dataclass(frozen=True, slots=True)
class Held:
    """Devices that committed a release and devices that were ordered back from it."""

    committed: int
    rolled_back: int


def releases(clickhouse: Native) -> Mapping[str, Held]:
    """Committed and rolled-back devices by release."""
    return {name: Held(int(c), int(r)) for name, c, r in clickhouse.execute(_PER_RELEASE)}


def running(clickhouse: Native) -> Mapping[tuple[str, str], int]:
    """Devices by hardware generation and digest of the model in their active slot."""
    return {(hw, digest or ""): int(n) for hw, digest, n in clickhouse.execute(_RUNNING)}


def dead_letters(clickhouse: Native) -> Mapping[str, int]:
    """Distinct dead letters by error class and field."""
    return {str(reason): int(n) for reason, n in clickhouse.execute(_DEAD)}


def stored(clickhouse: ClickHouseSettings) -> Mapping[str, tuple[int, int]]:
    """Rows and distinct event ids by topic, without FINAL."""
    return {topic: (count.rows, count.events) for topic, count in census(clickhouse).items()}


def inference(clickhouse: Native) -> Mapping[str, Any]:
    """Count, latency quantiles in milliseconds and missed deadlines of the whole story."""
    rows = clickhouse.execute(_HISTOGRAMS)
    if not rows:
        return {"count": 0, "p50_ms": None, "p99_ms": None, "p999_ms": None, "deadline_misses": 0}
    whole = merge(
        LatencyHistogram(
            scale=scale,
            zero_count=zero,
            offset=offset,
            counts=tuple(counts),
            sum_us=total,
            min_us=least,
            max_us=most,
        )
        for scale, zero, offset, counts, total, least, most, _ in rows
    )
    deadline_us = rows[0][-1]
    [(produced, late)] = clickhouse.execute("SELECT sum(produced), sum(late) FROM inference_events")
    quantiles = {
        f"{name}_ms": round(quantile(whole, share, deadline_us) / 1000, 3)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
    }
    return {"count": int(produced), **quantiles, "deadline_misses": int(late)}
