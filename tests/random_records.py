"""Random records of any topic, made from the shape of its schema; and mutations of bytes."""

import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

from schemas import records
from schemas.codec import newest_shape
from schemas.registry import FileRegistry
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    MapShape,
    NullableShape,
    RecordShape,
    Shape,
)

LETTERS: Final = string.ascii_letters + "äß€😀\x00"
EDGES: Final = {
    "int": (0, -1, 63, 64, -64, -65, 2**31 - 1, -(2**31)),
    "long": (0, -1, 8191, 8192, 2**63 - 1, -(2**63), 1_763_769_600_000_000),
}


def random_record(rng: random.Random, topic: str) -> Any:
    """A record with any values its types allow: strings of any script, integers at their edges."""
    return _value(rng, newest_shape(FileRegistry(), topic))


def _value(rng: random.Random, shape: Shape) -> Any:
    match shape:
        case RecordShape():
            made = {field.name: _value(rng, field.shape) for field in shape.fields}
            return getattr(records, shape.name)(**made)
        case EnumShape():
            return getattr(records, shape.name)(rng.choice(shape.symbols))
        case ArrayShape():
            return tuple(_value(rng, shape.items) for _ in range(rng.randrange(4)))
        case MapShape():
            names = {_text(rng) for _ in range(rng.randrange(4))}
            return {name: _value(rng, shape.values) for name in sorted(names)}
        case NullableShape():
            return None if rng.random() < 0.4 else _value(rng, shape.of)
        case _:
            return _primitive(rng, shape.name)


def _primitive(rng: random.Random, name: str) -> Any:
    match name:
        case "boolean":
            return rng.random() < 0.5
        case "string":
            return _text(rng)
        case "bytes":
            return rng.randbytes(rng.randrange(20))
        case "float":
            return rng.randrange(-1000, 1000) / 8  # exact in 32 bits
        case "double":
            return rng.choice((0.0, -0.0, 1.5, float("inf"), rng.gauss(0, 1e6)))
        case _:
            bits = 31 if name == "int" else 63
            return rng.choice((*EDGES[name], rng.randrange(-(2**bits), 2**bits)))


def _text(rng: random.Random) -> str:
    return "".join(rng.choices(LETTERS, k=rng.randrange(12)))


def mutated(rng: random.Random, value: bytes) -> bytes:
    """The bytes with one to four places changed, cut out or filled in; sometimes the header."""
    raw = bytearray(value)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(0 if rng.random() < 0.1 else min(5, len(raw)), len(raw) + 1)
        match rng.randrange(5):
            case 0:
                raw[place : place + 1] = rng.randbytes(1)
            case 1:
                raw[place:place] = rng.randbytes(rng.randint(1, 12))
            case 2:
                del raw[place : place + rng.randint(1, 8)]
            case 3:
                raw[place:place] = b"\xff" * rng.randint(1, 10) + b"\x01"
            case _:
                raw[place : place + 1] = bytes(
                    byte ^ 1 << rng.randrange(8) for byte in raw[place : place + 1]
                )
    return bytes(raw)


def plain(value: Any) -> Any:
    """Records as dicts, sequences as lists, NaN as text: what two readers must agree on."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(item) for item in value]
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return "NaN"
    return value
