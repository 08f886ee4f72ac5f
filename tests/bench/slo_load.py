"""Reporting windows by the million: each device's record is encoded once and then re-dated."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from schemas.codec import Codec
from schemas.records import InferenceEvent
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests import factories
from tests.bench import codec

SECOND_US: Final = 1_000_000
HARDWARE: Final = ("HW3", "HW4", "AI5")
FIRST_SEQUENCE: Final = 1_000_000
_STAND_IN_US: Final = 1_763_769_000_123_457
_ENCODER: Final = Codec(FileRegistry())


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of one device's record between which sequence and window times stand."""

    key: bytes
    parts: tuple[bytes, bytes, bytes, bytes]

    @classmethod
    def of(cls, event: InferenceEvent) -> "Template":
        """Cut an encoded record at its changing parts; they keep their length for 200 years."""
        start, end = _STAND_IN_US - SECOND_US, _STAND_IN_US
        stand_in = replace(
            event,
            event_id=f"{event.device_id}/1763769000/{FIRST_SEQUENCE}",
            window_start=start,
            window_end=end,
        )
        rest, parts = _ENCODER.encode(INFERENCE_EVENTS, stand_in), []
        for mark in (str(FIRST_SEQUENCE).encode(), _varint(start), _varint(end)):
            before, found, rest = rest.partition(mark)
            assert found, mark
            parts.append(before)
        return cls(event.device_id.encode(), (parts[0], parts[1], parts[2], rest))


@dataclass(frozen=True, slots=True)
class Moment:
    """Sequence and window times of all records of one moment, encoded."""

    sequence: bytes
    start: bytes
    end: bytes

    @classmethod
    def at(cls, tick: int, end_us: int, window_us: int) -> "Moment":
        """The windows that end at `end_us`; ticks are at most 8,999,999."""
        sequence = str(FIRST_SEQUENCE + tick).encode()
        return cls(sequence, _varint(end_us - window_us), _varint(end_us))

    def value(self, template: Template) -> bytes:
        """A device's record of this moment."""
        one, two, three, four = template.parts
        return b"".join((one, self.sequence, two, self.start, three, self.end, four))


def devices(count: int, releases: int) -> list[InferenceEvent]:
    """Windows of so many devices, spread evenly over releases, hardware and regions; all good."""
    rng = random.Random(codec.SEED)
    shapes = [_good(codec.event(rng, number)) for number in range(500)]
    return [
        replace(
            shapes[number % len(shapes)],
            device_id=f"dev-{number:06d}",
            release_id=f"release-{number % releases:04d}",
            hardware=HARDWARE[number // releases % len(HARDWARE)],
        )
        for number in range(count)
    ]


def late(event: InferenceEvent) -> InferenceEvent:
    """The same window with half of its frames late."""
    half = event.produced // 2
    counts = (event.produced - half,) + (0,) * 23 + (half,)
    latency = replace(event.latency, offset=-23, counts=counts)
    return replace(event, late=half, latency=latency, exemplars=(factories.exemplar(),))


def backlog(templates: Sequence[Template], records: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of windows of 10 s, all devices reporting one moment before the next."""
    moment = Moment.at(0, _STAND_IN_US, 10 * SECOND_US)
    for number in range(records):
        tick, device = divmod(number, len(templates))
        if device == 0:
            moment = Moment.at(tick, _STAND_IN_US + tick * 10 * SECOND_US, 10 * SECOND_US)
        yield templates[device].key, moment.value(templates[device])


def _good(event: InferenceEvent) -> InferenceEvent:
    counts = event.latency.counts
    on_time = (*counts[:16], sum(counts[16:]), *([0] * (len(counts) - 17)))
    latency = replace(event.latency, counts=on_time, offset=-24)
    return replace(event, late=0, latency=latency, exemplars=())


def _varint(number: int) -> bytes:
    """A long as Avro writes it: zigzag, seven bits a byte."""
    rest, out = number << 1, bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)
