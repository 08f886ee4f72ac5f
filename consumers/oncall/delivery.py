"""Hands notifications to receivers: what is tried again, for how long, and what is refused."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_random_exponential,
)

from consumers.oncall.notification import Notification

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0


class ReceiverBusyError(Exception):
    """The receiver did not take it now; it may later.

    Attributes:
        retry_after_s: Seconds that it asked to be left alone for.
    """

    def __init__(self, why: str, retry_after_s: float = 0.0) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class ReceiverRefusedError(Exception):
    """The receiver will never take it."""


class Receiver(Protocol):
    """Someone who is told.

    Attributes:
        name: Name in the webhook body and in the outbox.
    """

    name: str

    def send(self, notification: Notification) -> str:
        """Hand over one notification; what was answered, in a word or two.

        Raises:
            ReceiverBusyError: Not now.
            ReceiverRefusedError: Never.
        """

    def close(self) -> None:
        """Give connections back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How the attempt to tell a receiver ended.

    Attributes:
        error: None when it was taken, else why it never will be.
    """

    attempts: int
    error: str | None = None


class StoppedError(Exception):
    """The process is asked to stop; the notification stays untold."""


def deliver(
    receiver: Receiver,
    notification: Notification,
    *,
    give_up_after_s: float,
    stop: threading.Event,
    sleep: Callable[[float], None] | None = None,
) -> Answer:
    """Tell a receiver, again and again with growing, jittered pauses, until it answers.

    Raises:
        StoppedError: `stop` was set before it was taken.
    """
    attempts = 0

    def count(state: RetryCallState) -> None:
        nonlocal attempts
        attempts = state.attempt_number

    retrying = Retrying(
        retry=retry_if_exception_type(ReceiverBusyError),
        wait=_pause,
        stop=stop_any(stop_after_delay(give_up_after_s), stop_when_event_set(stop)),
        sleep=sleep or sleep_using_event(stop),
        before=count,
        reraise=True,
    )
    try:
        retrying(receiver.send, notification)
    except ReceiverRefusedError as error:
        return Answer(attempts, str(error))
    except ReceiverBusyError as error:
        if stop.is_set():
            raise StoppedError from error
        return Answer(attempts, f"gave up after {give_up_after_s:g} s; last: {error}")
    return Answer(attempts)


_GROWING: Final = wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S)


def _pause(state: RetryCallState) -> float:
    """Full jitter, and never sooner than the receiver asked for."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after_s if isinstance(error, ReceiverBusyError) else 0.0
    return asked + _GROWING(state)
