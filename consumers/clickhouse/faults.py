"""What a refusal of ClickHouse means: wait, take a new lease, split the batch, or stop; pure."""

from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What to do about an error."""

    WAIT = "WAIT"  # passes by itself: send the same bytes under the same token again
    LEASE = "LEASE"  # too late: write the range into the ledger again, then send again
    ROW = "ROW"  # a row is at fault: halve the batch until it stands alone
    STOP = "STOP"  # nothing but a person helps


_LEASE: Final = 395  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO: only the lease check throws

_FULL: Final = "No space left on device"

_WAIT: Final = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        164,  # READONLY: a server that is starting or draining
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        216,  # QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: an earlier try of this insert
        236,  # ABORTED: the server is shutting down
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY: Keeper is away
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS: merges are behind
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        439,  # CANNOT_SCHEDULE_TASK
        473,  # DEADLOCK_AVOIDED
        999,  # KEEPER_EXCEPTION
    }
)

_ROW: Final = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        33,  # CANNOT_READ_ALL_DATA
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        190,  # SIZES_OF_ARRAYS_DONT_MATCH
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
    }
)


def fault(code: int, status: int, words: str = "") -> Fault:
    """Meaning of an error.

    Args:
        code: ClickHouse's exception code; 0 when the answer named none.
        status: HTTP status.
        words: What the answer says.
    """
    if _FULL in words:  # several codes say it, by where the write was
        return Fault.WAIT
    if code == _LEASE:
        return Fault.LEASE
    if code in _WAIT:
        return Fault.WAIT
    if code in _ROW:
        return Fault.ROW
    # A proxy in between speaks for a server that is away, without a ClickHouse code.
    return Fault.WAIT if code == 0 and status in {408, 429, 500, 502, 503, 504} else Fault.STOP
