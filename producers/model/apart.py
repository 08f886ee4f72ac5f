"""Training in a process of its own: one BLAS thread, and its memory is given back at the end."""

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.media import Frames

TIMEOUT_S: Final = 600.0
_WATCH_S: Final = 0.25
_ONE_THREAD: Final = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True)
class Proving:
    """What prototypes need beside the training frames.

    Attributes:
        groups: int64 [n], which encounter each training frame belongs to.
        validation: Validation frames [m, ...]. validation_groups: int64 [m], likewise.
    """

    groups: NDArray[np.int64]
    validation: NDArray[Any]
    validation_groups: NDArray[np.int64]


class TrainingError(RuntimeError):
    """Training did not give a model; the message holds what it said last."""


def fit_apart(
    frames: Frames,
    labels: NDArray[np.int64],
    weights: NDArray[np.float32],
    classes: Sequence[str],
    dataset_id: str,
    seed: int,
    proving: Proving | None = None,
) -> bytes:
    """`training.fit` in a child process: the same arguments give the same bytes on one machine.

    With `proving` the model carries prototypes of what it was trained on.

    Raises:
        TrainingError: It failed, or took longer than TIMEOUT_S.
    """
    task = io.BytesIO()
    about = json.dumps({"classes": list(classes), "dataset_id": dataset_id, "seed": seed})
    arrays: dict[str, Any] = {"frames": frames, "labels": labels, "weights": weights}
    arrays |= {} if proving is None else asdict(proving)
    np.savez(task, about=np.array(about), **arrays)
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, module and process id
            [sys.executable, "-m", "producers.model.apart", str(os.getpid())],
            input=task.getbuffer(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env=os.environ | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingError(
            f"training on {len(labels)} frames: not done after {TIMEOUT_S} s; use fewer"
        ) from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise TrainingError(
            f"training on {len(labels)} frames: exit status {done.returncode}: {' | '.join(said)}"
        )
    return done.stdout


def main() -> None:
    """Read a task from standard input, write the model file to standard output."""
    watch = threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True)
    watch.start()
    from producers.model.training import fit  # noqa: PLC0415 - the parent needs none of it

    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as task:
        about = json.loads(str(task["about"]))
        model = fit(task["frames"], task["labels"], task["weights"], **about)
        if "groups" in task:
            from producers.model.proving import with_prototypes  # noqa: PLC0415 - as above

            more = [task[name] for name in Proving.__dataclass_fields__]
            model = with_prototypes(model, task["frames"], task["labels"], *more)
    sys.stdout.buffer.write(model)


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, even by kill -9: nobody waits for the model."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


if __name__ == "__main__":
    main()
