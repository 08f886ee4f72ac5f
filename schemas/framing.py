"""The Confluent wire header: a zero byte, then the schema id as four bytes, then the Avro body."""

import struct
from typing import Final

from schemas.errors import FramingError

MAGIC: Final = 0
HEADER: Final = struct.Struct(">BI")
HEADER_BYTES: Final = HEADER.size
MAX_SCHEMA_ID: Final = 2**31 - 1


def frame(schema_id: int, body: bytes) -> bytes:
    """Put the header before an Avro body.

    Raises:
        FramingError: The id is not in [1, 2^31): registries give positive 32-bit ints.
    """
    return header(schema_id) + body


def header(schema_id: int) -> bytes:
    """The five bytes that open every value of this schema."""
    if not 0 < schema_id <= MAX_SCHEMA_ID:
        raise FramingError(schema_id, f"a schema id is in [1, {MAX_SCHEMA_ID}]")
    return HEADER.pack(MAGIC, schema_id)


def unframe(value: bytes | None) -> tuple[int, bytes]:
    """Split a value into schema id and Avro body.

    Raises:
        FramingError: The value is missing (a tombstone), shorter than the header, or opens
            with another byte than zero.
    """
    if value is None:
        raise FramingError(value, "a record has a value; a tombstone is not a record")
    if len(value) < HEADER_BYTES:
        raise FramingError(value, f"a value opens with a header of {HEADER_BYTES} bytes")
    magic, schema_id = HEADER.unpack_from(value)
    if magic != MAGIC:
        raise FramingError(value, "the first byte of a value is 0")
    return schema_id, value[HEADER_BYTES:]
