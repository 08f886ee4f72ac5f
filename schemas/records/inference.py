"""Inference telemetry. Units and meanings: the docs in schemas/avro."""

from dataclasses import dataclass

from schemas.records.enums import DeviceClass


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyHistogram:
    """Base-2 exponential histogram of latency/deadline, as in OpenTelemetry, with latency sums."""

    scale: int
    zero_count: int
    offset: int
    counts: tuple[int, ...]
    sum_us: int
    min_us: int
    max_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """One inference told in full."""

    inference_id: str
    ts: int
    latency_us: int
    top1: int
    confidence: float
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceEvent:
    """One device, one model, one reporting window. Topic: inference-events."""

    event_id: str
    source: str
    device_id: str
    device_class: DeviceClass
    hardware: str
    region: str
    release_id: str | None = None
    model_digest: str | None = None
    window_start: int
    window_end: int
    deadline_us: int
    expected: int
    produced: int
    warmup: int
    late: int
    latency: LatencyHistogram
    energy_j: float | None = None
    distance_m: float | None = None
    confidence: tuple[int, ...]
    classes: tuple[int, ...]
    flips: int
    shadow_release_id: str | None = None
    disagreements: int | None = None
    exemplars: tuple[Exemplar, ...]
    clock_offset_ms: float | None = None
    shadow_encounters: tuple[int, ...] = ()
    shadow_differing: tuple[int, ...] = ()
    shadow_judged: int = 0
    shadow_late: int = 0
    shadow_busy_us: int = 0
