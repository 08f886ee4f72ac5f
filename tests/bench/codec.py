"""How much faster a batch becomes columns than fastavro reads it record by record."""

import io
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.framing import HEADER_BYTES
from schemas.records import InferenceEvent, LatencyHistogram
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests import factories
from tests.bench.figures import figure, tell

RECORDS: Final = 3_000
"""A fetch of 1 MB, the default of Kafka's clients for one partition."""
ROUNDS: Final = 15
SEED: Final = 20_251_122
COLUMNS_GOAL: Final = 15.0


def event(rng: random.Random, number: int) -> InferenceEvent:
    """A window of ten seconds of one device: 20 latency buckets, bell-shaped."""
    counts = [0] * 20
    for _ in range(200):
        counts[min(19, max(0, round(rng.gauss(9, 3))))] += 1
    latency = LatencyHistogram(
        scale=3,
        zero_count=0,
        offset=-24,
        counts=tuple(counts),
        sum_us=rng.randrange(4_000_000, 9_000_000),
        min_us=rng.randrange(5_000, 15_000),
        max_us=rng.randrange(45_000, 65_000),
    )
    device = f"dev-{number % 1_000:06d}"
    return factories.inference_event(
        event_id=f"{device}/1763769000/{number}",
        device_id=device,
        hardware=rng.choice(("HW3", "HW4", "AI5")),
        region=rng.choice(("city", "coast", "north", "alps")),
        expected=200,
        produced=200,
        late=sum(counts[17:]),
        latency=latency,
        energy_j=rng.uniform(5, 25),
        distance_m=rng.uniform(0, 300),
        confidence=tuple(rng.randrange(60) for _ in range(10)),
        classes=tuple(rng.randrange(60) for _ in range(12)),
        exemplars=(factories.exemplar(),) * rng.randrange(3),
    )


def figures() -> dict[str, dict[str, Any]]:
    """Ratios of one run on one machine; more is better."""
    rng = random.Random(SEED)
    events = [event(rng, number) for number in range(RECORDS)]
    registry = FileRegistry()
    codec, decoder = Codec(registry), ColumnDecoder(registry)
    values = [codec.encode(INFERENCE_EVENTS, item) for item in events]
    published = json.loads(registry.schema(registry.schema_id(INFERENCE_EVENTS)))
    schema, plain = parse_schema(published), parse_schema(_plain(published))

    def one_by_one(known: Any) -> Sequence[Any]:
        return [schemaless_reader(io.BytesIO(v[HEADER_BYTES:]), known, None) for v in values]

    _same(decoder.decode(INFERENCE_EVENTS, values).rows.to_pylist(), one_by_one(plain))
    reading = _times(
        lambda: one_by_one(schema),
        lambda: one_by_one(plain),
        lambda: decoder.decode(INFERENCE_EVENTS, values),
    )
    dicts = one_by_one(plain)
    writing = _times(
        lambda: [_written(plain, item) for item in dicts],
        lambda: [codec.encode(INFERENCE_EVENTS, item) for item in events],
    )
    return {
        "columns_over_fastavro": figure(reading[0] / reading[2], "times", COLUMNS_GOAL),
        "columns_over_fastavro_without_datetimes": figure(reading[1] / reading[2], "times", None),
        "encode_over_fastavro": figure(writing[0] / writing[1], "times", None),
        "columns_rate": figure(RECORDS / reading[2], "records/s", None),
        "encode_rate": figure(RECORDS / writing[1], "records/s", None),
        "record_bytes": figure(sum(map(len, values)) / RECORDS, "bytes", None),
    }


def _times(*runs: Callable[[], Any]) -> list[float]:
    """Least CPU seconds of each over interleaved rounds: neighbours disturb all alike."""
    least = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for place, run in enumerate(runs):
            start = time.process_time()
            run()
            least[place] = min(least[place], time.process_time() - start)
    return least


def _plain(node: Any) -> Any:
    """The schema without logical types: fastavro makes ints then, which is faster."""
    if isinstance(node, dict):
        return {key: _plain(item) for key, item in node.items() if key != "logicalType"}
    return [_plain(item) for item in node] if isinstance(node, list) else node


def _written(schema: Any, item: Any) -> bytes:
    out = io.BytesIO()
    schemaless_writer(out, schema, item)
    return out.getvalue()


def _same(rows: list[Any], dicts: Sequence[Any]) -> None:
    if rows != list(dicts):
        raise AssertionError("columns and fastavro disagree: the ratio would mean nothing")


def main() -> None:
    """Measure and tell."""
    tell("codec", figures())


if __name__ == "__main__":
    main()
