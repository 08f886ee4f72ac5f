"""The one error of everything that reads a record, and the classes it is counted under."""

from enum import StrEnum
from typing import Any, Final

MAX_SHOWN: Final = 120


class ErrorClass(StrEnum):
    """Why a record could not be used; the first column of every count of refusals."""

    FRAMING = "FRAMING"
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"
    AVRO = "AVRO"
    INVALID = "INVALID"
    REFUSED = "REFUSED"


class RecordError(ValueError):
    """A record that cannot be used: which field, with which value, breaks which rule.

    Attributes:
        error_class: What kind of refusal it is.
        field: Dotted path of the field, empty when the record as a whole is meant.
        value: What stood there; shown shortened.
        rule: The rule it breaks, as a sentence.
    """

    def __init__(
        self, error_class: ErrorClass | str, field: str | None, value: Any, rule: str
    ) -> None:
        super().__init__(error_class, field, value, rule)
        self.error_class = ErrorClass(error_class)
        self.field = field or ""
        self.value = value
        self.rule = rule

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{shown(self.value)}: {self.rule}"


class FramingError(RecordError):
    """The value does not open with the wire header."""

    def __init__(self, value: Any, rule: str) -> None:
        super().__init__(ErrorClass.FRAMING, None, value, rule)

    def __reduce__(self) -> tuple[type["FramingError"], tuple[Any, str]]:
        return type(self), (self.value, self.rule)


class UnknownSchemaError(RecordError):
    """No schema of that id, or none for that topic."""

    def __init__(self, value: Any, rule: str) -> None:
        super().__init__(ErrorClass.UNKNOWN_SCHEMA, "schema_id", value, rule)

    def __reduce__(self) -> tuple[type["UnknownSchemaError"], tuple[Any, str]]:
        return type(self), (self.value, self.rule)


def shown(value: Any) -> str:
    """The value for a message: its repr, at most `MAX_SHOWN` characters of it."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        head = bytes(value[:16]).hex()
        return f"{len(value)} bytes 0x{head}{'...' if len(value) > 16 else ''}"
    text = repr(value[:MAX_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."
