"""Hands notifications to receivers: what is tried again, for how long, and what is refused."""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TextIO

import httpx
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

from infra.settings import SettingsError

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
TOO_MANY_REQUESTS: Final = 429


class ReceiverBusyError(Exception):
    """The receiver did not take it now; it may later."""


class ReceiverRefusedError(Exception):
    """The receiver will never take it."""


class Receiver(Protocol):
    """Someone who is told."""

    @property
    def name(self) -> str:
        """Name in the webhook body and in the outbox."""

    def send(self, body: dict[str, Any]) -> None:
        """Hand over one notification.

        Raises:
            ReceiverBusyError: Not now.
            ReceiverRefusedError: Never.
        """

    def close(self) -> None:
        """Give connections back."""


class WebhookReceiver:
    """Posts JSON to a URL. 2xx is taken; 429, 5xx and no answer are tried again; the rest is not.

    Args:
        timeout_s: How long connecting, sending and each wait for the answer may take.

    Raises:
        ValueError: The URL is none; it is not shown, since it may hold a secret.
    """

    name: Final = "webhook"

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = _checked(url)
        self._client = httpx.Client(timeout=timeout_s)

    def send(self, body: dict[str, Any]) -> None:
        """Hand over one notification; only the status line of the answer is read."""
        try:
            with self._client.stream("POST", self._url, json=body) as answer:
                status = answer.status_code
        except httpx.TransportError as error:
            raise ReceiverBusyError(f"{type(error).__name__}: {error}") from error
        if status == TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ReceiverBusyError(f"answered {status}")
        if not httpx.codes.is_success(status):
            raise ReceiverRefusedError(f"answered {status}, which is not tried again")

    def close(self) -> None:
        """Give connections back."""
        self._client.close()


def _checked(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise SettingsError(f"webhook_url: {error}; give http:// or https:// and a host") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise SettingsError(
            f"webhook_url: scheme {parsed.scheme!r}; give an address with http:// or https:// "
            "and a host"
        )
    return parsed


class StdoutReceiver:
    """Prints a line for each alert of a notification."""

    name: Final = "stdout"

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out

    def send(self, body: dict[str, Any]) -> None:
        """Print: status, severity, alert, summary."""
        for alert in body["alerts"]:
            severity = alert["labels"].get("severity", "")
            told = {
                "status": alert["status"],
                "severity": severity,
                "alertname": alert["labels"].get("alertname", ""),
                "summary": alert["annotations"].get("summary", ""),
            }
            self._out.write(json.dumps(told) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing to give back."""


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
    body: dict[str, Any],
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
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
        stop=stop_any(stop_after_delay(give_up_after_s), stop_when_event_set(stop)),
        sleep=sleep or sleep_using_event(stop),
        before=count,
        reraise=True,
    )
    try:
        retrying(receiver.send, body)
    except ReceiverRefusedError as error:
        return Answer(attempts, str(error))
    except ReceiverBusyError as error:
        if stop.is_set():
            raise StoppedError from error
        return Answer(attempts, f"gave up after {give_up_after_s:g} s; last: {error}")
    return Answer(attempts)
