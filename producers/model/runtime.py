"""How a model file is run here: onnxruntime with one thread, so that results and costs repeat."""

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from schemas.media import Frames, medium_of

_BATCH: Final = 64


class ModelError(ValueError):
    """A model file that cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model says: probabilities float32 [n, classes], embeddings float32 [n, 128]."""

    prob: NDArray[np.float32]
    emb: NDArray[np.float32]


def open_session(model: bytes) -> Any:
    """An onnxruntime session on one thread.

    Raises:
        ModelError: onnxruntime does not take the bytes.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base of their own
        raise ModelError(f"model of {len(model)} bytes: onnxruntime refuses it: {error}") from error


class Model:
    """A loaded model file.

    Attributes:
        classes: Names of the columns of `prob`.
    """

    def __init__(self, model: bytes) -> None:
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name
        metadata = self._session.get_modelmeta().custom_metadata_map
        if "classes" not in metadata:
            raise ModelError("model metadata 'classes' is missing: it names the columns of prob")
        self.classes = tuple(json.loads(metadata["classes"]))

    def run(self, frames: Frames) -> Answers:
        """Answer for frames [n, ...] of the medium that the model takes in.

        Raises:
            ModelError: They are of another.
        """
        if (given := medium_of(frames).input) != self._input:
            raise ModelError(f"model takes {self._input!r}, not {given!r}")
        prob = np.empty((len(frames), len(self.classes)), np.float32)
        emb = []
        for start in range(0, len(frames), _BATCH):
            chunk = np.ascontiguousarray(frames[start : start + _BATCH])
            found, vectors = self._session.run(["prob", "emb"], {self._input: chunk})
            prob[start : start + _BATCH] = found
            emb.append(vectors)
        return Answers(prob, np.concatenate(emb) if emb else np.empty((0, 128), np.float32))
