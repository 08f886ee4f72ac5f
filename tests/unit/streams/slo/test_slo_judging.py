"""Counting by columns gives what counting record by record gives, whatever the records are."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import histograms
from schemas.records import InferenceEvent, LatencyHistogram
from schemas.topics import INFERENCE_EVENTS
from streams.slo import judging
from tests import factories
from tests.slo_log import SECOND, START_US, rows, slo, window

Cell = tuple[tuple[str, ...], int]


@st.composite
def _events(draw: st.DrawFn) -> InferenceEvent:
    latencies = draw(st.lists(st.integers(0, 400_000), max_size=12))
    scale = draw(st.integers(-2, 7))
    number = draw(st.integers(0, 10_000))
    lost = draw(st.integers(0, 3))
    late = sum(value > 50_000 for value in latencies)
    slow = tuple(
        factories.exemplar(latency_us=value, inference_id=f"i{place}")
        for place, value in enumerate(latencies[:8])
    )
    return window(
        f"dev-{draw(st.integers(0, 5))}",
        number,
        START_US + draw(st.integers(1, 5_000_000)),
        hardware=draw(st.sampled_from(["HW3", "HW4"])),
        release_id=draw(st.sampled_from(["r1", "r2", None])),
        expected=len(latencies) + lost,
        produced=len(latencies),
        late=late,
        latency=histograms.from_ratios(latencies, 50_000, scale),
        exemplars=slow,
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(_events(), min_size=1, max_size=8))
def test_columns_count_as_records_do(events: list[InferenceEvent]) -> None:
    made = slo()
    totals: Counter[Cell] = Counter()
    bads: Counter[Cell] = Counter()
    parts: defaultdict[Cell, list[LatencyHistogram]] = defaultdict(list)
    slow: defaultdict[Cell, list[int]] = defaultdict(list)
    for event in events:
        name: tuple[str, ...] = (event.hardware, event.release_id or "NOT_STATED")
        cell: Cell = (name, -(-event.window_end // SECOND) - 1)
        totals[cell] += event.expected - event.warmup
        bads[cell] += event.late + event.expected - event.produced
        parts[cell].append(event.latency)
        slow[cell] += [one.latency_us for one in event.exemplars if one.latency_us > 50_000]
    batch = rows(INFERENCE_EVENTS.name, events)
    times, _ = judging.event_times(batch, np.full(len(events), START_US, dtype=np.int64))
    found = {(count.key, count.bucket): count for count in judging.judge(batch, times, made)}
    assert found.keys() == totals.keys()
    for cell, count in found.items():
        assert (count.total, count.bad) == (totals[cell], bads[cell])
        merged = histograms.merge(parts[cell])
        if any(merged.counts):
            assert count.latency == merged
        else:
            assert histograms.count(count.latency) == histograms.count(merged)
        shown = [one.latency_us for one in count.exemplars]
        assert len(shown) <= judging.MAX_EXEMPLARS
        assert set(shown) <= set(slow[cell])
        assert max(shown, default=0) == max(slow[cell], default=0)


def test_an_event_on_an_edge_closes_the_bucket_before_it() -> None:
    events = [window("d", 1, START_US), window("d", 2, START_US + 1)]
    batch = rows(INFERENCE_EVENTS.name, events)
    times, _ = judging.event_times(batch, np.full(2, START_US, dtype=np.int64))
    buckets = [count.bucket * SECOND for count in judging.judge(batch, times, slo())]
    assert buckets == [START_US - SECOND, START_US]


def test_a_clock_more_than_two_minutes_ahead_is_put_back_to_the_brokers_stamp() -> None:
    ahead = START_US + 121 * SECOND
    batch = rows(INFERENCE_EVENTS.name, [window("d", 1, ahead), window("d", 2, ahead - SECOND)])
    times, clamped = judging.event_times(batch, np.full(2, START_US, dtype=np.int64))
    assert (times.tolist(), int(clamped.sum())) == ([START_US, ahead - SECOND], 1)


@pytest.mark.parametrize("offset", [-(2**31), 2**31 - 200])
def test_an_absurd_bucket_index_costs_no_memory(offset: int) -> None:
    odd = LatencyHistogram(
        scale=5, zero_count=0, offset=offset, counts=(1,), sum_us=1, min_us=1, max_us=1
    )
    events = [
        window("d", 1, START_US, latency=odd, frames=1),
        window("d", 2, START_US, frames=1),
    ]
    batch = rows(INFERENCE_EVENTS.name, events)
    times, _ = judging.event_times(batch, np.full(2, START_US, dtype=np.int64))
    (count,) = judging.judge(batch, times, slo())
    assert histograms.count(count.latency) == 2
    assert len(count.latency.counts) <= histograms.MAX_BUCKETS
