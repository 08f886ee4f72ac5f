"""Inference: single-threaded onnxruntime sessions of a model file, timed by their CPU time."""

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from producers.bundles import BundleError, members_of
from producers.device.yardstick import Yardstick
from producers.prototypes import METADATA, Prototypes, PrototypesError, from_text
from schemas.media import MEDIA, Frames, Medium

OUTPUTS: Final = ("prob", "emb")
WARMUP_RUNS: Final = 5
DOUBTED: Final = 2.0
"""How many times the usual an inference takes that is made once more."""
_USUAL_OF: Final = 31

Clock = Callable[[], int]
"""Nanoseconds; only differences mean anything."""


class EngineError(ValueError):
    """A model cannot be loaded or cannot answer; the message names model, value and rule."""


class DigestMismatchError(EngineError):
    """The bytes of a model are not those that were announced."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Results of n frames, one inference each.

    Attributes:
        top1: int [n], index of the best class. confidence: float [n], its probability.
        margin: float [n], best minus second. entropy: float [n], nats.
        emb: float32 [n, d], L2-normalised.
        cpu_ns: int [n], CPU time of this thread in the session. wall_ns: the same by wall clock.
        core_ns: int [n], the CPU time as the reference core would take it.
    """

    top1: list[int]
    confidence: list[float]
    margin: list[float]
    entropy: list[float]
    emb: npt.NDArray[np.float32]
    cpu_ns: list[int]
    wall_ns: list[int]
    core_ns: list[int]


@dataclass(frozen=True, slots=True)
class _Timed:
    """One inference: float32 `prob` [1, C] and `emb` [1, d], and the time it took."""

    prob: npt.NDArray[np.float32]
    emb: npt.NDArray[np.float32]
    cpu_ns: int
    wall_ns: int


class Engine:
    """A loaded model file, shared by all devices of a process that run the same digest.

    The members of a bundle run one after the other on each picture: the first one's answers
    count, the time of all, and where one fails, all have failed.

    Args:
        body: The ONNX file: frames of one medium, [N, ...], to `prob` [N, C] and `emb` [N, d]; or a
            bundle of such a file and of others with that input.
        digest: Its announced SHA-256, hex.
        cpu_clock: CPU time of this thread: on a shared machine the wall clock would measure the
            neighbours.
        yardstick: How fast this core is; None: it is the reference core.

    Raises:
        DigestMismatchError: The bytes have another SHA-256.
        EngineError: Not a model that onnxruntime loads, or other inputs and outputs; of a
            bundle, one member is not.

    Attributes:
        members: What is loaded, by name; an ordinary file is one.
        medium: Of the frames it answers.
    """

    def __init__(
        self,
        body: bytes,
        digest: str,
        cpu_clock: Clock = time.thread_time_ns,
        wall_clock: Clock = time.perf_counter_ns,
        yardstick: Yardstick | None = None,
    ) -> None:
        if (found := hashlib.sha256(body).hexdigest()) != digest:
            raise DigestMismatchError(f"model {digest}: the file's SHA-256 is {found}")
        self.digest = digest
        self._cpu, self._wall, self._yardstick = cpu_clock, wall_clock, yardstick
        self._recent: deque[int] = deque(maxlen=_USUAL_OF)
        try:
            files = members_of(body)
        except BundleError as error:
            raise EngineError(f"model {digest}: {error}") from error
        self.members = tuple(files)
        names = [f"{digest}, member {name}" if len(files) > 1 else digest for name in files]
        self._model, *self._beside = (
            _session(file, name) for name, file in zip(names, files.values(), strict=True)
        )
        self.medium = _medium(self._model, digest)
        for session, name in zip(self._beside, names[1:], strict=True):
            _check_input(session, name, self.medium)
        _check_outputs(self._model, digest)
        self.classes = _classes(self._model, digest)
        self.prototypes = _prototypes(self._model, digest)
        blank = np.zeros((1, *self.medium.shape), self.medium.dtype)
        for _ in range(WARMUP_RUNS):
            self._run(blank)

    def answer(self, frames: Sequence[Frames]) -> Answers:
        """Run each frame alone, as a device does; the session is cold for none of them.

        Raises:
            EngineError: A frame is of another medium than the model's, or the model fails.
        """
        for frame in frames:
            if not self.medium.fits(frame[None]):
                medium = self.medium
                raise EngineError(
                    f"{medium.name} of {frame.dtype} {list(frame.shape)}: must be "
                    f"{medium.dtype} {list(medium.shape)}"
                )
        core = 1.0 if self._yardstick is None else self._yardstick.reference_per_here()
        # What the simulator did between two batches is not on a device's caches: one run unjudged.
        self._run(frames[0][None])
        made = [self._timed(frame[None]) for frame in frames]
        prob = np.concatenate([one.prob for one in made])
        emb = np.concatenate([one.emb for one in made])
        self._check_finite((prob, emb))
        cpu_ns = [one.cpu_ns for one in made]
        return _read(
            prob,
            emb,
            cpu_ns=cpu_ns,
            wall_ns=[one.wall_ns for one in made],
            core_ns=[round(ns * core) for ns in cpu_ns],
        )

    def _timed(self, alone: Frames) -> _Timed:
        """One inference; of one that takes strangely long, the shorter of two.

        A neighbour on the machine only ever adds to the time of the same work, and seldom twice.
        """
        found = self._once(alone)
        if self._recent and found.cpu_ns > DOUBTED * median(self._recent):
            again = self._once(alone)
            found = min(found, again, key=lambda one: one.cpu_ns)
        self._recent.append(found.cpu_ns)
        return found

    def _once(self, alone: Frames) -> _Timed:
        began_wall, began_cpu = self._wall(), self._cpu()
        prob, emb, *beside = self._run(alone)
        cpu_ns = self._cpu() - began_cpu
        wall_ns = self._wall() - began_wall
        self._check_finite(beside)
        return _Timed(prob, emb, cpu_ns, wall_ns)

    def _run(self, frames: Frames) -> list[Any]:
        """`prob` and `emb` of the model, then all outputs of the members beside it."""
        taken = {self.medium.input: frames}
        try:
            found: list[Any] = self._model.run(OUTPUTS, taken)
            for member in self._beside:
                found += member.run(None, taken)
        except _RUNTIME_ERRORS as error:
            raise EngineError(f"model {self.digest}: inference failed: {error}") from error
        return found

    def _check_finite(self, outputs: Sequence[Any]) -> None:
        for output in outputs:
            numbers = np.asarray(output)
            if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
                raise EngineError(f"model {self.digest}: answered with numbers that are not finite")


def _session(body: bytes, digest: str) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(body, options, providers=["CPUExecutionProvider"])
    except _RUNTIME_ERRORS as error:
        raise EngineError(f"model {digest}: onnxruntime cannot load it: {error}") from error
    return session


def _medium(session: Any, digest: str) -> Medium:
    """What a model takes in."""
    found = next((one for one in MEDIA.values() if _inputs(session) == _taking(one)), None)
    if found is None:
        forms = " or ".join(f"{one.input}, {one.form}" for one in MEDIA.values())
        raise EngineError(f"model {digest}: inputs {_inputs(session)}; must be {forms}")
    return found


def _check_input(session: Any, digest: str, medium: Medium) -> None:
    if _inputs(session) != _taking(medium):
        raise EngineError(
            f"model {digest}: inputs {_inputs(session)}; must be {medium.input}, {medium.form}"
        )


def _inputs(session: Any) -> list[tuple[str, str, tuple[Any, ...]]]:
    return [(node.name, node.type, tuple(node.shape[1:])) for node in session.get_inputs()]


def _taking(medium: Medium) -> list[tuple[str, str, tuple[Any, ...]]]:
    return [(medium.input, f"tensor({medium.dtype})", medium.shape)]


def _check_outputs(session: Any, digest: str) -> None:
    outputs = {node.name for node in session.get_outputs()}
    if missing := set(OUTPUTS) - outputs:
        raise EngineError(f"model {digest}: no output {', '.join(sorted(missing))}")


def _classes(session: Any, digest: str) -> tuple[str, ...]:
    text = session.get_modelmeta().custom_metadata_map.get("classes")
    try:
        names = json.loads(text) if text is not None else None
    except ValueError as error:
        raise EngineError(f"model {digest}: metadata classes={text!r}: not JSON") from error
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise EngineError(
            f"model {digest}: metadata classes={text!r}: must be a JSON list of class names"
        )
    return tuple(names)


def _prototypes(session: Any, digest: str) -> Prototypes | None:
    """What the model knows, for novelty; None: it came without, as older releases did."""
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    try:
        return None if text is None else from_text(text)
    except PrototypesError as error:
        raise EngineError(f"model {digest}: {error}") from error


def _read(
    prob: npt.NDArray[np.float32],
    emb: npt.NDArray[np.float32],
    *,
    cpu_ns: list[int],
    wall_ns: list[int],
    core_ns: list[int],
) -> Answers:
    """Everything a device wants to know of its results, for the whole batch at once."""
    prob = np.clip(prob.astype(np.float64), 0.0, 1.0)
    top1 = prob.argmax(axis=1)
    best = prob[np.arange(len(prob)), top1]
    second = np.partition(prob, -2, axis=1)[:, -2] if prob.shape[1] > 1 else np.zeros(len(prob))
    entropy = -(prob * np.log(np.maximum(prob, 1e-12))).sum(axis=1)
    return Answers(
        top1=top1.tolist(),
        confidence=best.tolist(),
        margin=(best - second).tolist(),
        entropy=np.maximum(entropy, 0.0).tolist(),
        emb=emb,
        cpu_ns=cpu_ns,
        wall_ns=wall_ns,
        core_ns=core_ns,
    )


def _runtime_errors() -> tuple[type[Exception], ...]:
    errors = ort.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented")
    extra = ("RuntimeException", "NoSuchFile", "EPFail")
    return (*(getattr(errors, name) for name in (*names, *extra)), ValueError, RuntimeError)


_RUNTIME_ERRORS: Final = _runtime_errors()
