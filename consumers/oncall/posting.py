"""Posts JSON to a receiver: 2xx is taken; 429, 5xx and no answer may be later; the rest never."""

import time
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from pydantic import SecretStr

from consumers.oncall.delivery import ReceiverBusyError, ReceiverRefusedError

TOO_MANY_REQUESTS: Final = 429
SAID_CHARACTERS: Final = 300
LONGEST_RETRY_AFTER_S: Final = 300.0


class Post:
    """One address that takes JSON.

    Args:
        url: Where; it is never shown, since it may hold a secret.
        timeout_s: How long connecting, sending and each wait for the answer may take.
        bearer: Sent as `Authorization: Bearer`.
    """

    def __init__(self, url: str, timeout_s: float, bearer: SecretStr | None = None) -> None:
        self._url = url
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer.get_secret_value()}"}
        self._client = httpx.Client(timeout=timeout_s, headers=headers)

    def __call__(self, body: Any) -> str:
        """Post; the status that was answered.

        Raises:
            ReceiverBusyError: 429, 5xx, or no answer.
            ReceiverRefusedError: Any other code; the message holds the beginning of the answer.
        """
        try:
            with self._client.stream("POST", self._url, json=body) as answer:
                status = answer.status_code
                said = "" if answer.is_success else _said(answer)
        except httpx.TransportError as error:
            raise ReceiverBusyError(f"{type(error).__name__}: {error}") from error
        if status == TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ReceiverBusyError(f"answered {status}{said}", _retry_after_s(answer.headers))
        if not httpx.codes.is_success(status):
            raise ReceiverRefusedError(f"answered {status}, which is not tried again{said}")
        return f"answered {status}"

    def close(self) -> None:
        """Give connections back."""
        self._client.close()


def _said(answer: httpx.Response) -> str:
    """The beginning of a refusal's body: it is what the person who mends it needs."""
    text = b""
    for part in answer.iter_bytes(SAID_CHARACTERS):
        text += part
        if len(text) >= SAID_CHARACTERS:
            break
    words = " ".join(text[:SAID_CHARACTERS].decode(errors="replace").split())
    return f": {words}" if words else ""


def _retry_after_s(headers: httpx.Headers) -> float:
    """Seconds of a Retry-After header (RFC 9110 10.2.3), at most five minutes."""
    text = headers.get("Retry-After", "").strip()
    if text.isdigit():
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)
