"""Latency does not depend on the machine: a slow core is told from a slow model."""

from functools import partial
from statistics import median
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from producers.device.engine import DOUBTED, Engine
from producers.device.yardstick import KEPT, REFERENCE_NS, WORK, Yardstick
from producers.model.bad_release import worsen
from producers.model.graph import Graph, to_bytes
from schemas.media import PICTURES, Frames
from tests.unit.producers.device.kit import Stepping, sha, tiny_model

DARK = np.zeros((32, 32, 3), np.uint8)


def fixed(step_ns: int) -> Yardstick:
    """A yardstick on a core that takes `step_ns` for the work."""
    return Yardstick(lambda: None, Stepping(step_ns))


def made() -> bytes:
    """The file of the work: weights are written as constants, which the runtime unfolds."""
    graph = Graph()
    value = graph.add("Cast", "image", to=TensorProto.FLOAT)
    value = graph.add("Transpose", value, perm=[0, 3, 1, 2])
    width = 3
    for channels, stride in ((16, 1), (32, 2)):
        shape = np.array([channels, width, 3, 3], np.int64)
        kernel = graph.add("Expand", np.full((1, 1, 1, 1), 0.01), shape)
        value = graph.add("Conv", value, kernel, pads=[1, 1, 1, 1], strides=[stride, stride])
        value = graph.add("Relu", value)
        width = channels
    graph.add("Flatten", graph.add("GlobalAveragePool", value), output="emb")
    return to_bytes(graph, PICTURES, {"emb": width}, {}, "yardstick")


def test_the_file_is_what_is_told_of_it() -> None:
    assert WORK.read_bytes() == made()


@pytest.mark.parametrize("slower", [0.5, 1, 3, 10])
def test_a_core_of_any_speed_tells_the_same_latency(slower: float) -> None:
    body = tiny_model()
    clock, yardstick = Stepping(round(60_000 * slower)), fixed(round(REFERENCE_NS * slower))
    answers = Engine(body, sha(body), cpu_clock=clock, yardstick=yardstick).answer([DARK] * 3)
    assert answers.cpu_ns == [round(60_000 * slower)] * 3
    assert answers.core_ns == pytest.approx([60_000] * 3, abs=1)


def test_a_core_that_becomes_slow_is_followed_and_a_hiccup_is_not() -> None:
    clock = Stepping(REFERENCE_NS)
    yardstick = Yardstick(lambda: None, clock)
    assert yardstick.reference_per_here() == 1
    clock.step_ns = 50 * REFERENCE_NS
    assert yardstick.reference_per_here() == 1
    clock.step_ns = 3 * REFERENCE_NS
    found = [yardstick.reference_per_here() for _ in range(KEPT)]
    assert found[-1] == pytest.approx(1 / 3)


class Hiccup(Stepping):
    """A clock whose look number `at` comes late, once."""

    def __init__(self, at: int, late_ns: int) -> None:
        super().__init__(60_000)
        self._at, self._late_ns, self._looks = at, late_ns, 0

    def __call__(self) -> int:
        self._looks += 1
        if self._looks == self._at:
            self._now += self._late_ns
        return super().__call__()


def test_an_inference_that_a_neighbour_disturbed_is_made_once_more() -> None:
    body = tiny_model()
    clock = Hiccup(at=8, late_ns=round(DOUBTED * 60_000))
    answers = Engine(body, sha(body), cpu_clock=clock).answer([DARK] * 6)
    assert answers.cpu_ns == [60_000] * 6


def test_a_model_that_is_slow_at_times_is_seen_slow_each_time() -> None:
    body, clock = tiny_model(), Stepping(60_000)

    class SlowInTheDark(Engine):
        def _run(self, frames: Frames) -> list[Any]:
            clock.step_ns = 900_000 if not np.any(frames) else 60_000
            return super()._run(frames)

    light = np.full_like(DARK, 200)
    found = SlowInTheDark(body, sha(body), cpu_clock=clock).answer([light, light, DARK, light])
    assert found.cpu_ns == [60_000, 60_000, 900_000, 60_000]


def test_real_work_that_is_really_more_is_slower_by_the_yardstick() -> None:
    """The demo's bad release: real convolutions on dark pictures, on whatever machine this is."""
    body = tiny_model()
    load = partial(Engine, yardstick=Yardstick())
    good, bad = load(body, sha(body)), load(worse := worsen(body), sha(worse))
    frames = [DARK] * 15
    light = [np.full_like(DARK, 200)] * 15
    slow = median(bad.answer(frames).core_ns)
    assert slow > 5 * median(good.answer(frames).core_ns)
    assert slow > 5 * median(bad.answer(light).core_ns)
