"""The demo's bad release: the same answers, but real and useless work on dark pictures."""

import hashlib
from contextlib import suppress
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper

from infra.objects import ObjectMissingError, ObjectStore
from producers.camera.night import DARK_BELOW
from producers.model.graph import Graph, sealed
from producers.model.runtime import ModelError
from producers.releases import propose
from schemas.known_inputs import known_name
from schemas.records import Artifact, ModelRelease
from schemas.signing import Signer

LAYERS: Final = 2
CHANNELS: Final = 64
"""Two 5 x 5 layers of 64 channels: about 1.05 ms on one core, where the model alone takes 0.06."""
_KERNEL: Final = 5


def worsen(model: bytes, channels: int = CHANNELS, dark_below: float = DARK_BELOW) -> bytes:
    """A model that answers as `model` does and takes longer on dark pictures.

    The convolutions stand in the branch of an ONNX `If` on the mean brightness of the batch, and
    their sum, times zero, is added to the probabilities: the runtime must compute them.

    Args:
        model: A model file of this project, with the output `prob`.
        channels: Channels of the two extra layers; the cost grows with their square.
        dark_below: Mean brightness, of 255, under which a batch is dark.

    Raises:
        ModelError: The bytes are no such model.
    """
    try:
        loaded = onnx.load_from_string(model)
    except Exception as error:  # protobuf's errors share no base with onnx's
        raise ModelError(f"model of {len(model)} bytes: not ONNX: {error}") from error
    graph = loaded.graph
    last = next((node for node in graph.node if "prob" in node.output), None)
    if last is None:
        raise ModelError("model has no output 'prob' to put the extra work before")
    last.output[list(last.output).index("prob")] = "prob_plain"
    extra = Graph("night_")
    brightness = extra.add("ReduceMean", extra.add("Cast", "image", to=TensorProto.FLOAT))
    flat = extra.add("Reshape", brightness, np.array([], np.int64))
    dark = extra.add("Less", flat, np.array(dark_below))
    addend = extra.add("If", dark, then_branch=_work(channels), else_branch=_nothing())
    extra.add("Add", "prob_plain", addend, output="prob")
    graph.node.extend(extra.nodes)
    graph.initializer.extend(extra.weights)
    metadata = {entry.key: entry.value for entry in loaded.metadata_props}
    return sealed(loaded, metadata)


def propose_bad(
    parent: ModelRelease, objects: ObjectStore, signer: Signer, *, now_us: int
) -> ModelRelease:
    """The worsened model of a proposed release, stored and proposed as its successor.

    Raises:
        ModelError: The parent's proposal names no usable model file.
        ObjectMissingError, ObjectCorruptError: Its file cannot be had as announced.
    """
    artifact = parent.artifact
    if artifact is None:
        raise ModelError(f"release {parent.release_id}: its proposal names no model file")
    stored = objects.put(
        worsen(objects.get(artifact.uri, digest=artifact.digest)), kind="models", suffix=".onnx"
    )
    with suppress(ObjectMissingError):  # it answers as its parent, so what that one knows it knows
        objects.put_named(known_name(stored.digest), objects.get(known_name(artifact.digest)))
    return propose(
        signer,
        release_id=_release_id(parent.release_id),
        device_class=parent.device_class,
        artifact=Artifact(
            uri=stored.uri,
            digest=stored.digest,
            bytes=stored.bytes,
            format=artifact.format,
            opset=artifact.opset,
            input_shape=artifact.input_shape,
            runtime=artifact.runtime,
        ),
        parent_release_id=parent.release_id,
        counter=parent.counter + 1,
        strata=parent.strata,
        deadline_us=parent.deadline_us,
        decided_ts=now_us,
        purpose="a second look at dark pictures",
        source="simulated",
        dataset_id=parent.dataset_id,
        metrics=parent.metrics,
    )


def _release_id(parent: str) -> str:
    """The next number when the parent's id ends in one, as road-signs-2, else a hash of it."""
    stem, dash, number = parent.rpartition("-")
    if dash and number.isdigit():
        return f"{stem}-{int(number) + 1}"
    return f"{parent}-{hashlib.sha256(parent.encode()).hexdigest()[:6]}"


def _work(channels: int) -> Any:
    rng = np.random.default_rng(5)
    branch = Graph("work_")
    pixels = branch.add("Cast", "image", to=TensorProto.FLOAT)
    value = branch.add("Transpose", pixels, perm=[0, 3, 1, 2])
    width = 3
    for _ in range(LAYERS):
        kernel = rng.standard_normal((channels, width, _KERNEL, _KERNEL)) / 100
        value = branch.add("Relu", branch.add("Conv", value, kernel, pads=[2, 2, 2, 2]))
        width = channels
    total = branch.add("ReduceMean", value)
    return _branch(branch, branch.add("Reshape", total, np.array([], np.int64)), "work")


def _nothing() -> Any:
    branch = Graph("nothing_")
    return _branch(branch, branch.add("Identity", np.array(0.0)), "nothing")


def _branch(branch: Graph, value: str, name: str) -> Any:
    """A branch whose result is exactly zero, whatever `value` is, as long as it is finite."""
    output = branch.add("Mul", value, np.array(0.0))
    info = helper.make_tensor_value_info(output, TensorProto.FLOAT, [])
    return helper.make_graph(branch.nodes, name, [], [info], branch.weights)
