"""The features of the model: oriented gradients and coarse colour, as nodes of an ONNX graph."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from producers.model.graph import Graph

ORIENTATIONS: Final = 12
CELL: Final = 5
STRIDE: Final = 2
_CELLS: Final = (32 - CELL) // STRIDE + 1
_COLOUR_CELLS: Final = (32 - 8) // 4 + 1
WIDTH: Final = ORIENTATIONS * _CELLS**2 + 3 * _COLOUR_CELLS**2
"""2,499 numbers a picture: 12 orientations x 14 x 14 cells, 3 colours x 7 x 7."""


def append_features(graph: Graph) -> str:
    """Append the feature nodes behind the input `image`; gives the name of float32 [N, WIDTH].

    After Dalal and Triggs, Histograms of Oriented Gradients (2005): gradients of the grey picture,
    softly sorted into 12 signed directions, pooled over 5 x 5 cells two pixels apart and divided by
    the gradient energy around; with them the contrast-normalised colours at low resolution.
    """
    picture = _normalised(graph)
    gradient = graph.add("Conv", _padded(graph, picture), _sobel())
    energy = graph.add("Conv", graph.add("Mul", gradient, gradient), np.ones((1, 2, 1, 1)))
    magnitude = graph.add("Sqrt", graph.add("Add", energy, np.array(1e-6)))
    along = graph.add("Conv", gradient, _directions())
    # cos 36.9 degrees: a gradient counts for the two or three directions nearest to its own.
    floor = graph.add("Conv", magnitude, np.full((ORIENTATIONS, 1, 1, 1), 0.8))
    oriented = graph.add("Relu", graph.add("Sub", along, floor))
    cell: dict[str, Any] = {"kernel_shape": [CELL, CELL], "strides": [STRIDE, STRIDE]}
    around = graph.add(
        "AveragePool",
        graph.add("AveragePool", magnitude, **cell),
        kernel_shape=[3, 3],
        strides=[1, 1],
        pads=[1, 1, 1, 1],
        count_include_pad=0,
    )
    pooled = graph.add("AveragePool", oriented, **cell)
    histogram = graph.add("Div", pooled, graph.add("Add", around, np.array(0.05)))
    colour = graph.add("AveragePool", picture, kernel_shape=[8, 8], strides=[4, 4])
    flat = [graph.add("Flatten", part, axis=1) for part in (histogram, colour)]
    return graph.add("Concat", *flat, axis=1)


def _normalised(graph: Graph) -> str:
    """Zero mean and unit spread over all pixels and channels; the 4 keeps flat pictures flat."""
    pixels = graph.add("Transpose", graph.add("Cast", "image", to=1), perm=[0, 3, 1, 2])
    centred = graph.add("Sub", pixels, _mean(graph, pixels))
    variance = _mean(graph, graph.add("Mul", centred, centred))
    spread = graph.add("Sqrt", graph.add("Add", variance, np.array(4.0)))
    return graph.add("Div", centred, spread)


def _mean(graph: Graph, value: str) -> str:
    return graph.add("ReduceMean", value, axes=[1, 2, 3], keepdims=1)


def _padded(graph: Graph, picture: str) -> str:
    return graph.add("Pad", picture, np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode="edge")


def _sobel() -> NDArray[np.float64]:
    """Gradients across and down as [2, 3, 3, 3]: the grey mean of the channels is folded in."""
    across = np.outer([1, 2, 1], [-1, 0, 1]) / 8
    return np.stack([np.stack([kernel] * 3) / 3 for kernel in (across, across.T)])


def _directions() -> NDArray[np.float64]:
    angle = np.arange(ORIENTATIONS) * 2 * np.pi / ORIENTATIONS
    return np.column_stack([np.cos(angle), np.sin(angle)])[:, :, None, None]
