"""A builder of ONNX graphs whose bytes depend on nothing but what was put in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from producers.model.form import IR_VERSION, OPSET, PRODUCER
from schemas.media import Medium


class Graph:
    """Nodes in the order they were appended; names are counted, so equal graphs are equal bytes."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(
        self, op: str, *inputs: str | NDArray[Any], output: str | None = None, **attributes: Any
    ) -> str:
        """Append a node and give the name of its output; arrays become weights."""
        names = [value if isinstance(value, str) else self.weight(value) for value in inputs]
        name = output or f"{self._prefix}{op.lower()}{len(self.nodes)}"
        node = helper.make_node(op, names, [name], **attributes)
        self.nodes.append(node)
        return name

    def weight(self, value: NDArray[Any]) -> str:
        """Store a constant; float64 is kept as float32."""
        array = value.astype(np.float32) if value.dtype == np.float64 else value
        name = f"{self._prefix}w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name


def to_bytes(
    graph: Graph, medium: Medium, outputs: Mapping[str, int], metadata: Mapping[str, str], name: str
) -> bytes:
    """Write a checked model file of frames of a medium.

    `outputs` gives the width of each, all float32 [N, width].

    Raises:
        onnx.checker.ValidationError: The graph is not valid ONNX.
    """
    values = [
        helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", width])
        for output, width in outputs.items()
    ]
    kind = helper.np_dtype_to_tensor_dtype(medium.dtype)
    taken = helper.make_tensor_value_info(medium.input, kind, ["N", *medium.shape])
    made = helper.make_graph(graph.nodes, name, [taken], values, graph.weights)
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name=PRODUCER,
    )
    return sealed(model, metadata)


def sealed(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Set the metadata of a model, check it and give its bytes."""
    helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model, full_check=True)
    body: bytes = model.SerializeToString(deterministic=True)
    return body
