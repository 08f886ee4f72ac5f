"""The features of a model that hears: log-mel energies on the sound's own time, as ONNX nodes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.model.graph import Graph
from schemas.sound_strips import RATE_HZ, STEP, WINDOW

BANDS: Final = 12
PARTS: Final = 8
WIDTH: Final = BANDS * PARTS + BANDS + 1
"""109 numbers a window: 12 bands at 8 parts of the word, their mean, how long it is."""
_HOP: Final = STEP // 2
_TIMES: Final = (WINDOW - STEP) // _HOP + 1
_BINS: Final = STEP // 2 + 1
_LOWEST_HZ: Final = 100.0
_HIGHEST_HZ: Final = 3_900.0
_FLOOR: Final = 1e-5
"""Of an energy before its logarithm: silence stays silence."""
_SPAN: Final = 5.0
"""What is quieter than the loudest moment by more (nats) is no part of the word."""
_FAINT: Final = 1e-3
_PRE_EMPHASIS: Final = 0.95


def append_log_mel(graph: Graph) -> str:
    """Append the feature nodes behind the input `sound`; gives the name of float32 [N, WIDTH].

    Log energies of mel bands (Davis and Mermelstein 1980) of moments of 32 ms, 16 ms apart, less
    their mean over the word (cepstral mean subtraction, Atal 1974), so that a voice's and a room's
    colour fall away. The word is divided into parts by the share of its weight that has passed,
    not by the clock: where in the window it was said, and how fast, falls away as well.
    """
    level = _log_mel(graph)
    weight = _weight(graph, level)
    mean = _sum(graph, graph.add("Mul", level, weight))
    centred = graph.add("Sub", level, mean)
    parts = graph.add("MatMul", centred, _parts(graph, weight))
    tint = graph.add("Sub", mean, graph.add("ReduceMean", mean, axes=[1], keepdims=1))
    heard = graph.add("Cast", graph.add("Greater", weight, np.array(2 * _FAINT)), to=1)
    length = graph.add("ReduceMean", heard, axes=[2], keepdims=1)
    flat = [graph.add("Flatten", one, axis=1) for one in (parts, tint, length)]
    return graph.add("Concat", *flat, axis=1)


def _log_mel(graph: Graph) -> str:
    """float32 [N, BANDS, _TIMES]."""
    sound = graph.add("Div", graph.add("Cast", "sound", to=1), np.array(32_768.0))
    line = graph.add("Unsqueeze", sound, np.array([1], np.int64))
    sharp = graph.add("Conv", line, np.array([[[-_PRE_EMPHASIS, 1.0]]]), pads=[1, 0])
    waves = graph.add("Conv", sharp, _waves(), strides=[_HOP])
    energy = graph.add("Conv", graph.add("Mul", waves, waves), np.concatenate([_mel()] * 2, axis=1))
    return graph.add("Log", graph.add("Add", energy, np.array(_FLOOR)))


def _weight(graph: Graph, level: str) -> str:
    """How much of the word each moment is, float32 [N, 1, _TIMES] with sum 1."""
    loudness = graph.add("ReduceMean", level, axes=[1], keepdims=1)
    top = graph.add("ReduceMax", loudness, axes=[2], keepdims=1)
    above = graph.add("Relu", graph.add("Add", graph.add("Sub", loudness, top), np.array(_SPAN)))
    weight = graph.add("Add", above, np.array(_FAINT))
    return graph.add("Div", weight, _sum(graph, weight))


def _parts(graph: Graph, weight: str) -> str:
    """How much each moment counts in each part, float32 [N, _TIMES, PARTS] with sums 1 over time.

    A part is a triangle around its place in the passed weight, as wide as two parts.
    """
    passed = graph.add("CumSum", weight, np.array(2, np.int64))
    middle = graph.add("Sub", passed, graph.add("Mul", weight, np.array(0.5)))
    places = ((np.arange(PARTS) + 0.5) / PARTS)[:, None]
    away = graph.add("Abs", graph.add("Sub", middle, places))
    apart = graph.add("Mul", away, np.array(float(PARTS)))
    near = graph.add("Relu", graph.add("Sub", np.array(1.0), apart))
    share = graph.add("Add", graph.add("Mul", near, weight), np.array(1e-9))
    return graph.add("Transpose", graph.add("Div", share, _sum(graph, share)), perm=[0, 2, 1])


def _sum(graph: Graph, value: str) -> str:
    return graph.add("ReduceSum", value, np.array([2], np.int64), keepdims=1)


def _waves() -> NDArray[np.float64]:
    """The discrete Fourier transform under a Hann window, as [2 _BINS, 1, STEP]: cosines, sines."""
    at = np.arange(STEP)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * at / STEP)
    angle = 2 * np.pi * np.outer(np.arange(_BINS), at) / STEP
    return (np.concatenate([np.cos(angle), np.sin(angle)]) * hann)[:, None, :]


def _mel() -> NDArray[np.float64]:
    """Triangles over the bins, evenly spaced in mel (O'Shaughnessy 1987), as [BANDS, _BINS, 1]."""
    low_mel, high_mel = (2595 * np.log10(1 + end / 700) for end in (_LOWEST_HZ, _HIGHEST_HZ))
    points = 700 * (10 ** (np.linspace(low_mel, high_mel, BANDS + 2) / 2595) - 1)
    hertz = np.linspace(0, RATE_HZ / 2, _BINS)
    low, peak, high = (points[start : start + BANDS, None] for start in range(3))
    rising, falling = (hertz - low) / (peak - low), (high - hertz) / (high - peak)
    triangles: NDArray[np.float64] = np.maximum(np.minimum(rising, falling), 0.0)[:, :, None]
    return triangles
