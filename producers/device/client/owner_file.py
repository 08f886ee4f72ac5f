"""An owner who answers by a command: a word in the device's folder, taken at its next look."""

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

from producers.device.client.attempt import Phase
from producers.device.client.files import Files, replace_file
from producers.device.client.journal import NotKeptError
from producers.device.client.ota import OtaClient

log = logging.getLogger(__name__)

NAME: Final = "owner.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What an owner says.

    Attributes:
        release_id: About which offer.
        later_s: Seconds to put it off; None: the owner consents.
    """

    release_id: str
    later_s: float | None = None


def say(files: Files, word: Word) -> None:
    """Leave a word for the device; a later one replaces it. Raises OSError."""
    replace_file(files, NAME, json.dumps(asdict(word)).encode())


class OwnerFile:
    """The device's side: hands the word to the client, once."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def speak(self, client: OtaClient, now_us: int) -> None:
        """Answer what is offered, if the owner has."""
        at = client.attempt
        if at is None or at.phase is not Phase.OFFER:
            return
        with suppress(NotKeptError, OSError):  # the word stays, and is taken at the next look
            body = self._files.read(NAME)
            if body is not None:
                self._take(client, at.wanted.model.release_id, body, now_us)
                self._files.remove(NAME)

    def _take(self, client: OtaClient, offered: str, body: bytes, now_us: int) -> None:
        try:
            word = Word(**json.loads(body))
            if word.release_id != offered:
                log.warning("the owner speaks of %s, %s is offered", word.release_id, offered)
            elif word.later_s is None:
                client.agree()
                log.info("%s: the owner consents", offered)
            else:
                client.postpone(float(word.later_s), now_us)
                log.info("%s: the owner puts it off by %g s", offered, word.later_s)
        except (ValueError, TypeError) as error:
            log.warning("the owner's word does not count: %s", error)
