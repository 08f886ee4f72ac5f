"""Compare-and-set on `alerts`: whether a step is said already, and whose turn it is to be said."""

from dataclasses import dataclass
from typing import Final

from schemas.alert_log import AlertBook
from schemas.records import AlertState

AGAIN_AFTER_US: Final = 30_000_000


@dataclass(frozen=True, slots=True)
class _Sent:
    """A record on its way: nothing more is said of its alert until it is read back."""

    seq: int
    sent_us: int


class AlertWriter:
    """What a worker may say of each alert; it moves only by what is read back from the log.

    Args:
        book: What the log says of each alert.
    """

    def __init__(self, book: AlertBook) -> None:
        self._book = book
        self._sent: dict[str, _Sent] = {}

    def said(self, identity: str, state: AlertState, at_us: int) -> bool:
        """Whether the log says it, or knows better: its last word is of a later moment."""
        last = self._book.last(identity)
        if last is None:
            return state is AlertState.RESOLVED
        return at_us < last.watermark or state is last.state

    def claim(self, identity: str, now_us: int) -> int | None:
        """The `seq` to write now; None: one is on its way, and lost only after 30 s."""
        seq, sent = self._book.next_seq(identity), self._sent.get(identity)
        if sent is not None and sent.seq == seq and 0 <= now_us - sent.sent_us < AGAIN_AFTER_US:
            return None
        self._sent[identity] = _Sent(seq, now_us)
        return seq
