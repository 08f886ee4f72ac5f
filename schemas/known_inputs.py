"""Known inputs: a handful of inputs and the class that a released model gives each of them.

They travel with a release. A device asks its new model for them before it lets it drive: a file
that is whole and verified may still answer otherwise on that hardware than where it was judged.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FORMAT: Final = "fleetloop.known/1"
MOST_BYTES: Final = 128 * 1024
"""Of one file: a device reads it whole."""
_TYPES: Final = frozenset({"uint8", "int16", "float32"})
_FIELDS: Final = frozenset({"format", "names", "dtype", "shape", "data"})


class KnownInputsError(ValueError):
    """Not known inputs; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class KnownInputs:
    """Inputs of a model and the name of the class that it gives each.

    Attributes:
        names: n names.
        inputs: [n, ...] of uint8, int16 or float32; each row is one input as the model takes it.

    Raises:
        KnownInputsError: There are none, or not a name for each, or another type.
    """

    names: tuple[str, ...]
    inputs: NDArray[Any]

    def __post_init__(self) -> None:
        if not self.names or len(self.names) != len(self.inputs):
            raise KnownInputsError(f"{len(self.inputs)} known inputs have {len(self.names)} names")
        if self.inputs.dtype.name not in _TYPES:
            raise KnownInputsError(f"known inputs of {self.inputs.dtype}: {', '.join(_TYPES)}")


def known_name(model_digest: str) -> str:
    """Name in the object store, for the model with this SHA-256."""
    return f"known-inputs/{model_digest}.json"


def to_json(known: KnownInputs) -> bytes:
    """The file; equal inputs give equal bytes.

    Raises:
        KnownInputsError: It would be larger than MOST_BYTES.
    """
    told = {
        "format": FORMAT,
        "names": list(known.names),
        "dtype": known.inputs.dtype.name,
        "shape": list(known.inputs.shape),
        "data": base64.b64encode(np.ascontiguousarray(known.inputs).tobytes()).decode(),
    }
    body = json.dumps(told, sort_keys=True).encode()
    if len(body) > MOST_BYTES:
        raise KnownInputsError(f"known inputs of {len(body)} bytes: at most {MOST_BYTES}")
    return body


def from_json(body: bytes) -> KnownInputs:
    """Read a file.

    Raises:
        KnownInputsError: It is none; nothing in it is believed but its shape.
    """
    if len(body) > MOST_BYTES:
        raise KnownInputsError(f"known inputs of {len(body)} bytes: at most {MOST_BYTES}")
    try:
        told = json.loads(body)
        if not isinstance(told, dict) or told.keys() != _FIELDS or told["format"] != FORMAT:
            raise KnownInputsError(f"known inputs: not of the form {FORMAT}")
        if told["dtype"] not in _TYPES or not all(isinstance(one, str) for one in told["names"]):
            raise KnownInputsError("known inputs: a type or a name is none")
        if not all(type(size) is int and size >= 0 for size in told["shape"]):
            raise KnownInputsError(f"known inputs: of shape {str(told['shape'])[:80]}")
        data = base64.b64decode(told["data"], validate=True)
        inputs = np.frombuffer(data, told["dtype"]).reshape(told["shape"])
        return KnownInputs(tuple(told["names"]), inputs)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise KnownInputsError(f"known inputs cannot be read: {error}") from error
