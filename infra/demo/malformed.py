"""Deliberately malformed records, one for each way to be wrong, with what must be said."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.codec import Codec
from schemas.records import DeviceClass, InferenceEvent, LatencyHistogram
from schemas.topics import EDGE_CASES, INFERENCE_EVENTS, OTA_ACKS, TopicSpec

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that must end in dead letters, once, for the named reason.

    Attributes:
        error_class, field: What the dead letter must say; field None: it may name any.
    """

    topic: TopicSpec
    key: str
    value: bytes
    error_class: str
    field: str | None

    @property
    def reason(self) -> str:
        """Error class and field, as the report groups them."""
        return self.error_class if self.field is None else f"{self.error_class} {self.field}"


def specimens(codec: Codec, now_us: int) -> Sequence[Malformed]:
    """One malformed message for each rule the demo shows.

    Args:
        codec: Encoder of the installation.
        now_us: Present time, UTC microseconds.
    """
    good = _event(now_us)
    header = codec.encode(INFERENCE_EVENTS, good)[:5]
    unknown_schema = struct.pack(">bI", 0, 0x7FFFFFF1)
    ahead = replace(
        good, window_start=now_us + 3 * HOUR_US, window_end=now_us + 3 * HOUR_US + 2_000_000
    )
    broken = [
        ("late", replace(good, late=-1)),
        ("window_end", replace(good, window_end=good.window_start - 1)),
        ("latency.counts", replace(good, latency=replace(good.latency, counts=(1,)))),
        ("window_end", ahead),
        ("hardware", replace(good, hardware="HW99")),
        ("model_digest", replace(good, model_digest="not a digest")),
    ]
    return [
        Malformed(OTA_ACKS, good.device_id, b"hello, this is not Avro", "FRAMING", None),
        Malformed(EDGE_CASES, good.device_id, unknown_schema + b"\x02", "UNKNOWN_SCHEMA", None),
        Malformed(INFERENCE_EVENTS, good.device_id, header + b"\xff" * 40, "AVRO", None),
        *(
            Malformed(
                INFERENCE_EVENTS,
                record.device_id,
                codec.encode(INFERENCE_EVENTS, record),
                "INVALID",
                field,
            )
            for field, record in broken
        ),
    ]


def _event(now_us: int) -> InferenceEvent:
    return InferenceEvent(
        event_id="malformed-device/1/1",
        source="simulated",
        device_id="malformed-device",
        device_class=DeviceClass.VEHICLE,
        hardware="HW3",
        region="city",
        release_id="none",
        model_digest="0" * 64,
        window_start=now_us - 2_000_000,
        window_end=now_us,
        deadline_us=50_000,
        expected=2,
        produced=2,
        warmup=0,
        late=0,
        latency=LatencyHistogram(
            scale=5,
            zero_count=0,
            offset=-80,
            counts=(2,),
            sum_us=20_000,
            min_us=9_000,
            max_us=11_000,
        ),
        confidence=(0,) * 9 + (2,),
        classes=(2,),
        flips=0,
        exemplars=(),
    )
