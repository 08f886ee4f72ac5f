"""Reporting windows: what a device tells of its inferences, one record per model and window."""

import hashlib
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final

from producers.device.identity import EventIds, Who
from producers.device.shadow import ShadowReport
from producers.device.slots import Model
from schemas.histograms import from_ratios
from schemas.records import Exemplar, InferenceEvent
from schemas.topics import INFERENCE_EVENTS

CONFIDENCE_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Result:
    """One delivered inference. `judged`: not right after a model was loaded."""

    number: int
    ts: int
    latency_us: int
    top1: int
    confidence: float
    judged: bool


@dataclass(slots=True)
class Window:
    """One reporting window of one model; closed by the first frame that is due after its end.

    Attributes:
        classes: How many classes the model tells apart.
    """

    model: Model
    classes: int
    start_us: int
    end_us: int
    expected: int = 0
    flips: int = 0
    distance_m: float = 0.0
    results: list[Result] = field(default_factory=list)
    shadow: ShadowReport | None = None

    def record(self, who: Who, ids: EventIds, exemplars: int, end_us: int) -> InferenceEvent:
        """The record of the window.

        `late` and the histogram speak of judged results; confidence and classes of all.
        """
        judged = [result for result in self.results if result.judged]
        latencies = [result.latency_us for result in judged]
        deadline_us = self.model.deadline_us
        return InferenceEvent(
            event_id=ids.next(INFERENCE_EVENTS),
            **who.common(),
            release_id=self.model.release_id,
            model_digest=self.model.digest,
            window_start=self.start_us,
            window_end=max(self.start_us + 1, min(self.end_us, end_us)),
            deadline_us=deadline_us,
            expected=self.expected,
            produced=len(self.results),
            warmup=len(self.results) - len(judged),
            late=sum(latency > deadline_us for latency in latencies),
            latency=from_ratios(latencies, deadline_us),
            distance_m=round(self.distance_m, 3),
            confidence=self._confidence(),
            classes=self._classes(),
            flips=self.flips,
            exemplars=tuple(
                _exemplar(ids, result)
                for result in nlargest(exemplars, judged, key=lambda result: result.latency_us)
            ),
            **(self.shadow.fields() if self.shadow is not None else {}),
        )

    def _confidence(self) -> tuple[int, ...]:
        bins = [0] * CONFIDENCE_BINS
        for result in self.results:
            bins[min(CONFIDENCE_BINS - 1, int(result.confidence * CONFIDENCE_BINS))] += 1
        return tuple(bins)

    def _classes(self) -> tuple[int, ...]:
        counts = [0] * self.classes
        for result in self.results:
            counts[result.top1] += 1
        return tuple(counts)


def _exemplar(ids: EventIds, result: Result) -> Exemplar:
    inference_id = f"{ids.device_id}/{ids.boot}/{result.number}"
    return Exemplar(
        inference_id=inference_id,
        ts=result.ts,
        latency_us=result.latency_us,
        top1=result.top1,
        confidence=result.confidence,
        trace_id=hashlib.blake2b(inference_id.encode(), digest_size=16).hexdigest(),
    )


class Windows:
    """The current reporting window of a device.

    Args:
        period_us: Length of a window. exemplars: the slowest results told in full.
    """

    def __init__(self, who: Who, ids: EventIds, period_us: int, exemplars: int) -> None:
        self._who, self._ids = who, ids
        self._period_us, self._exemplars = period_us, exemplars
        self._window: Window | None = None
        self._numbers = 0

    @property
    def shadow(self) -> ShadowReport | None:
        """What the current window tells of the release beside; None: none runs."""
        return self._window.shadow if self._window is not None else None

    def due(
        self, now_us: int, model: Model, classes: int, metres: float, beside: str | None = None
    ) -> InferenceEvent | None:
        """A frame is due: gives the record of the window that ended before it, if one did.

        `beside`: the release that runs in shadow.
        """
        window, record = self._window, None
        before = window.shadow.release_id if window is not None and window.shadow else None
        changed = window is not None and (window.model != model or before != beside)
        if window is not None and (now_us >= window.end_us or changed):
            record = self.close(now_us)
        if self._window is None:
            start = now_us
            if window is not None and window.model == model:
                missed = (now_us - window.end_us) // self._period_us
                start = window.end_us + missed * self._period_us
            shadow = ShadowReport(beside, classes) if beside is not None else None
            end_us = start + self._period_us
            self._window = Window(model, classes, start, end_us, shadow=shadow)
        self._window.expected += 1
        self._window.distance_m += metres
        return record

    def deliver(
        self, ts: int, latency_us: int, top1: int, confidence: float, *, judged: bool
    ) -> None:
        """The result of the frame that was due."""
        if self._window is not None:
            self._numbers += 1
            self._window.results.append(
                Result(self._numbers, ts, latency_us, top1, confidence, judged)
            )

    def flip(self) -> None:
        """The best class changed inside an encounter."""
        if self._window is not None:
            self._window.flips += 1

    def close(self, now_us: int) -> InferenceEvent | None:
        """End the window early or in time; None when no frame was due in it."""
        window, self._window = self._window, None
        if window is None or window.expected == 0:
            return None
        return window.record(self._who, self._ids, self._exemplars, now_us)
