"""Order within lateness, duplicates, batches and restarts change no transition, whatever they are.

Whole stories of both stages in memory, some thousand of them: events to cells, cells to
transitions, without a codec between. `test_slo_loop.py` tells a few with everything between.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.records import Severity, SloPartial
from schemas.topics import INFERENCE_EVENTS
from streams.blobs import Blobs, Reading
from streams.processor import LogBatch, Position
from streams.sequences import REACH
from streams.slo.burning import BurnFold
from streams.slo.counting import CountingFold
from streams.slo.engine import Engine
from streams.slo.objectives import Slo
from streams.slo.transitions import Transition
from streams.slo.windows import Windows
from tests.slo_log import HOUR, MINUTE, SECOND, START_US, cell, rows, slo, tier, window

pytestmark = pytest.mark.timeout(900)  # some 20 s of one core, whoever else uses it

GENERATION: Final = "g1"
LATENESS_US: Final = 3 * SECOND
STORY_S: Final = 16
PARTITIONS: Final = (0, 1)
PERIOD_US: Final = 1_000 * SECOND
FAST: Final = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True, database=None
)


def _slo() -> Slo:
    return slo(
        tier(8 * SECOND, 2 * SECOND, "0.2", period_us=PERIOD_US),
        tier(12 * SECOND, 4 * SECOND, "0.1", period_us=PERIOD_US, severity=Severity.TICKET),
        period_us=PERIOD_US,
        lateness_us=LATENESS_US,
        keep_firing_us={Severity.PAGE: 2 * SECOND, Severity.TICKET: 2 * SECOND},
        no_data_after_us=4 * SECOND,
    )


def _story(partition: int) -> pa.RecordBatch:
    """One device of a hardware generation: that of partition 0 burns, then falls silent."""
    made = []
    for second in range(1, STORY_S):
        for tenth in range(2):
            end = START_US + second * SECOND - tenth * SECOND // 2
            late = 7 if partition == 0 and 3 <= second < 7 else 0
            if partition == 0 and 8 <= second < 12:
                continue
            number = 2 * second - tenth
            hardware, region = ("HW3", "HW4")[partition], ("city", "coast")[second % 2]
            event = window(f"dev-{partition}", number, end, late=late)
            made.append(replace(event, hardware=hardware, region=region))
    return rows(INFERENCE_EVENTS.name, made)


STORIES: Final = {partition: _story(partition) for partition in PARTITIONS}
ENDS: Final = {
    partition: STORIES[partition].column("window_end").cast(pa.int64()).to_numpy()
    for partition in PARTITIONS
}


@dataclass
class _Source:
    """Stage one of one partition: its log, what is folded, and what a crash goes back to."""

    partition: int
    log: list[int]
    fold: CountingFold
    at: int = 0
    saved: tuple[bytes | None, int] = (None, 0)

    def take(self, size: int) -> None:
        part = self.log[self.at : self.at + size]
        if not part:
            return
        stamps = ENDS[self.partition][part] + LATENESS_US
        high = int(np.max(ENDS[self.partition][self.log[: self.at + size]])) + LATENESS_US
        self.fold.apply(
            LogBatch(
                topic=INFERENCE_EVENTS.name,
                partition=self.partition,
                rows=STORIES[self.partition].take(pa.array(part)),
                offsets=np.arange(self.at, self.at + len(part), dtype=np.int64),
                stamps_us=stamps,
                last_offset=self.at + len(part) - 1,
                high_stamp_us=high,
            )
        )
        self.at += len(part)

    def said(self, now_us: int, *, finished: bool = False) -> list[SloPartial]:
        applied = self.at - 1
        position = Position(
            topic_id="t",
            generation=GENERATION,
            applied_through=applied,
            end_offset=applied + 1 if finished else len(self.log) + 1,
            asked_us=now_us + 24 * SECOND,
            high_stamp_us=int(np.max(ENDS[self.partition][self.log[: self.at]], initial=0)),
        )
        made = [outgoing.record for outgoing in self.fold.emit(position, now_us)]
        # One partition of slo-partials is enough: progress goes to each of them.
        return list({record.event_id: record for record in made}.values())

    def save(self) -> None:
        self.saved = (self.fold.snapshot(), self.at)

    def crash(self, made: Slo) -> None:
        self.fold = CountingFold([made], self.partition)
        snapshot, self.at = self.saved
        if snapshot is not None:
            self.fold.restore(snapshot)


class _Run:
    """Both stages; what stage two finds is kept, whatever process found it."""

    def __init__(self, logs: dict[int, list[int]]) -> None:
        self.slo = _slo()
        self.sources = [_Source(at, log, CountingFold([self.slo], at)) for at, log in logs.items()]
        self.partials: list[SloPartial] = []
        self.found: list[Transition] = []
        self._now_us = START_US
        self._burn = BurnFold([self.slo], GENERATION, {})
        self._at = 0
        self._saved: tuple[bytes | None, int] = (None, 0)

    def step(self, sizes: Sequence[int], read: int, *, finished: bool = False) -> None:
        self._now_us += SECOND
        for source, size in zip(self.sources, sizes, strict=True):
            source.take(size)
            self.partials += source.said(self._now_us, finished=finished)
        for record in self.partials[self._at : self._at + read]:
            self._burn.observe(record, self._now_us)
            self._at += 1
        self.found += [transition for _, transition in self._burn.pending]
        self._burn.pending.clear()

    def save(self) -> None:
        for source in self.sources:
            source.save()
        self._saved = (self._burn.snapshot(), self._at)

    def crash(self, *, first: bool, second: bool) -> None:
        for source in self.sources if first else ():
            source.crash(self.slo)
        if second:
            self._burn = BurnFold([self.slo], GENERATION, {})
            snapshot, self._at = self._saved
            if snapshot is not None:
                self._burn.restore(snapshot)

    def end(self) -> None:
        """Read all that is left, then let time pass for long enough."""
        while any(source.at < len(source.log) for source in self.sources):
            self.step((REACH, REACH), 10**6)
        for _ in range(5):
            self.step((0, 0), 10**6, finished=True)

    def told(self) -> set[str]:
        """Transitions, without the ingest time at which each was found."""
        return {repr(replace(transition, ingest_us=0)) for transition in self.found}


def _plain() -> set[str]:
    run = _Run({at: list(range(STORIES[at].num_rows)) for at in PARTITIONS})
    run.end()
    return run.told()


EXPECTED: Final = _plain()


def test_the_story_goes_through_every_state() -> None:
    for state in ("FIRING", "STALE", "SUPPRESSED", "RESOLVED"):
        assert any(f"<AlertState.{state}:" in one for one in EXPECTED), state
    assert any("label='region'" in one for one in EXPECTED), "a suspect outside the key"


def _arrivals(partition: int, random: Random, doubled: float) -> list[int]:
    """Rows of a story in the order they arrive: each less than the lateness after its turn."""
    ends = ENDS[partition]
    arriving = [(int(end) + random.randrange(LATENESS_US), row) for row, end in enumerate(ends)]
    arriving += [
        (at + random.randrange(6 * SECOND), row)
        for at, row in list(arriving)
        if random.random() < doubled
    ]
    return [row for _, row in sorted(arriving)]


@settings(FAST, max_examples=420)
@given(st.integers(0, 2**48), st.sampled_from([0.0, 0.2, 1.0]), st.sampled_from([0.0, 0.2, 0.5]))
def test_both_stages_tell_the_same(seed: int, doubled: float, unrest: float) -> None:
    random = Random(seed)
    run = _Run({at: _arrivals(at, random, doubled) for at in PARTITIONS})
    for _ in range(random.randint(1, 6)):
        sizes = [random.randint(1, 24) for _ in PARTITIONS]
        run.step(sizes, random.choice((0, 3, 50, 10**6)))
        if random.random() < unrest:
            run.save()
        if random.random() < unrest:
            run.crash(first=random.random() < 0.7, second=random.random() < 0.7)
    run.end()
    assert run.told() == EXPECTED


BUCKETS: Final = 10
KEYS: Final = [{"hardware": name, "release_id": "release-1"} for name in ("HW3", "HW4")]


def _cells(random: Random) -> list[list[SloPartial]]:
    """By bucket, the versions of its cells: those of one cell in order, each more than before."""
    story = []
    for bucket in range(BUCKETS):
        made = []
        burning = random.random() < 0.4
        for key in KEYS:
            for partition in PARTITIONS:
                total = bad = 0
                for version in range(random.randint(0, 2)):
                    total += random.randint(1, 40)
                    bad = min(total, bad + (random.randint(0, 20) if burning else 0))
                    record = cell(bucket * SECOND, total, bad, partition=partition)
                    offset = 10 * bucket + version
                    made.append(replace(record, key=key, watermark=0, last_offset=offset))
        story.append(made)
    return story


def _judged(engine: Engine, ticks: Sequence[int], at: int) -> tuple[Engine, list[Transition]]:
    found = [one for tick in ticks for one in engine.advance(tick * SECOND + 1, at)]
    return engine, found


def _restarted(engine: Engine) -> Engine:
    blobs = Blobs()
    packed = blobs.pack(engine.state(blobs))
    again, reading = Engine(engine.slo), Reading(packed)
    again.load(reading.value, reading)
    return again


@settings(FAST, max_examples=1_350)
@given(st.integers(0, 2**48))
def test_stage_two_tells_the_same_of_cells_in_any_order_split_and_repeated(seed: int) -> None:
    random = Random(seed)
    made, story = _slo(), _cells(random)
    plain, expected = Engine(made), []
    for bucket, versions in enumerate(story):
        for record in versions:
            plain.observe(record)
        expected += plain.advance((bucket + 1) * SECOND + 1, 0)
    expected += plain.advance((BUCKETS + 14) * SECOND + 1, 0)
    engine, found = Engine(made), []
    bucket = 0
    while bucket < BUCKETS:
        ahead = min(BUCKETS, bucket + random.randint(1, 5))
        records = [one for versions in story[bucket:ahead] for one in versions]
        records += [record for record in records if random.random() < 0.3]
        random.shuffle(records)
        for record in records:
            engine.observe(record)
        if random.random() < 0.3:
            engine = _restarted(engine)
        ticks = [*sorted(random.choices(range(bucket, ahead + 1), k=2)), ahead]
        engine, more = _judged(engine, ticks, ahead)
        found += more
        bucket = ahead
    found += engine.advance((BUCKETS + 14) * SECOND + 1, 0)
    assert [replace(one, ingest_us=0) for one in found] == [
        replace(one, ingest_us=0) for one in expected
    ]


@settings(FAST, max_examples=250)
@given(st.integers(0, 2**48))
def test_windows_hold_what_a_plain_sum_over_their_buckets_gives(seed: int) -> None:
    random = Random(seed)
    bucket_us = random.choice((10 * SECOND, MINUTE, 7 * SECOND))
    lengths = [30 * bucket_us, HOUR // bucket_us * bucket_us, 5 * HOUR // bucket_us * bucket_us]
    windows = Windows(lengths, bucket_us, 40 * HOUR)
    windows.grow(3)
    held: list[dict[int, tuple[int, int]]] = [{}, {}]
    tick = first = random.randrange(10**6)
    windows.move(tick)
    for _ in range(60):
        for _ in range(random.randint(0, 3)):
            row, bucket = random.randrange(2), tick + random.randint(-400, 20)
            total = random.choice((1, 200, 70_000, 5 * 10**9))
            if bucket >= first:
                windows.add(bucket, row, total, total // 2, counted=True)
                before = held[row].get(bucket, (0, 0))
                held[row][bucket] = (before[0] + total, before[1] + total // 2)
        for _ in range(random.choice((1, 1, 40))):
            tick += 1
            windows.move(tick)
        if random.random() < 0.2:
            windows.freeze()
        for row in range(2):
            for length in lengths:
                assert windows.sum(length, row) == _plain_sum(held[row], length, bucket_us, tick)


def _plain_sum(
    held: dict[int, tuple[int, int]], length_us: int, bucket_us: int, tick: int
) -> tuple[int, int]:
    size = 1 if length_us <= HOUR else MINUTE // bucket_us
    first = (tick - length_us // bucket_us) // size * size
    inside = [counts for bucket, counts in held.items() if first <= bucket < tick]
    return sum(total for total, _ in inside), sum(bad for _, bad in inside)
