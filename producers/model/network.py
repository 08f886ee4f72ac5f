"""The model file: features and head in one ONNX graph, with what must be known about it."""

import json
from collections.abc import Sequence

from producers.model.fronts import Front
from producers.model.graph import Graph, to_bytes
from producers.model.head import HIDDEN, Head


def to_onnx(head: Head, front: Front, classes: Sequence[str], dataset_id: str, seed: int) -> bytes:
    """The model file of a head behind its front.

    Input: frames of the front's medium; outputs `prob` [N, classes] and `emb` [N, 128], the hidden
    layer at unit length. Metadata: `classes` (JSON list), `dataset_id`, `seed`.
    """
    graph = Graph()
    found = front.append(graph)
    hidden = graph.add("Relu", graph.add("Gemm", found, head.w1, head.b1))
    graph.add("LpNormalization", hidden, output="emb", axis=1, p=2)
    logits = graph.add("Gemm", hidden, head.w2, head.b2)
    graph.add("Softmax", logits, output="prob", axis=1)
    metadata = {
        "classes": json.dumps(list(classes), ensure_ascii=False),
        "dataset_id": dataset_id,
        "seed": str(seed),
    }
    outputs = {"prob": len(classes), "emb": HIDDEN}
    return to_bytes(graph, front.medium, outputs, metadata, front.name)
