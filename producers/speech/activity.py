"""Voice activity: which steps of 32 ms hold speech, by their energy or by Silero's network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from scipy.signal import resample_poly

from producers.camera.camera import CameraError
from schemas.sound_strips import RATE_HZ, STEP

Activity = Callable[[NDArray[np.int16]], NDArray[np.bool_]]
"""Sounds int16 [n, steps x STEP] to bool [n, steps]; a step is judged by what came before it."""

_MEMORY: Final = 32
"""Steps, about a second, whose quietest one is the room."""
_ABOVE: Final = 2.2
_FAINT: Final = 12.0

_SILERO_RATE_HZ: Final = 16_000
_SILERO_STEP: Final = STEP * _SILERO_RATE_HZ // RATE_HZ
_CONTEXT: Final = 64
_SPEAKS: Final = 0.5


def open_activity(source: Literal["energy"] | Path) -> Activity:
    """The judge that a scenario names.

    Raises:
        CameraError: The file is no Silero network for 16 kHz.
    """
    return Silero(source) if isinstance(source, Path) else loud


def loud(sounds: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Steps clearly louder than the quietest of the last second (after Martin 2001)."""
    steps = sounds.reshape(len(sounds), -1, STEP).astype(np.float64)
    level = np.sqrt((steps**2).mean(axis=2))
    before = np.pad(level, ((0, 0), (_MEMORY - 1, 0)), constant_values=np.inf)
    room = np.lib.stride_tricks.sliding_window_view(before, _MEMORY, axis=1).min(axis=2)
    speaks: NDArray[np.bool_] = level > _ABOVE * room + _FAINT
    return speaks


class Silero:
    """Silero VAD (MIT), read from where the user has it: silero_vad_16k_op15.onnx.

    Args:
        path: `input` float32 [n, 576], `state` float32 [2, n, 128], `sr`, to `output`, `stateN`.

    Raises:
        CameraError: The file is missing or another network.
    """

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = ort.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise CameraError(f"voice activity {path}: {error.strerror}; name the file") from error
        except Exception as error:  # onnxruntime's errors share no base of their own
            raise CameraError(f"voice activity {path}: onnxruntime refuses it: {error}") from error
        if (found := {one.name for one in self._session.get_inputs()}) != {"input", "state", "sr"}:
            raise CameraError(
                f"voice activity {path}: inputs {sorted(found)}; must be Silero's for 16 kHz"
            )

    def __call__(self, sounds: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Which steps hold speech."""
        wide = resample_poly(sounds.astype(np.float32) / 32_768, 2, 1, axis=1).astype(np.float32)
        state = np.zeros((2, len(sounds), 128), np.float32)
        heard = np.pad(wide, ((0, 0), (_CONTEXT, 0)))
        said = []
        for begin in range(0, wide.shape[1], _SILERO_STEP):
            piece = np.ascontiguousarray(heard[:, begin : begin + _CONTEXT + _SILERO_STEP])
            rate = np.array(_SILERO_RATE_HZ, np.int64)
            found, state = self._session.run(None, {"input": piece, "state": state, "sr": rate})
            said.append(found[:, 0] > _SPEAKS)
        return np.stack(said, axis=1)
